"""One window on its way into the warehouse: what is expected, what came, and where it goes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from data_pipeline.engine.datasets import Dataset, Kind
from data_pipeline.engine.expected import (
    Cell,
    expected_cells,
    missing_bars,
    refused_cells,
    require_every_market,
)
from data_pipeline.engine.windows import Window
from data_pipeline.exceptions import CodesFailedError, PermanentError
from data_pipeline.loading.checks.judge import Asked
from data_pipeline.loading.checks.screen import keep_held, keep_refused, rows_at_fault, screen
from data_pipeline.loading.checks.window import check_window, require_codes
from data_pipeline.loading.coverage.ledger import Ledger
from data_pipeline.loading.instruments.listing import certain_listings, final_sessions
from data_pipeline.loading.instruments.lists import differences, keep_list
from data_pipeline.loading.prices.price_adjustment import adjust_prices
from data_pipeline.loading.prices.reconciliation import reconcile
from data_pipeline.loading.rows.ingest_run import start_run
from data_pipeline.loading.rows.stored import ensure_coming_months, none_stored
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.clock import market_now
from data_pipeline.market.evidence import MinuteEvidence
from data_pipeline.market.records import Instrument
from data_pipeline.market.rejections import Rejections
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.warehouse.errors import said_plainly

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
    """When the run came due; sessions that were not final then do not count as whole. None: the present.

    See :func:`~data_pipeline.engine.windows.run_moment`.
    """
    remember_empty: bool = False
    """Whether sessions of minutes without a trade are noted down in ``market.no_data``."""
    kis_includes_after_market: bool | None = None
    """What is known of KIS's daily bars, for the list of differences from the exchange's."""

    @property
    def due(self) -> datetime:
        """When the run came due; outside a DAG run the present, by the market's clock."""
        return self.moment or market_now()


class Fetched(NamedTuple):
    """What one unit of a window brought."""

    records: Sequence[Any]
    failed: Mapping[str, PermanentError]
    """The codes that cannot be had."""
    held: Rejections
    """The rows of all other codes that the parsers set aside."""
    evidence: Sequence[MinuteEvidence] = ()
    """How far the answers about minutes reached."""


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
        self.expected: set[Cell] = set()
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
        self.held = Rejections()
        self.numbers: dict[str, int] = {}
        """What is told beside the counts of every load."""
        self._units = units
        self._records: list[Any] = []

    def start(self) -> None:
        """Put the window on record and commit that."""
        run, first, last = self.run, self.window.first, self.window.last
        self.run_id = start_run(
            self.connection, self.dataset.table.name, self.source.name, run.dag_id, run.task_id, run.run_key,
            first, last, self.expected_rows, map_index=run.map_index,
        )  # fmt: skip
        with said_plainly("ingest_run"):
            self.connection.commit()

    def records(self, part: Window) -> Iterator[Any]:
        """Ask the source for a part of the window; lists are checked as they come, rows of codes when all are there."""
        records = iter(self.dataset.fetch(self.source, part))
        if self.dataset.by_code:
            return records
        last = part.last if self.dataset.kind is not Kind.SESSIONS else None
        # KRX publishes a day later: the newest list it has is of an earlier session, and says so.
        first = part.first if self.dataset.kind is not Kind.INSTRUMENTS else None
        return check_window(records, self.dataset.table, None, first, last)

    def take(self, brought: Fetched) -> None:
        """Keep what a unit brought."""
        self._units -= 1
        self._records += brought.records
        self.failed |= brought.failed
        self.held.add(brought.held)
        self.ledger.hear(brought.evidence)

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
        """Check and load without committing; return the counts and how many rows are missing, refused ones too."""
        records = self._screened()
        missing = self._check(records)
        self._reconcile(records)
        if self.dataset.kind is Kind.INSTRUMENTS:
            return self._keep_list(records), 0
        counts = LoadCounts()
        for session, rows in self._by_session(records):
            table = self.dataset.table if session is None else self.dataset.table.in_session(session)
            empty = none_stored(self.connection, table, rows)
            counts += upsert(self.connection, table, rows, self.source.name, self.run_id, expect_empty=empty)
        missing = max(missing, self.ledger.write(self.connection, self.source.name, self.run_id))
        if self.dataset.kind is Kind.DAILY:
            adjust_prices(self.connection, self.run_id, self.window.first, self.window.last)
        return counts, missing

    def _keep_list(self, records: Sequence[Instrument]) -> LoadCounts:
        kept = keep_list(self.connection, records, self.source.name, self.run_id)
        session = records[0].as_of
        ensure_coming_months(self.connection, self.window.last)
        found = differences(self.connection, session)
        self.numbers = {"left": kept.left, "different": sum(one.issues for one in found)}
        log.info("the list of %s has %d issues; %d have left it", session, len(records), kept.left)
        for one in found:
            log.warning("the exchange and the brokers disagree on %s about %s", session, one)
        return kept.counts

    def keep_refused(self, error: BaseException | None) -> None:
        """Put the rows that are wrong into quarantine although the window fails; call it after the rollback."""
        self.held.at_fault = rows_at_fault(self.failed)
        new = error if error not in self.failed.values() else None
        keep_refused(self.connection, self.dataset.table, self.source.name, new, self.held, self.run_id)

    @property
    def _due(self) -> set[Cell]:
        return {cell for cell in self.expected if cell[0] not in self.failed}

    def _screened(self) -> list[Any]:
        """Return the records to load; what is refused goes to quarantine and proves nothing about its cell."""
        records, self._records = self._records, []
        if self.dataset.by_code:
            first, last = self.window.first, self.window.last
            dated = self.dataset.kind is not Kind.QUOTES
            # Who asks for what is missing expects much of it to be truly empty; the ledger doubts that in its own way.
            due = () if self.run.remember_empty else self._due
            asked = Asked(self.window.stock_codes, first if dated else None, last if dated else None, due)
            self.held.at_fault = rows_at_fault(self.failed)
            table, name = self.dataset.table, self.source.name
            records = screen(self.connection, table, records, asked, self.held, name, self.run_id, now=market_now())
        elif self.held.rows or self.held.unknown_fields:
            keep_held(self.connection, self.dataset.table, self.source.name, self.held, self.run_id)
        for row in self.held.rows:
            if row.session is None or self.window.first <= row.session <= self.window.last:
                self.ledger.refuse(row.stock_code, row.session)
        for code in self.failed:
            self.ledger.forget(code)
        return list(self.ledger.watch(records))

    def _check(self, records: Sequence[Any]) -> int:
        kind = self.dataset.kind
        if kind is Kind.DAILY and not self.run.remember_empty:
            first, last = self.window.first, self.window.last
            refused = refused_cells(self.held, records, first, last)
            return missing_bars(records, self._due - refused) + len(refused)
        if kind is Kind.QUOTES:
            come = {record.stock_code for record in records}
            refused_codes = {row.stock_code for row in self.held.rows if row.stock_code} - come
            require_codes(come | refused_codes, self.codes, self.dataset.table)
            return len(refused_codes.intersection(self.codes))
        if kind is Kind.INSTRUMENTS:
            require_every_market(records)
        return 0

    def _reconcile(self, records: Sequence[Any]) -> None:
        """List how the exchange's bars differ from the provisional ones that they replace."""
        if self.dataset.kind is not Kind.DAILY or not self.source.origin.official:
            return
        known, codes = self.run.kis_includes_after_market, self.codes
        for session in self.window.sessions:
            bars = [bar for bar in records if bar.session == session]
            reconcile(self.connection, bars, session, self.source.name, self.run_id, known, codes)

    def _by_session(self, records: Sequence[Any]) -> list[tuple[date | None, Sequence[Any]]]:
        if self.dataset.kind is not Kind.QUOTES:
            return [(None, records)]
        # A quote seen at night or on a closed day belongs to the session before.
        sessions: dict[date, list[Any]] = {}
        for record in records:
            sessions.setdefault(krx_calendar().quoted_session(record.observed_at), []).append(record)
        return list(sessions.items())
