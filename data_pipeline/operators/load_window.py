"""Moves one window from a source into the warehouse: fetched whole, checked, loaded in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import psycopg2

from data_pipeline.exceptions import DataPipelineError
from data_pipeline.loading.checks import check_window, require_codes
from data_pipeline.loading.ingest_run import fail_run, finish_run, start_run
from data_pipeline.loading.instruments import mark_absent
from data_pipeline.loading.ledger import Ledger
from data_pipeline.loading.postgres import LoadCounts, upsert
from data_pipeline.operators.datasets import Dataset, Kind
from data_pipeline.operators.expected import (
    expected_cells,
    missing_bars,
    require_every_market,
    require_same_calendar,
)
from data_pipeline.operators.listing import certain_listings, final_sessions
from data_pipeline.operators.windows import Window
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.trading_calendar import krx_calendar

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """Who loads, for ``market.ingest_run``; all None outside Airflow."""

    dag_id: str | None = None
    task_id: str | None = None
    run_key: str | None = None
    map_index: int | None = None
    moment: datetime | None = None
    """When the run came due; sessions that were not final then do not count as whole. None: the present."""
    remember_empty: bool = False
    """Whether what the source truly has nothing for is noted down in ``market.no_data``."""


def load_window(
    connection: Connection, source: AbstractDataSource, dataset: Dataset, window: Window, run: Run
) -> dict[str, int]:
    """Load one window, commit, and return its counts; twice is safe.

    The row in ``ingest_run`` is committed before the source is asked and finished in the transaction of the rows. When
    the window fails, it says why and no row of the window is there.

    Raises:
        IncompleteDataError: Rows that must exist did not come.
        PayloadError: A row came that was not asked for.
        LoadError: A row came twice, or Postgres refused it.
        SyntheticDataRefusedError: Made-up rows for a warehouse of real ones, or the reverse.
        TransientError: The source or the warehouse could not be reached; trying again can help.
    """
    loading = _Loading(connection, source, dataset, window, run)
    run_id = start_run(
        connection, dataset.table.name, source.name, run.dag_id, run.task_id, run.run_key, window.first, window.last,
        loading.expected_rows, map_index=run.map_index,
    )  # fmt: skip
    connection.commit()
    try:
        counts, missing = loading.run(run_id)
        finish_run(connection, run_id, counts, loading.requests())
        connection.commit()
    except BaseException as error:
        with suppress(psycopg2.Error, DataPipelineError):  # the first error matters, not that it cannot be noted down
            connection.rollback()
            fail_run(connection, run_id, error, loading.requests())
            connection.commit()
        raise
    return {**asdict(counts), "missing": missing, "requests": loading.requests() or 0, "windows": 1}


class _Loading:
    """One window on its way: what is expected, what came, and where it goes."""

    def __init__(
        self, connection: Connection, source: AbstractDataSource, dataset: Dataset, window: Window, run: Run
    ) -> None:
        self.connection, self.source, self.dataset, self.window = connection, source, dataset, window
        self.remember_empty = run.remember_empty
        self.expected = set()
        self.expected_rows: int | None = None
        final: Sequence[date] = ()
        if dataset.of_whole_sessions:
            self.expected = expected_cells(window, certain_listings(connection, window.stock_codes))
            final = final_sessions(connection, window.sessions, run.moment)
        self.ledger = Ledger(dataset.table, self.expected, final, remember_empty=run.remember_empty)
        if dataset.kind is Kind.DAILY:
            self.expected_rows = len(self.expected)
        elif dataset.kind is Kind.QUOTES:
            self.expected_rows = len(window.stock_codes)
        self._sent_before = source.requests_sent

    def requests(self) -> int:
        """Return how many requests this window cost so far."""
        return self.source.requests_sent - self._sent_before

    def run(self, run_id: int) -> tuple[LoadCounts, int]:
        """Fetch, check and load without committing; return the counts and how many expected rows are missing."""
        # Fetched whole before the first row is written, so no transaction stays open while the source is asked.
        records = list(self.ledger.watch(self._fetch()))
        missing = self._check(records)
        counts = LoadCounts()
        for session, rows in self._by_session(records):
            table = self.dataset.table if session is None else self.dataset.table.in_session(session)
            counts += upsert(self.connection, table, rows, self.source.name, run_id)
        if self.dataset.kind is Kind.INSTRUMENTS:
            left = mark_absent(self.connection, self.window.last, run_id)
            log.info("%d issues left the list", left)
        return counts, self.ledger.write(self.connection, self.source.name, run_id) or missing

    def _fetch(self) -> Any:
        window, table = self.window, self.dataset.table
        records = self.dataset.fetch(self.source, window)
        codes = window.stock_codes or None
        last = window.last if self.dataset.kind is not Kind.SESSIONS else None
        days = (None, None) if self.dataset.kind is Kind.QUOTES else (window.first, last)
        return check_window(records, table, codes, *days)

    def _check(self, records: Sequence[Any]) -> int:
        kind = self.dataset.kind
        if kind is Kind.DAILY and not self.remember_empty:
            return missing_bars(records, self.expected)
        if kind is Kind.QUOTES:
            require_codes({record.stock_code for record in records}, self.window.stock_codes, self.dataset.table)
        elif kind is Kind.INSTRUMENTS:
            require_every_market(records)
        elif kind is Kind.SESSIONS:
            require_same_calendar(records)
        return 0

    def _by_session(self, records: Sequence[Any]) -> list[tuple[date | None, Sequence[Any]]]:
        if self.dataset.kind is not Kind.QUOTES:
            return [(None, records)]
        # A quote seen at night or on a closed day belongs to the session before.
        sessions: dict[date, list[Any]] = {}
        for record in records:
            sessions.setdefault(krx_calendar().quoted_session(record.observed_at), []).append(record)
        return list(sessions.items())
