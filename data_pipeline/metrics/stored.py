"""The figures of the warehouse, read by a login that can only read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, takewhile
from operator import attrgetter
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets import DATASETS, IN_COVERAGE, WITH_CELLS
from data_pipeline.datasets.findings import CHECKS
from data_pipeline.loading.coverage.cells import Coverage, coverage
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.metrics.table import Sample
from data_pipeline.warehouse.errors import said_plainly

UNREADABLE = "unreadable"
_WITHOUT_RUN = """
    WITH begun AS (
        SELECT dataset, min(first) AS first FROM market.ingest_run
        WHERE status = 'success' AND dataset = ANY (%(datasets)s) GROUP BY dataset
    ), done AS MATERIALIZED (
        SELECT DISTINCT dataset, first, last FROM market.ingest_run WHERE status = 'success' AND last >= %(first)s
    )
    SELECT b.dataset, count(s.session) FROM begun b
    LEFT JOIN market.final_session s ON s.session BETWEEN greatest(%(first)s, b.first) AND %(last)s
        AND NOT EXISTS (SELECT FROM done r WHERE r.dataset = b.dataset AND s.session BETWEEN r.first AND r.last)
    GROUP BY b.dataset ORDER BY b.dataset
"""
_QUARANTINED = r"""
    SELECT dataset, substring(reason FROM '^([a-z_]+): ') AS check, count(*) FROM market.rejected_row
    WHERE settled_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
_LAST_RUN = """
    SELECT DISTINCT ON (dataset) dataset, status = 'success', extract(epoch FROM finished_at)::float8
    FROM market.ingest_run WHERE finished_at IS NOT NULL ORDER BY dataset, finished_at DESC, run_id DESC
"""
_SEALED = "SELECT dataset, sum(rows)::bigint, max(session) FILTER (WHERE rows > 0) FROM market.seal GROUP BY dataset"
_COUNTED = sql.SQL("SELECT count(*), max({day}) FROM {table}")


@dataclass(frozen=True)
class Stored:
    """Reads the figures of one moment.

    Args:
        calendar: The exchange's sessions.
        now: The moment by the market's clock, with a time zone.
        days: How many days before the newest final session the window of coverage begins.
    """

    calendar: TradingCalendar
    now: datetime
    days: int

    def samples(self, connection: Connection) -> Iterator[Sample]:
        """Yield every figure of the warehouse.

        Raises:
            TransientError: The server went away, or a statement took too long; trying again can help.
            ConfigurationError: The schema is older than this package, or the login may not read it.
        """
        last = self.calendar.last_final_session(self.now)
        first = max(last - timedelta(days=self.days), self.calendar.first_day)
        yield from self._coverage(coverage(connection, first, last), last)
        for dataset, sessions in _asked(
            connection, _WITHOUT_RUN, {"datasets": list(WITH_CELLS), "first": first, "last": last}
        ):
            yield Sample("sessions_without_run", sessions, {"dataset": dataset})
        yield from _quarantined(connection)
        yield from _rows(connection)
        for dataset, success, ended in _asked(connection, _LAST_RUN):
            if dataset in DATASETS:
                yield Sample("last_run_success", float(success), {"dataset": dataset})
                yield Sample("last_run_timestamp_seconds", ended, {"dataset": dataset})

    def _coverage(self, rows: Sequence[Coverage], last: date) -> Iterator[Sample]:
        found = {name: list(some) for name, some in groupby(rows, attrgetter("dataset"))}
        for name in IN_COVERAGE:
            sessions, labels = found.get(name, []), {"dataset": name}
            yield Sample("cells_expected", sum(one.expected for one in sessions), labels)
            yield Sample("cells_missing", sum(one.missing for one in sessions), labels)
            yield Sample("cells_unproven", sum(one.unproven for one in sessions), labels)
            yield Sample("cells_unproven_empty", sum(one.unproven_empty for one in sessions), labels)
            if sessions and sessions[-1].session == last:
                yield Sample("freshness_seconds", self._age(sessions), labels)

    def _age(self, sessions: Sequence[Coverage]) -> float:
        lacking = list(takewhile(lambda one: one.missing, reversed(sessions)))
        return (self.now - self.calendar.final_at(lacking[-1].session)).total_seconds() if lacking else 0.0


def _quarantined(connection: Connection) -> Iterator[Sample]:
    counts: dict[tuple[str, str], int] = {}
    for dataset, check, rows in _asked(connection, _QUARANTINED):
        # What a source sent may stand in a reason, and must not become a series.
        key = (dataset, check if check in CHECKS else UNREADABLE)
        counts[key] = counts.get(key, 0) + rows
    for (dataset, reason), rows in counts.items():
        if dataset in DATASETS:
            yield Sample("rows_quarantined", rows, {"dataset": dataset, "reason": reason})


def _rows(connection: Connection) -> Iterator[Sample]:
    sealed = {dataset: (rows, newest) for dataset, rows, newest in _asked(connection, _SEALED)}
    for name, dataset in DATASETS.items():
        rows, newest = sealed.get(name, (0, None))
        if not dataset.table.sealed:
            counted = _COUNTED.format(day=sql.Identifier(dataset.table.day), table=sql.Identifier("market", name))
            ((rows, newest),) = _asked(connection, counted)
        yield Sample("rows_stored", rows, {"dataset": name})
        if newest is not None:
            midnight = datetime.combine(newest, datetime.min.time(), SEOUL)
            yield Sample("newest_session_timestamp_seconds", midnight.timestamp(), {"dataset": name})


def _asked(
    connection: Connection, statement: str | sql.Composable, values: dict[str, object] | None = None
) -> list[tuple[Any, ...]]:
    with said_plainly("metrics"), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
