"""One session of one instrument: its base price and limits, open, high, low, close, volume, value and auction."""

from __future__ import annotations

from typing import NamedTuple

from data_pipeline.market.price_rules import (
    ETF,
    ceil_to_tick,
    floor_to_tick,
    limit_prices,
    next_tick,
    previous_tick,
    round_to_tick,
    tick_size,
)
from data_pipeline.sources.mock.issue import Issue
from data_pipeline.sources.mock.noise import ONE, bell, below, between, mixed, power_of_two
from data_pipeline.sources.mock.path import log_price

SHARES_PER_MINUTE = 8
"""The fewest shares of a minute that trades: its prices and its value can always be those of whole shares."""
FEWEST_IN_ALL = 20
"""The fewest shares of a day for each of its minutes; the average price of a day lies at least 3/16 from its ends."""
LOWEST_PRICE = 300

_MIDPOINT_ODDS = 8000
_FIRST_DAY_LIMITS = (60, 400)
_LIQUIDATION_REACH = 10
_SURGE_BLOCK = 256
_BELL_UNIT = 37837
_AUCTION_MINIMUM = 400

_MIDPOINT, _FIRST_DAY, _OPEN, _RANGE, _VOLUME, _AUCTION = (salt << 40 for salt in range(1, 7))
_SURGE, _LATE = 9 << 40, 10 << 40
_MOST_LATE = 99
"""Shares that change hands at most on a day without a trade in regular hours."""


class Day(NamedTuple):
    """One session of one instrument; open, high and low are 0 when nothing traded in regular hours."""

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
        shares = between(issue.key, _LATE + index, 1, _MOST_LATE) if issue.is_only_late(index) else 0
        return Day(close, 0, 0, 0, close, shares, shares * close, 0, close)
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
    if index == issue.listed and issue.board_on(index) == "KONEX":
        return base
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
    return max(value // close, FEWEST_IN_ALL)


def _auction_volume(issue: Issue, index: int, volume: int) -> int:
    return volume * between(issue.key, _AUCTION + index, 20, 80) // 1000 if volume >= _AUCTION_MINIMUM else 0


def _last_continuous(issue: Issue, index: int, prices: tuple[int, int, int, int]) -> int:
    _, high, low, close = prices
    side = mixed(issue.key, _AUCTION + (index << 16)) & 3
    beside = {0: next_tick, 1: previous_tick}.get(side)
    price = beside(close, issue.board) if beside else close
    return min(max(price, low), high)


def close_price(issue: Issue, index: int) -> int:
    """Return the closing price in won; a session without trades keeps the close before it."""
    pin = issue.pin(index)
    if pin is not None:
        return pin.close
    clock = issue.clock(index)
    if issue.surges and _is_surge(issue, clock):
        return _surge_price(issue, clock)
    return _path_price(issue, clock, issue.ratio(index))


def base_price(issue: Issue, index: int) -> int:
    """Return the base price (기준가) in won: the close before, adjusted for a split and rounded up to a tick.

    On the first session, and on that of a move with an offer, it is the offer price; where KONEX begins, the opening
    price. While nothing trades it is the close that is kept.
    """
    pin = issue.pin(index)
    if pin is not None and pin.base is not None:
        return pin.base
    if issue.is_offered(index):
        return _offer_price(issue, index)
    before = close_price(issue, index - 1)
    for step in issue.steps:
        if step.index == index and step.is_split:
            return ceil_to_tick(-(-before * step.numerator // step.denominator), issue.board)
    return before if issue.is_stalled(index) else ceil_to_tick(before, issue.board)


def price_limits(issue: Issue, index: int) -> tuple[int, int]:
    """Return the lowest and highest legal price of the session, won.

    A session that counts from an offer price may trade at 60 to 400 % of it; a first one of KONEX has the ordinary
    limits. Liquidation trading has none; the wide bounds given for it are never reached.
    """
    base = base_price(issue, index)
    board = issue.board_on(index)
    if issue.is_offered(index) and board != "KONEX":
        low, high = (base * percent // 100 for percent in _FIRST_DAY_LIMITS)
        return ceil_to_tick(low, issue.board), floor_to_tick(high, issue.board)
    if issue.in_liquidation(index):
        return 1, base * _LIQUIDATION_REACH
    return limit_prices(base, board)


def _path_price(issue: Issue, clock: int, ratio: tuple[int, int] = (1, 1)) -> int:
    """A few closes lie half a tick off, as trades at the midpoint leave them."""
    exponent = issue.level + log_price(issue.key, issue.sigma, clock)
    price = max(power_of_two(exponent, *ratio), LOWEST_PRICE * ratio[0] // ratio[1])
    price = round_to_tick(price, issue.board)
    if issue.board == ETF or below(issue.key, _MIDPOINT + clock, _MIDPOINT_ODDS):
        return price
    return price + tick_size(price, issue.board) // 2


def _is_surge(issue: Issue, clock: int) -> bool:
    """One session in every 256 may close on its upper limit, if the path leads back within the next day's limits."""
    block, place = divmod(clock, _SURGE_BLOCK)
    if place != between(issue.key, _SURGE + block, 1, _SURGE_BLOCK - 2):
        return False
    lowest_next = limit_prices(_surge_price(issue, clock), issue.board)[0]
    return _path_price(issue, clock + 1) >= lowest_next


def _surge_price(issue: Issue, clock: int) -> int:
    base = ceil_to_tick(_path_price(issue, clock - 1), issue.board)
    return floor_to_tick(limit_prices(base, issue.board)[1], issue.board)


def _offer_price(issue: Issue, index: int) -> int:
    board, narrow = issue.board_on(index), {ETF: (99, 101), "KONEX": (90, 112)}
    percent = between(issue.key, _FIRST_DAY, *narrow[board]) if board in narrow else _first_day_percent(issue)
    return round_to_tick(close_price(issue, index) * 100 // percent, issue.board)


def _first_day_percent(issue: Issue) -> int:
    ordinary = between(issue.key, _FIRST_DAY, 80, 160)
    return ordinary if below(issue.key, _FIRST_DAY + 1, 4) else between(issue.key, _FIRST_DAY, 160, 390)
