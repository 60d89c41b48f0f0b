"""What the limits and the change of a session are counted from: closing price, base price and price limits."""

from __future__ import annotations

from data_pipeline.market.price_rules import (
    ETF,
    ceil_to_tick,
    floor_to_tick,
    limit_prices,
    round_to_tick,
    tick_size,
)
from data_pipeline.sources.mock.issue import Issue
from data_pipeline.sources.mock.noise import below, between, power_of_two
from data_pipeline.sources.mock.path import log_price

LOWEST_PRICE = 300

_MIDPOINT_ODDS = 8000
_FIRST_DAY_LIMITS = (60, 400)
_LIQUIDATION_REACH = 10
_SURGE_BLOCK = 256

_MIDPOINT, _FIRST_DAY, _SURGE = (salt << 40 for salt in (1, 2, 9))


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

    On the first session it is the offer price. While nothing trades it is the close that is kept.
    """
    pin = issue.pin(index)
    if pin is not None and pin.base is not None:
        return pin.base
    if index == issue.listed:
        return _offer_price(issue, index)
    before = close_price(issue, index - 1)
    for step in issue.steps:
        if step.index == index and step.is_split:
            return ceil_to_tick(-(-before * step.numerator // step.denominator), issue.board)
    return before if issue.is_stalled(index) else ceil_to_tick(before, issue.board)


def price_limits(issue: Issue, index: int) -> tuple[int, int]:
    """Return the lowest and highest legal price of the session, won.

    A first session may trade from 60 % to 400 % of the offer price. Liquidation trading has no limits; the wide
    bounds given for it are never reached.
    """
    base = base_price(issue, index)
    if index == issue.listed:
        low, high = (base * percent // 100 for percent in _FIRST_DAY_LIMITS)
        return ceil_to_tick(low, issue.board), floor_to_tick(high, issue.board)
    if issue.in_liquidation(index):
        return 1, base * _LIQUIDATION_REACH
    return limit_prices(base, issue.board)


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
    percent = between(issue.key, _FIRST_DAY, 99, 101) if issue.board == ETF else _first_day_percent(issue)
    return round_to_tick(close_price(issue, index) * 100 // percent, issue.board)


def _first_day_percent(issue: Issue) -> int:
    ordinary = between(issue.key, _FIRST_DAY, 80, 160)
    return ordinary if below(issue.key, _FIRST_DAY + 1, 4) else between(issue.key, _FIRST_DAY, 160, 390)
