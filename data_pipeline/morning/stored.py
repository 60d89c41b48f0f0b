"""Reads the morning's facts out of the warehouse, with a login that can only read."""

from __future__ import annotations

from datetime import datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.morning.asking import asked
from data_pipeline.morning.changes import read_differences, read_new_fields, read_restated
from data_pipeline.morning.facts import SESSIONS, Stored
from data_pipeline.morning.lacking import read_lacking
from data_pipeline.morning.lines import read_lines
from data_pipeline.morning.loads import read_runs
from data_pipeline.morning.refused import read_refused
from data_pipeline.morning.window import last_sessions, newest_lacking

_KIND = "SELECT kind, (SELECT coalesce(max(run_id), 0) FROM market.ingest_run) FROM market.warehouse_kind"


def read_stored(
    connection: Connection,
    calendar: TradingCalendar,
    now: datetime,
    *,
    sessions: int = SESSIONS,
    most: int = 100,
    since: datetime | None = None,
) -> Stored:
    """Return what the warehouse says at this moment; one snapshot when the connection is in one.

    Args:
        connection: Of any role; the reader's is enough.
        calendar: The exchange's sessions.
        now: The moment by the market's clock, with a time zone.
        sessions: How many of the newest final sessions are looked at, at least 1.
        most: How many instruments that lack something are named.
        since: From when by the server's clock runs, restatements and new fields are told; None for a day, and a week
            for the others.

    Raises:
        ConfigurationError: The schema is older than this package, or the login may not read it.
        ConnectionFailedError, TransientError: The server went away, or a statement took too long; trying again can
            help.
    """
    window = last_sessions(calendar, now, sessions)
    first, last = window[0], window[-1]
    kind, loads = read_kind(connection)
    cells = tuple(coverage(connection, first, last))
    lacking = read_lacking(connection, first, last, sessions=newest_lacking(cells), most=most)
    return Stored(
        session=last,
        first=first,
        sessions=window,
        kind=kind,
        loads=loads,
        coverage=cells,
        lacking=lacking.named,
        lacking_of=lacking.of,
        refused=read_refused(connection),
        differences=read_differences(connection, first, last),
        restated=read_restated(connection, since),
        runs=read_runs(connection, since=since),
        new_fields=read_new_fields(connection, since),
        lines=read_lines(connection),
    )


def read_kind(connection: Connection) -> tuple[str, int]:
    """Return whether the warehouse is ``empty``, ``real`` or ``made-up``, and how many loads there ever were."""
    ((kind, loads),) = asked(connection, _KIND)
    return kind, loads
