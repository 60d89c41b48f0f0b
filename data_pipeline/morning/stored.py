"""Reads the morning's facts out of the warehouse, with a login that can only read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets.findings import CHECKS
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.morning.facts import Difference, Lacking, LoadRun, Refused, Restated, Stored
from data_pipeline.warehouse.errors import said_plainly

UNREADABLE = "unreadable"
NEWEST_RUNS = 20_000
"""How many loads are looked at, newest first, whatever the table holds."""
_LACKING = """
    WITH cell AS MATERIALIZED (
        SELECT dataset, stock_code, state, session FROM market.coverage_cells(%(first)s, %(last)s)
        WHERE state IN ('missing', 'unproven', 'unproven_empty')
            AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
            AND (%(codes)s::text[] IS NULL OR stock_code = ANY (%(codes)s))
    ), named AS (
        SELECT dataset, stock_code, state, min(session) AS first, max(session) AS last, count(*) AS sessions
        FROM cell GROUP BY dataset, stock_code, state
        ORDER BY dataset, max(session) DESC, stock_code, state LIMIT %(most)s
    )
    SELECT n.*, coalesce(
        (SELECT 'refused: ' || r.reason FROM market.rejected_row r WHERE r.settled_at IS NULL
            AND r.dataset = n.dataset AND r.stock_code = n.stock_code AND r.session BETWEEN n.first AND n.last
            ORDER BY r.session DESC, r.rejected_id DESC LIMIT 1),
        (SELECT p.proof FROM market.proof p WHERE p.dataset = n.dataset AND p.stock_code = n.stock_code
            AND p.session = n.last),
        'it never came')
    FROM named n ORDER BY n.dataset, n.last DESC, n.stock_code, n.state
"""
_REFUSED = r"""
    SELECT dataset, coalesce(substring(reason FROM '^([a-z_]+): '), ''), count(*), max(loaded_at)
    FROM market.rejected_row WHERE settled_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
_DIFFERENCES = """
    SELECT session::date, kind, count(*), count(*) FILTER (WHERE NOT coalesce(expected, after_market))
    FROM market.reconciliation WHERE session BETWEEN %(first)s AND %(last)s GROUP BY 1, 2 ORDER BY 1 DESC, 2
"""
_RESTATED = """
    SELECT d.dataset, r.operation, count(*), max(r.loaded_at) FROM market.dataset d
    JOIN market.restatement r ON r.dataset = d.dataset AND r.loaded_at >= coalesce(%(since)s, now() - interval '1 day')
    GROUP BY 1, 2 ORDER BY 1, 2
"""
_RUNS = """
    WITH newest AS MATERIALIZED (
        SELECT * FROM market.ingest_run ORDER BY run_id DESC LIMIT %(runs)s
    ), ended AS (
        SELECT DISTINCT ON (dataset) run_id FROM newest WHERE status <> 'running'
        ORDER BY dataset, finished_at DESC, run_id DESC
    )
    SELECT r.run_id, r.dataset, r.source, r.dag_id, r.task_id, r.status, r.first, r.last, r.started_at, r.finished_at,
        coalesce(r.rows_inserted, 0) + coalesce(r.rows_updated, 0) + coalesce(r.rows_unchanged, 0)
            + coalesce(r.rows_outranked, 0),
        coalesce(r.rows_rejected, 0), coalesce(r.requests, 0), r.error, e.run_id IS NOT NULL
    FROM newest r LEFT JOIN ended e USING (run_id)
    WHERE r.started_at >= coalesce(%(since)s, now() - interval '1 day')
        OR e.run_id IS NOT NULL OR r.status = 'running'
    ORDER BY r.run_id DESC
"""
_NEW_FIELDS = """
    SELECT f.key, sum(f.value::bigint) FROM (
        SELECT unknown_fields FROM market.ingest_run WHERE run_id > %(after)s
            AND started_at >= coalesce(%(since)s, now() - interval '1 day')
            AND unknown_fields <> '{}'
    ) r, jsonb_each_text(r.unknown_fields) f GROUP BY 1 ORDER BY 1
"""


def read_stored(
    connection: Connection,
    calendar: TradingCalendar,
    now: datetime,
    *,
    sessions: int = 5,
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
        since: From when by the server's clock runs, restatements and new fields are told; None for a day ago.

    Raises:
        ConfigurationError: The schema is older than this package, or the login may not read it.
        ConnectionFailedError, TransientError: The server went away, or a statement took too long; trying again can
            help.
    """
    last = calendar.last_final_session(now)
    window = _window(calendar, last, sessions)
    between = {"first": window[0], "last": last}
    newest = _asked(connection, "SELECT coalesce(max(run_id), 0) FROM market.ingest_run")[0][0]
    (kind,) = _asked(connection, "SELECT kind FROM market.warehouse_kind")[0]
    fields = _asked(connection, _NEW_FIELDS, {"after": newest - NEWEST_RUNS, "since": since})
    return Stored(
        session=last,
        first=window[0],
        sessions=window,
        kind=kind,
        loads=newest,
        coverage=tuple(coverage(connection, window[0], last)),
        lacking=tuple(read_lacking(connection, window[0], last, most=most)),
        refused=tuple(_refused(connection)),
        differences=tuple(Difference(*row) for row in _asked(connection, _DIFFERENCES, between)),
        restated=tuple(Restated(*row) for row in _asked(connection, _RESTATED, {"since": since})),
        runs=tuple(LoadRun(*row) for row in _asked(connection, _RUNS, {"runs": NEWEST_RUNS, "since": since})),
        new_fields={name: int(count) for name, count in fields},
    )


def read_lacking(
    connection: Connection,
    first: date,
    last: date,
    *,
    dataset: str | None = None,
    stock_codes: Sequence[str] | None = None,
    most: int = 100,
) -> list[Lacking]:
    """Return what instruments lack of the final sessions of a range, by dataset and newest first.

    Args:
        connection: Of any role; the reader's is enough.
        first: First session, included.
        last: Last session, included.
        dataset: Only of this one; None for all that have cells.
        stock_codes: Only of these, or labels of a dataset of the whole market; None for all.
        most: How many are named.

    Raises:
        ConfigurationError, ConnectionFailedError, TransientError: As :func:`read_stored`.
    """
    codes = None if stock_codes is None else list(stock_codes)
    values = {"first": first, "last": last, "dataset": dataset, "codes": codes, "most": most}
    return [Lacking(*row) for row in _asked(connection, _LACKING, values)]


def _window(calendar: TradingCalendar, last: date, sessions: int) -> tuple[date, ...]:
    """Return so many sessions up to the last one, oldest first; fewer where the calendar begins."""
    first = max(calendar.first_day, last - timedelta(days=2 * sessions + 14))
    return tuple(calendar.sessions(first, last))[-sessions:]


def _refused(connection: Connection) -> list[Refused]:
    rows: Counter[tuple[str, str]] = Counter()
    newest: dict[tuple[str, str], datetime] = {}
    for dataset, check, count, at in _asked(connection, _REFUSED):
        # What a source sent may stand in a reason: only the name of a check is passed on as one.
        key = (dataset, check if check in CHECKS else UNREADABLE)
        rows[key] += count
        newest[key] = max(at, newest.get(key, at))
    return [Refused(dataset, check, count, newest[dataset, check]) for (dataset, check), count in rows.items()]


def _asked(connection: Connection, statement: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
    with said_plainly("the morning's facts"), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
