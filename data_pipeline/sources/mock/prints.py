"""The trades (체결) of one minute, which add up to its bar exactly: volume, value, open, high, low and close."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import NamedTuple

from data_pipeline.market.records import MinuteBar

BUYER, SELLER, NOBODY = 1, -1, 0
MINUTE = 60_000
"""Milliseconds."""
_MOST_AT_ONCE = 6
"""So many trades the frames hold that were seen on the wire."""


class Print(NamedTuple):
    """One trade."""

    at: int
    """Milliseconds after the start of its minute."""
    price: int
    volume: int
    taker: int
    """Who took the price: ``BUYER``, ``SELLER``, or ``NOBODY`` in an auction."""


def auction_print(bar: MinuteBar) -> Print:
    """Return the one trade of an auction's bar, in which no side takes the price."""
    return Print(0, bar.close, bar.volume, NOBODY)


def minute_prints(key: int, bar: MinuteBar, wanted: int, tick: int, *, opens: bool = False) -> list[Print]:
    """Return the trades of a minute, oldest first.

    The first is at the open, the last at the close. All but one are on the grid of ticks above the low: that one, of a
    single share, makes the value right, as a trade at a midpoint does.

    Args:
        key: The noise of this minute.
        bar: What they add up to; at least eight shares.
        wanted: How many there should be; fewer where the value leaves no choice.
        tick: The distance of prices, won.
        opens: Whether the first one is the opening auction.
    """
    draws = Random(key)  # noqa: S311 - the same minute must have the same trades
    least = 2 + len({bar.high, bar.low} - {bar.open, bar.close})
    count = max(min(wanted, bar.volume // 2), least)
    while True:
        prices = _prices(draws, bar, count, tick)
        volumes = _volumes(draws, bar.volume, count, opens=opens)
        if _balance(prices, volumes, bar.trading_value):
            return _timed(draws, prices, volumes, opens=opens)
        if count == least:
            raise ValueError(f"no trades add up to {bar}")
        count = max(count // 3, least)


def _prices(draws: Random, bar: MinuteBar, count: int, tick: int) -> list[int]:
    """Return a walk from the open to the close that touches the high and the low."""
    first, last = (bar.high, bar.low) if draws.random() < 0.5 else (bar.low, bar.high)
    inner = [price for price in (first, last) if price not in (bar.open, bar.close)]
    places = sorted({1 + int(draws.random() * max(count - 2, 1)) for _ in inner})
    if len(places) < len(inner):
        places = list(range(1, 1 + len(inner)))
    anchors = [(0, bar.open), *zip(places, inner, strict=True), (count - 1, bar.close)]
    steps = (bar.high - bar.low) // tick
    near = min(steps, 4)
    prices: list[int] = []
    for (start, left), (end, right) in pairwise(anchors):
        for place in range(start, end):
            line = left + (right - left) * (place - start) // (end - start)
            step = (line - bar.low) // tick + int(draws.random() * (near + 1)) - near // 2
            prices.append(left if place == start else bar.low + tick * min(max(step, 0), steps))
    return [*prices, bar.close]


def _volumes(draws: Random, volume: int, count: int, *, opens: bool) -> list[int]:
    """Return that many volumes, each at least one share; a few large ones among small ones, and a large auction."""
    weights = [1 + int(draws.random() * 16) ** 2 for _ in range(count)]
    if opens:
        weights[0] = sum(weights) // 2
    spare, total = volume - count, sum(weights)
    volumes = [1 + spare * weight // total for weight in weights]
    volumes[int(draws.random() * count)] += volume - sum(volumes)
    return volumes


def _balance(prices: list[int], volumes: list[int], value: int) -> bool:
    """Move shares between trades until their value is right; return whether it could be done."""
    off = value - sum(price * volume for price, volume in zip(prices, volumes, strict=True))
    if not off:
        return True
    # From the cheapest to the dearest where value lacks, the other way where there is too much of it.
    order = sorted(range(len(prices)), key=prices.__getitem__, reverse=off < 0)
    give, take = 0, len(order) - 1
    while give < take:
        giver, taker = order[give], order[take]
        gain = prices[taker] - prices[giver]
        moved = min(volumes[giver] - 1, off // gain) if gain else 0
        volumes[giver] -= moved
        volumes[taker] += moved
        off -= moved * gain
        if not off:
            return True
        if volumes[giver] > 1 and gain:
            # What is left is less than one step of this pair: one share trades in between.
            volumes[giver] -= 1
            place = giver + 1 if giver < len(prices) - 1 else giver
            prices.insert(place, prices[giver] + off)
            volumes.insert(place, 1)
            return True
        give += 1
    return False


def _timed(draws: Random, prices: list[int], volumes: list[int], *, opens: bool) -> list[Print]:
    """Spread trades over the minute, some at once: an order that takes several prices; more of them when it is busy."""
    count = len(prices)
    most = _MOST_AT_ONCE if count > 300 or opens else 3 if count > 60 else 2
    starts: list[int] = []
    place = 0
    while place < count:
        starts.append(place)
        place += 1 + int(draws.random() * most)
    found: list[Print] = []
    before, taker = prices[0], BUYER
    for nth, (start, end) in enumerate(pairwise([*starts, count])):
        at = int((nth + draws.random()) * MINUTE) // len(starts)
        for price, volume in zip(prices[start:end], volumes[start:end], strict=True):
            if price != before:
                taker = BUYER if price > before else SELLER
            elif draws.random() < 0.2:
                taker = -taker
            before = price
            found.append(Print(at, price, volume, taker))
    if opens:
        found[0] = found[0]._replace(at=0, taker=NOBODY)
    return found
