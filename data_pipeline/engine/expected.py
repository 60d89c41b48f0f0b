"""Which rows must come, and what it means when some do not."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import repeat
from typing import TYPE_CHECKING

from data_pipeline.exceptions import CalendarMismatchError, IncompleteDataError, PayloadError
from data_pipeline.loading.instruments.listing import Listing
from data_pipeline.market.boards import KONEX_OPENED
from data_pipeline.market.records import MARKETS, DailyBar, Instrument, MarketDay
from data_pipeline.market.rejections import Rejections
from data_pipeline.market.trading_calendar import TradingCalendar, krx_calendar
from data_pipeline.market.window import Cell
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

    from data_pipeline.datasets.dataset import MarketSize
    from data_pipeline.market.window import Window

log = logging.getLogger(__name__)
NAMED = 10
"""How many missing rows a message names at most."""


def expected_cells(window: Window, listings: Iterable[Listing]) -> set[Cell]:
    """Return the codes and sessions of a window that must have a daily bar, because the instrument was listed.

    Instruments whose listing is unknown, and sessions after the last list of instruments, are left out.
    """
    listings, found = list(listings), set[Cell]()
    sessions = window.sessions if listings else []
    for one in listings if sessions else ():
        all_of_them = one.holds(sessions[0]) and one.holds(sessions[-1])
        found.update(zip(repeat(one.stock_code), sessions if all_of_them else filter(one.holds, sessions)))
    return found


def main_cells(size: MarketSize, sessions: Iterable[date]) -> set[Cell]:
    """Return the labels and sessions of the rows that the whole market must have."""
    return {(label, session) for session in sessions for label in size.main(session)}


def missing_bars(bars: Iterable[DailyBar], expected: set[Cell]) -> int:
    """Return how many expected bars did not come; the log names the first of them.

    Raises:
        IncompleteDataError: A session on which bars are expected has none at all: the source left it out.
    """
    missing = expected - {(bar.stock_code, bar.session) for bar in bars}
    present = {session for _, session in expected - missing}
    absent = sorted({session for _, session in missing} - present)
    if absent:
        raise IncompleteDataError(
            f"not one bar came for {len(absent)} session(s), the first is {absent[0]}; "
            f"{sum(session == absent[0] for _, session in missing)} listed instruments must have one"
        )
    if missing:
        some = ", ".join(f"{code} on {session}" for code, session in sorted(missing)[:NAMED])
        log.warning("%d bars of listed instruments did not come: %s", len(missing), some)
    return len(missing)


def refused_cells(held: Rejections, bars: Iterable[DailyBar], first: date, last: date) -> set[Cell]:
    """Return the cells from ``first`` to ``last``, both included, that have a row in quarantine and no bar.

    An instrument counts whether or not a list says that it must have a bar: funds are on no list of the exchange.
    """
    refused = {
        (row.stock_code, row.session)
        for row in held.rows
        if row.stock_code and row.session and first <= row.session <= last
    }
    return refused - {(bar.stock_code, bar.session) for bar in bars}


def require_every_market(instruments: Iterable[Instrument]) -> None:
    """Return when the list has instruments of each market that existed on its session.

    Raises:
        IncompleteDataError: A market has none, so its part of the list was not read.
    """
    listed = list(instruments)
    present = {instrument.market for instrument in listed}
    day = min((instrument.as_of for instrument in listed), default=KONEX_OPENED)
    absent = [market for market in MARKETS if market not in present and (market != "KONEX" or day >= KONEX_OPENED)]
    if absent:
        raise IncompleteDataError(f"the list of instruments has none of {', '.join(absent)}")


def require_one_code_each(instruments: Iterable[Instrument]) -> None:
    """Return when no two instruments of the list have one ISIN, which names an instrument as its code does.

    Raises:
        PayloadError: Two have; one of the rows is of another instrument, and nothing tells which.
    """
    codes: dict[str, str] = {}
    for one in instruments:
        if (other := codes.setdefault(one.isin, one.stock_code)) != one.stock_code:
            raise PayloadError(
                f"the list of {one.as_of} gives the ISIN {one.isin} to {other} and to {one.stock_code}: "
                "nothing of it is stored; load it again"
            )


def require_same_calendar(days: Iterable[MarketDay], calendar: TradingCalendar | None = None) -> None:
    """Return when the source and the trading calendar agree on which days the market opens.

    Days that the calendar does not cover are ignored: nothing is scheduled on them.

    Raises:
        CalendarMismatchError: They do not; the calendar needs the days that the message names.
    """
    calendar = calendar or krx_calendar()
    wrong = [
        f"{day.day} ({'open' if day.is_open else 'closed'} by the source)"
        for day in days
        if calendar.first_day <= day.day <= calendar.last_day and calendar.is_session(day.day) != day.is_open
    ]
    if wrong:
        raise CalendarMismatchError(
            f"the trading calendar disagrees with the source on {len(wrong)} day(s): {', '.join(wrong[:NAMED])}; "
            "find the exchange's notice and run `data-pipeline calendar close` or `open`"
        )


def final_sessions(connection: Connection, sessions: Sequence[date], moment: datetime | None) -> list[date]:
    """Return the sessions that were final both at this moment and by the warehouse's own clock, and commit.

    Two clocks are asked because a fast one would take half a session for a whole one. The warehouse's is its server's,
    or the one that ``MARKET_CLOCK`` fixes while no real rows are stored.
    """
    with said_plainly("market.now()"), connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.now()")
        (now,) = cursor.fetchone() or (moment,)
    latest = min(now, moment) if moment is not None else now
    calendar = krx_calendar()
    return [session for session in sessions if calendar.final_at(session) <= latest]
