"""One session of one issue in full: open, high, low, volume, value and the closing auction."""

from __future__ import annotations

from typing import NamedTuple

from data_pipeline.market.price_rules import ceil_to_tick, floor_to_tick, next_tick, previous_tick, round_to_tick
from data_pipeline.sources.mock.closes import base_price, close_price, price_limits
from data_pipeline.sources.mock.issue import Issue
from data_pipeline.sources.mock.noise import ONE, bell, below, between, mixed, power_of_two

SHARES_PER_MINUTE = 4
"""The fewest shares in a minute bar that has room for an open, a high, a low and a close."""

_BELL_UNIT = 37837
_AUCTION_MINIMUM = 400

_OPEN, _RANGE, _VOLUME, _AUCTION = (salt << 40 for salt in range(3, 7))


class Day(NamedTuple):
    """One session of one issue; open, high, low, volume and value are 0 when nothing traded."""

    base: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int
    auction_volume: int
    """Shares of the closing auction, which trade at the close; 0 when it found no orders."""
    last_continuous: int
    """The last price before the closing auction."""


def day_of(issue: Issue, index: int) -> Day:
    """Return all figures of the session."""
    close = close_price(issue, index)
    base = base_price(issue, index)
    if issue.is_stalled(index):
        return Day(close, 0, 0, 0, close, 0, 0, 0, close)
    if issue.is_only_quoted(index):
        return Day(base, 0, 0, 0, close, 0, 0, 0, close)
    lowest, highest = price_limits(issue, index)
    lowest, highest = ceil_to_tick(lowest, issue.board), floor_to_tick(highest, issue.board)
    opened = _opening(issue, index, base, close)
    reach = base * issue.sigma * 5 // (ONE * 8)
    up, down = below(issue.key, _RANGE + index, reach + 1), below(issue.key, _RANGE - index - 1, reach + 1)
    high = max(opened, close, min(floor_to_tick(max(opened, close) + up, issue.board), highest))
    low = min(opened, close, max(ceil_to_tick(min(opened, close) - down, issue.board), lowest))
    return _with_trades(issue, index, base, (opened, high, low, close))


def _opening(issue: Issue, index: int, base: int, close: int) -> int:
    drift = (close - base) * between(issue.key, _OPEN + index, 0, 80) // 100
    gap = base * issue.sigma * bell(issue.key, _OPEN - index - 1) // (ONE * _BELL_UNIT * 4)
    return round_to_tick(base + drift + gap, issue.board)


def _with_trades(issue: Issue, index: int, base: int, prices: tuple[int, int, int, int]) -> Day:
    opened, high, low, close = prices
    pin = issue.pin(index)
    volume = pin.volume if pin is not None and pin.volume is not None else _volume(issue, index, base, close)
    auction = _auction_volume(issue, index, volume)
    last = _last_continuous(issue, index, prices) if auction else close
    continuous = volume - auction
    tilt = between(issue.key, _AUCTION - index - 1, -64, 64)
    value = (opened + high + low + last) * continuous // 4 + (high - low) * continuous * tilt // 1024
    return Day(base, opened, high, low, close, volume, value + close * auction, auction, last)


def _volume(issue: Issue, index: int, base: int, close: int) -> int:
    noise = bell(issue.key, _VOLUME + index) * ONE * 3 // (_BELL_UNIT * 5)
    excitement = min(abs(close - base) * 8 * ONE // base, 2 * ONE)
    value = power_of_two(issue.turnover + noise + excitement)
    return max(value // close, 2 * SHARES_PER_MINUTE)


def _auction_volume(issue: Issue, index: int, volume: int) -> int:
    return volume * between(issue.key, _AUCTION + index, 20, 80) // 1000 if volume >= _AUCTION_MINIMUM else 0


def _last_continuous(issue: Issue, index: int, prices: tuple[int, int, int, int]) -> int:
    _, high, low, close = prices
    side = mixed(issue.key, _AUCTION + (index << 16)) & 3
    beside = {0: next_tick, 1: previous_tick}.get(side)
    price = beside(close, issue.board) if beside else close
    return min(max(price, low), high)
