"""Moves one window from a source into the warehouse: fetched whole, checked, loaded in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg2

from data_pipeline.exceptions import DataPipelineError
from data_pipeline.loading.checks import check_window, require_codes
from data_pipeline.loading.ingest_run import fail_run, finish_run, start_run
from data_pipeline.loading.instruments import mark_absent
from data_pipeline.loading.judge import Asked
from data_pipeline.loading.postgres import LoadCounts, upsert
from data_pipeline.loading.price_adjustment import adjust_prices
from data_pipeline.loading.screen import keep_refused, screen
from data_pipeline.operators.datasets import Dataset, Kind
from data_pipeline.operators.expected import (
    Cell,
    expected_cells,
    missing_bars,
    require_every_market,
    require_same_calendar,
)
from data_pipeline.operators.listing import certain_listings
from data_pipeline.operators.windows import Window
from data_pipeline.rejections import Rejections, collecting
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


def load_window(
    connection: Connection, source: AbstractDataSource, dataset: Dataset, window: Window, run: Run
) -> dict[str, int]:
    """Load one window, commit, and return its counts; twice is safe.

    The row in ``ingest_run`` is committed before the source is asked and finished in the transaction of the rows. When
    the window fails, it says why and no row of the window is there.

    Raises:
        IncompleteDataError: Rows that must exist did not come.
        PayloadError: An answer as a whole is not what is documented. Single rows that are wrong go to quarantine.
        WindowRefusedError: Too many rows are wrong at once; they are in quarantine.
        LoadError: Postgres refused a row.
        SyntheticDataRefusedError: Made-up rows for a warehouse of real ones, or the reverse.
        TransientError: The source or the warehouse could not be reached; trying again can help.
    """
    loading = _Loading(connection, source, dataset, window)
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
            keep_refused(connection, dataset.table, source.name, error, loading.held, run_id)
            fail_run(connection, run_id, error, loading.requests())
            connection.commit()
        raise
    return {**asdict(counts), "missing": missing, "requests": loading.requests() or 0, "windows": 1}


class _Loading:
    """One window on its way: what is expected, what came, and where it goes."""

    def __init__(self, connection: Connection, source: AbstractDataSource, dataset: Dataset, window: Window) -> None:
        self.connection, self.source, self.dataset, self.window = connection, source, dataset, window
        self.held = Rejections()
        self.expected: set[Cell] = set()
        self.expected_rows: int | None = None
        if dataset.kind is Kind.DAILY:
            self.expected = expected_cells(window, certain_listings(connection, window.stock_codes))
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
        with collecting() as self.held:
            records = list(self._fetch())
        if self.dataset.by_code:
            records = self._screened(records, run_id)
        missing = self._check(records)
        counts = LoadCounts()
        for session, rows in self._by_session(records):
            table = self.dataset.table if session is None else self.dataset.table.in_session(session)
            counts += upsert(self.connection, table, rows, self.source.name, run_id)
        if self.dataset.kind is Kind.DAILY:
            adjust_prices(self.connection, run_id, self.window.first, self.window.last)
        if self.dataset.kind is Kind.INSTRUMENTS:
            left = mark_absent(self.connection, self.window.last, run_id)
            log.info("%d issues left the list", left)
        return counts, missing

    def _fetch(self) -> Any:
        window, table = self.window, self.dataset.table
        records = self.dataset.fetch(self.source, window)
        if self.dataset.by_code:
            return records  # screened row by row
        last = window.last if self.dataset.kind is not Kind.SESSIONS else None
        return check_window(records, table, None, window.first, last)

    def _screened(self, records: Sequence[Any], run_id: int) -> list[Any]:
        dated = self.dataset.kind is not Kind.QUOTES
        first, last = (self.window.first, self.window.last) if dated else (None, None)
        asked = Asked(self.window.stock_codes, first, last, self.expected)
        return screen(self.connection, self.dataset.table, records, asked, self.held, self.source.name, run_id)

    def _check(self, records: Sequence[Any]) -> int:
        kind = self.dataset.kind
        if kind is Kind.DAILY:
            held = {(row.stock_code, row.session) for row in self.held.rows}
            refused = {cell for cell in self.expected if cell in held}
            return missing_bars(records, self.expected - refused) + len(refused)
        if kind is Kind.QUOTES:
            come = {record.stock_code for record in records} | {row.stock_code or "" for row in self.held.rows}
            require_codes(come, self.window.stock_codes, self.dataset.table)
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
