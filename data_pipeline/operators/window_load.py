"""One window on its way into the warehouse: what is expected, what came, and where it goes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from data_pipeline.exceptions import CodesFailedError, PermanentError
from data_pipeline.loading.checks import check_window, require_codes
from data_pipeline.loading.ingest_run import start_run
from data_pipeline.loading.instruments import mark_absent
from data_pipeline.loading.ledger import Ledger
from data_pipeline.loading.postgres import LoadCounts, upsert
from data_pipeline.operators.datasets import Dataset, Kind
from data_pipeline.operators.expected import (
    expected_cells,
    missing_bars,
    require_every_market,
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


class WindowLoad:
    """A window between its first request and its commit.

    Args:
        connection: Where it is loaded.
        source: Who is asked.
        dataset: What is loaded.
        window: Which part of it.
        units: How many parts of it are fetched apart.
        run: Who loads it.
    """

    def __init__(
        self,
        connection: Connection,
        source: AbstractDataSource,
        dataset: Dataset,
        window: Window,
        units: int,
        run: Run,
    ) -> None:
        self.connection, self.source, self.dataset, self.window = connection, source, dataset, window
        self.expected = set()
        self.expected_rows: int | None = None
        self.run = run
        final: Sequence[date] = ()
        if dataset.of_whole_sessions:
            self.expected = expected_cells(window, certain_listings(connection, window.stock_codes))
            final = final_sessions(connection, window.sessions, run.moment)
        self.ledger = Ledger(dataset.table, self.expected, final, remember_empty=run.remember_empty)
        if dataset.kind is Kind.DAILY:
            self.expected_rows = len(self.expected)
        elif dataset.kind is Kind.QUOTES:
            self.expected_rows = len(window.stock_codes)
        self.run_id = 0
        self.failed: dict[str, PermanentError] = {}
        self._units = units
        self._records: list[Any] = []

    def start(self) -> None:
        """Put the window on record and commit that."""
        run, first, last = self.run, self.window.first, self.window.last
        self.run_id = start_run(
            self.connection, self.dataset.table.name, self.source.name, run.dag_id, run.task_id, run.run_key,
            first, last, self.expected_rows, map_index=run.map_index,
        )  # fmt: skip
        self.connection.commit()

    def records(self, part: Window) -> Iterator[Any]:
        """Ask the source for a part of the window; what was not asked for is refused."""
        codes = part.stock_codes or None
        last = part.last if self.dataset.kind is not Kind.SESSIONS else None
        days = (None, None) if self.dataset.kind is Kind.QUOTES else (part.first, last)
        return check_window(self.dataset.fetch(self.source, part), self.dataset.table, codes, *days)

    def take(self, records: Sequence[Any], failed: Mapping[str, PermanentError]) -> None:
        """Keep what a unit brought."""
        self._units -= 1
        self._records += records
        self.failed |= failed

    @property
    def is_whole(self) -> bool:
        """Whether every unit has come."""
        return self._units == 0

    @property
    def codes(self) -> list[str]:
        """The codes that did not fail."""
        return [code for code in self.window.stock_codes if code not in self.failed]

    def failures(self) -> str | None:
        """Return which codes failed and why; None when none did."""
        return str(CodesFailedError(self.failed, len(self.window.stock_codes))) if self.failed else None

    def load(self) -> tuple[LoadCounts, int]:
        """Check and load without committing; return the counts and how many expected rows are missing."""
        records, self._records = list(self.ledger.watch(self._records)), []
        for code in self.failed:
            self.ledger.forget(code)
        missing = self._check(records)
        counts = LoadCounts()
        for session, rows in self._by_session(records):
            table = self.dataset.table if session is None else self.dataset.table.in_session(session)
            counts += upsert(self.connection, table, rows, self.source.name, self.run_id)
        if self.dataset.kind is Kind.INSTRUMENTS:
            left = mark_absent(self.connection, self.window.last, self.run_id)
            log.info("%d issues left the list", left)
        return counts, self.ledger.write(self.connection, self.source.name, self.run_id) or missing

    def _check(self, records: Sequence[Any]) -> int:
        kind = self.dataset.kind
        if kind is Kind.DAILY and not self.run.remember_empty:
            return missing_bars(records, {cell for cell in self.expected if cell[0] not in self.failed})
        if kind is Kind.QUOTES:
            require_codes({record.stock_code for record in records}, self.codes, self.dataset.table)
        elif kind is Kind.INSTRUMENTS:
            require_every_market(records)
        return 0

    def _by_session(self, records: Sequence[Any]) -> list[tuple[date | None, Sequence[Any]]]:
        if self.dataset.kind is not Kind.QUOTES:
            return [(None, records)]
        # A quote seen at night or on a closed day belongs to the session before.
        sessions: dict[date, list[Any]] = {}
        for record in records:
            sessions.setdefault(krx_calendar().quoted_session(record.observed_at), []).append(record)
        return list(sessions.items())
