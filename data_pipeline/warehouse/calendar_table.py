"""The trading calendar in the warehouse, where SQL can ask it which sessions must have rows."""

from __future__ import annotations

import logging
from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.market.trading_calendar import TradingCalendar, krx_calendar
from data_pipeline.warehouse.errors import said_plainly

log = logging.getLogger(__name__)

STORED = "SELECT session::date FROM market.calendar_session"
FORGET = """
    DELETE FROM market.calendar_session WHERE session = ANY (%s) AND NOT market.holds_session(session) RETURNING session
"""
ADD = "INSERT INTO market.calendar_session SELECT unnest(%s::date[]) ORDER BY 1 ON CONFLICT DO NOTHING"
KNOWN = "SELECT day FROM market.trading_session WHERE source = %s AND day BETWEEN %s AND %s"


def unanswered_sessions(connection: Connection, source: str, first: date, last: date) -> list[date]:
    """Return the sessions of a range, both ends included, for which this source has not said that the market opens."""
    with said_plainly("trading_session"), connection.cursor() as cursor:
        cursor.execute(KNOWN, (source, first, last))
        known = {day for (day,) in cursor.fetchall()}
    return [session for session in krx_calendar().sessions(first, last) if session not in known]


def keep_sessions(connection: Connection, calendar: TradingCalendar | None = None) -> None:
    """Make ``market.calendar_session`` equal to the calendar; never commits, and repeating it does no harm.

    Only what differs is written. A session for which bars or trades are stored stays, whatever the calendar says, and
    is named in the log.

    Raises:
        ConfigurationError: The warehouse is not migrated, or the user may not load.
    """
    calendar = calendar or krx_calendar()
    sessions = {*calendar.sessions(calendar.first_day, calendar.last_day)}
    with said_plainly("calendar_session"), connection.cursor() as cursor:
        cursor.execute(STORED)
        stored = {session for (session,) in cursor.fetchall()}
        if new := sessions - stored:
            cursor.execute(ADD, ([*new],))
        if closed := stored - sessions:
            cursor.execute(FORGET, ([*closed],))
            closed -= {session for (session,) in cursor.fetchall()}
            kept = ", ".join(map(str, sorted(closed)))
            if kept:
                log.warning("the calendar has %s closed, but rows are stored: the calendar is wrong", kept)


def holds_rows(connection: Connection, day: date) -> bool:
    """Return whether bars or trades of this day are stored, which proves that the market traded.

    Raises:
        ConfigurationError: The warehouse is not migrated.
    """
    with said_plainly("calendar_session"), connection.cursor() as cursor:
        cursor.execute("SELECT market.holds_session(%s)", (day,))
        return bool((cursor.fetchone() or (False,))[0])
