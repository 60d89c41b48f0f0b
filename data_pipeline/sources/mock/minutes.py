"""Minute bars that add up to their daily bar exactly, by halving the day again and again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from data_pipeline.market.price_rules import tick_size
from data_pipeline.market.records import MinuteBar
from data_pipeline.sources.mock.days import FEWEST_IN_ALL, SHARES_PER_MINUTE, Day
from data_pipeline.sources.mock.issue import Issue
from data_pipeline.sources.mock.noise import below, mixed

FEWEST = 4
"""The fewest shares in a minute bar that has room for an open, a high, a low and a close."""
AUCTION_MINUTES = 10
"""The closing auction collects orders for this long and trades once, at its end."""

_OF_PRICES = 3
"""Shares of a minute that may have to trade at its open, high and close, whatever its average price."""
_CHOICE, _HALVING = 7 << 40, 8 << 40


class Stretch(NamedTuple):
    """Consecutive minutes that trade, as one bar: what its parts have to add up to."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int


def minute_bars(issue: Issue, index: int, day: Day, opens: datetime, closes: datetime) -> list[MinuteBar]:
    """Return the minutes that traded, oldest first; empty when the session has no trades in regular hours.

    Args:
        issue: Whose minutes.
        index: The session's index.
        day: The session's figures; volumes and values of the minutes add up to them.
        opens: When continuous trading begins.
        closes: When the closing auction trades; no minute of the ten before it does.
    """
    if not day.open:
        return []
    whole, minutes = _continuous(issue, index, day, opens, closes)
    parts: list[Stretch] = []
    tick = tick_size(day.high, issue.board)  # ticks of dearer prices are multiples of the ticks of cheaper ones
    _halve(mixed(issue.key, _HALVING + index), whole, len(minutes), tick, parts)
    bars = [
        MinuteBar(issue.code, opens + timedelta(minutes=at), *part) for at, part in zip(minutes, parts, strict=True)
    ]
    if day.auction_volume:
        price = (day.close,) * 4
        bars.append(MinuteBar(issue.code, closes, *price, day.auction_volume, day.close * day.auction_volume))
    return bars


def stretch_so_far(
    issue: Issue, index: int, day: Day, opens: datetime, closes: datetime, at: datetime
) -> Stretch | None:
    """Return what the minutes that have ended by ``at`` add up to, before the auction; None before the first one.

    It is the sum of the bars of :func:`minute_bars`, worked out in few steps: only halves that ``at`` cuts are divided.
    """
    whole, minutes = _continuous(issue, index, day, opens, closes)
    ended = bisect_left(minutes, int((at - opens).total_seconds()) // 60)
    if not ended:
        return None
    tick = tick_size(day.high, issue.board)
    return _beginning(mixed(issue.key, _HALVING + index), whole, len(minutes), tick, ended)


def _continuous(issue: Issue, index: int, day: Day, opens: datetime, closes: datetime) -> tuple[Stretch, Sequence[int]]:
    """Return continuous trading as a whole, and which of its minutes trade, counted from the open."""
    length = int((closes - opens).total_seconds()) // 60 - AUCTION_MINUTES
    volume = day.volume - day.auction_volume
    value = day.value - day.close * day.auction_volume
    whole = Stretch(day.open, day.high, day.low, day.last_continuous, volume, value)
    return whole, _traded_minutes(issue, index, length, volume)


def _beginning(key: int, whole: Stretch, minutes: int, tick: int, ended: int) -> Stretch:
    """Return the first ``ended`` minutes of a stretch as one."""
    if ended == minutes:
        return whole
    bits = mixed(key, minutes)
    early = minutes // 2
    left, right = _divided(whole, bits, early, minutes, tick)
    if ended <= early:
        return _beginning(bits, left, early, tick, ended)
    more = _beginning(~bits, right, minutes - early, tick, ended - early)
    high, low = max(left.high, more.high), min(left.low, more.low)
    return Stretch(left.open, high, low, more.close, left.volume + more.volume, left.value + more.value)


def _traded_minutes(issue: Issue, index: int, length: int, volume: int) -> Sequence[int]:
    wanted = max(volume // FEWEST_IN_ALL, 1)
    if wanted >= length:
        return range(length)
    key = mixed(issue.key, _CHOICE + index)
    return sorted({(nth * 256 + below(key, nth, 256)) * length // (wanted * 256) for nth in range(wanted)})


def _halve(key: int, whole: Stretch, minutes: int, tick: int, parts: list[Stretch]) -> None:
    if minutes == 1:
        parts.append(whole)
        return
    bits = mixed(key, minutes)
    early = minutes // 2
    left, right = _divided(whole, bits, early, minutes, tick)
    _halve(bits, left, early, tick, parts)
    _halve(~bits, right, minutes - early, tick, parts)


def _divided(whole: Stretch, bits: int, early: int, minutes: int, tick: int) -> tuple[Stretch, Stretch]:
    opened, high, low, close, volume, value = whole
    late = minutes - early
    spare = volume - FEWEST * minutes
    volume_left = FEWEST * early + spare * early * (192 + (bits & 127)) // (256 * minutes)
    volume_left = max(min(volume_left, volume - SHARES_PER_MINUTE * late), SHARES_PER_MINUTE * early)
    volume_right = volume - volume_left
    middle = (opened + close) // 2 + (high - low) * ((bits >> 8 & 1023) - 512) // 2048
    middle = min(max((middle + tick // 2) // tick * tick, low), high)
    high_left, high_right = _reach_up(whole, middle, bits >> 20, tick)
    low_left, low_right = _reach_down(whole, middle, bits >> 40, tick)

    def room_for_prices() -> tuple[int, int]:
        return _OF_PRICES * early * (high_left - low_left), _OF_PRICES * late * (high_right - low_right)

    def most() -> int:
        return high_left * volume_left + high_right * volume_right - sum(room_for_prices())

    if value > most():
        high_left = high_right = high
    floor = low_left * volume_left + low_right * volume_right
    if value < floor + sum(room_for_prices()):
        low_left = low_right = low
        floor = low * volume
        if value > most():
            high_left = high_right = high
    room = high_left * volume_left + high_right * volume_right - floor
    above_left = (value - floor) * (high_left - low_left) * volume_left // room if room else 0
    left, right = room_for_prices()
    # Each half keeps what its minutes' own opens, highs and closes take above its low, and as much below its high.
    above = value - floor
    fewest = max(left, above - ((high_right - low_right) * volume_right - right))
    highest = min((high_left - low_left) * volume_left - left, above - right)
    value_left = low_left * volume_left + max(fewest, min(above_left, highest))
    return (
        Stretch(opened, high_left, low_left, middle, volume_left, value_left),
        Stretch(middle, high_right, low_right, close, volume_right, value - value_left),
    )


def _reach_up(whole: Stretch, middle: int, bits: int, tick: int) -> tuple[int, int]:
    """Return the highs of both halves, one of which is the high of the whole."""
    left, right, high = max(whole.open, middle), max(middle, whole.close), whole.high
    left = max(left, (left + ((high - left) * (bits & 127) >> 8)) // tick * tick)
    right = max(right, (right + ((high - right) * (bits >> 7 & 127) >> 8)) // tick * tick)
    if high in (left, right):
        return left, right
    return (high, right) if bits >> 14 & 1 else (left, high)


def _reach_down(whole: Stretch, middle: int, bits: int, tick: int) -> tuple[int, int]:
    """Return the lows of both halves, one of which is the low of the whole."""
    left, right, low = min(whole.open, middle), min(middle, whole.close), whole.low
    left = min(left, -((((left - low) * (bits & 127) >> 8) - left) // tick) * tick)
    right = min(right, -((((right - low) * (bits >> 7 & 127) >> 8) - right) // tick) * tick)
    if low in (left, right):
        return left, right
    return (low, right) if bits >> 14 & 1 else (left, low)
