"""The exchange's price rules: ticks and daily price limits, those in force and those of the sessions since 2001.

Without a session the rules in force are meant. The synthetic market uses them for every session, also those before.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date

ETF = "ETF"
"""The board name under which exchange traded funds have their own ticks."""

_STOCK_BOUNDS = (2_000, 5_000, 20_000, 50_000, 200_000, 500_000)
_STOCK_TICKS = (1, 5, 10, 50, 100, 500, 1_000)
_ETF_BOUND = 2_000
_ETF_TICKS = (1, 5)
Ticks = tuple[tuple[int, ...], tuple[int, ...]]
"""Prices from which on the next step holds, and the steps, one more than those."""
_TICKS_SINCE: dict[str, tuple[tuple[date, Ticks], ...]] = {
    "KOSPI": (
        (date.min, ((5_000, 10_000, 50_000, 100_000, 500_000), (5, 10, 50, 100, 500, 1_000))),
        (date(2010, 10, 4), ((1_000, 5_000, 10_000, 50_000, 100_000, 500_000), (1, 5, 10, 50, 100, 500, 1_000))),
        (date(2023, 1, 25), (_STOCK_BOUNDS, _STOCK_TICKS)),
    ),
    "KOSDAQ": (
        (date.min, ((10_000, 50_000, 100_000, 500_000), (10, 50, 100, 500, 1_000))),
        (date(2003, 7, 21), ((5_000, 10_000, 50_000), (5, 10, 50, 100))),
        (date(2010, 10, 4), ((1_000, 5_000, 10_000, 50_000), (1, 5, 10, 50, 100))),
        (date(2023, 1, 25), (_STOCK_BOUNDS, _STOCK_TICKS)),
    ),
}
"""Bounds and steps by the first session on which they held; KONEX, opened in 2013, had those of KOSDAQ."""
LEAST_PERCENT = 15
"""The narrowest limit that any board ever had."""
_WIDE_LIMITS_SINCE = date(2015, 6, 15)
_OFFER_PRICES_SINCE = date(2023, 6, 26)
_MIDPOINTS_SINCE = date(2025, 3, 4)


def tick_size(price: int, market: str, session: date | None = None) -> int:
    """Return the price step in won at this price.

    Args:
        price: Won.
        market: KOSPI, KOSDAQ or KONEX, which share one table now, or ``ETF`` for funds on KOSPI: 1 below 2,000 won,
            else 5.
        session: Whose rules; None for those in force. Funds have one rule for all sessions: theirs of before were
            never finer.

    Source: KRX business regulations, quotation price units (호가가격단위) in force since 2023-01-25; before, the
    announcements for 2010-10-04 (1 won below 1,000) and 2003-07-21 (KOSDAQ).
    """
    if market == ETF:
        return _ETF_TICKS[price >= _ETF_BOUND]
    if session is not None:
        bounds, ticks = _ticks_of("KOSPI" if market == "KOSPI" else "KOSDAQ", session)
        return ticks[bisect_right(bounds, price)]
    return _STOCK_TICKS[bisect_right(_STOCK_BOUNDS, price)]


def stock_ticks(session: date | None = None) -> frozenset[Ticks]:
    """Return the ticks of all boards, of which funds never had coarser ones; None for those in force."""
    return frozenset(_ticks_of(board, session or date.max) for board in _TICKS_SINCE)


def _ticks_of(board: str, session: date) -> Ticks:
    return next(table for since, table in reversed(_TICKS_SINCE[board]) if since <= session)


def is_legal_price(price: int, market: str, session: date | None = None) -> bool:
    """Return whether a trade may have this price: on the ticks, or at the midpoint of a book one tick wide.

    Midpoint orders (중간가호가) exist since 2025-03-04; half a won is cut off, so 3,482 lies between 3,480 and 3,485.

    Args:
        price: Won.
        market: As for :func:`tick_size`.
        session: Whose rules; None for those in force.

    Source: KRX, announcement of the midpoint order for 2025-03-04; of 115,196 recorded prices of 2026-03, 159 are off
    the ticks, each by half a tick.
    """
    tick = tick_size(price, market, session)
    midpoints = session is None or session >= _MIDPOINTS_SINCE
    return price % tick in ({0, tick // 2} if midpoints else {0})


def floor_to_tick(price: int, market: str) -> int:
    """Return the highest legal price that is not above ``price``."""
    return price - price % tick_size(price, market)


def ceil_to_tick(price: int, market: str) -> int:
    """Return the lowest legal price that is not below ``price``."""
    return price + -price % tick_size(price, market)


def round_to_tick(price: int, market: str) -> int:
    """Return the nearest legal price; from the middle, the higher one."""
    tick = tick_size(price, market)
    return (price + tick // 2) // tick * tick


def next_tick(price: int, market: str) -> int:
    """Return the lowest legal price above ``price``."""
    return ceil_to_tick(price + 1, market)


def previous_tick(price: int, market: str) -> int:
    """Return the highest legal price below ``price``."""
    return floor_to_tick(price - 1, market)


def is_tick_rounding(previous_close: int, base_price: int) -> bool:
    """Return whether a base price differs from the close before it by nothing but the rounding up to a tick.

    Trades at the midpoint of a book may close half a tick off the ticks; the next session then counts from the next
    tick above (off-tick closes of 2026-03: 12 of 12). So the close must lie between two ticks, and the base must be the
    upper one, by the ticks of stocks or by those of funds. A corporate action never moves a price that little.
    """
    return any(
        previous_close % tick_size(previous_close, board) and base_price == ceil_to_tick(previous_close, board)
        for board in ("KOSPI", ETF)
    )


def limit_percent(market: str, session: date | None = None) -> int:
    """Return how many percent of the base price a day may move either way: 15 on KONEX, else 30.

    Before 2015-06-15 it was 15 everywhere, since 1998-12-07. KOSDAQ had 12 at first and widened them to 15 later; 15
    is returned for all those sessions, so that no row that was legal is taken for wrong.

    Args:
        market: KOSPI, KOSDAQ, KONEX or ``ETF``.
        session: Whose rules; None for those in force.
    """
    narrow = market == "KONEX" or (session is not None and session < _WIDE_LIMITS_SINCE)
    return LEAST_PERCENT if narrow else 30


def first_day_from_offer(market: str, session: date | None = None) -> bool:
    """Return whether a first day counts from the offer price (공모가) and trades at 60 to 400 % of it.

    So it is on KOSPI and KOSDAQ since 2023-06-26. Before, and on KONEX still, the first day counts from its own opening
    price, found in an auction at 90 to 200 % of the offer, and the ordinary limits hold from there. So do the days on
    which an instrument comes back after a spin-off or a reduction of capital, whose auction allows 50 to 200 %.

    Args:
        market: KOSPI, KOSDAQ, KONEX or ``ETF``.
        session: Whose rules; None for those in force.

    Source: KRX, Trading of newly listed stocks (global.krx.co.kr, GLB0602020202T4); that KONEX is left out, the
    exchange's announcement of 2023-04-13.
    """
    return market != "KONEX" and (session is None or session >= _OFFER_PRICES_SINCE)


def limit_prices(base: int, market: str) -> tuple[int, int]:
    """Return the lowest and the highest price of a day: the base less and plus its percentage, cut to the base's tick.

    Args:
        base: The base price (기준가) of the day, won.
        market: KOSPI, KOSDAQ, KONEX or ``ETF``.
    """
    tick = tick_size(base, market)
    reach = base * limit_percent(market) // 100 // tick * tick
    return base - reach, base + reach
