"""The load sequence: how one window gets into the warehouse, whoever loads it.

A window is put on record in ``ingest_run``, fetched or reread, screened, checked for what is missing, compared with
provisional bars, written, entered in the ledger, followed by adjusted prices, and finished in the transaction of its
rows. When it fails, its wrong rows go to quarantine and its run says why. Scheduled loads, backfills, official bars and
rows out of quarantine all take this way.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from data_pipeline.datasets.dataset import Dataset, Due, MarketSize
from data_pipeline.datasets.rows import Rows
from data_pipeline.engine.expected import (
    expected_cells,
    final_sessions,
    main_cells,
    missing_bars,
    refused_cells,
    require_every_market,
    require_one_code_each,
)
from data_pipeline.exceptions import CodesFailedError, InvalidRequestError, PermanentError
from data_pipeline.loading.checks.judge import Asked
from data_pipeline.loading.checks.screen import keep_held, keep_refused, rows_at_fault, screen
from data_pipeline.loading.checks.window import require_codes
from data_pipeline.loading.coverage.ledger import Ledger
from data_pipeline.loading.coverage.noted import Reach
from data_pipeline.loading.coverage.unjoined import doubt_unjoined
from data_pipeline.loading.instruments.listing import certain_listings, listed_codes
from data_pipeline.loading.instruments.lists import differences, keep_list
from data_pipeline.loading.prices.price_adjustment import adjust_all, adjust_prices
from data_pipeline.loading.prices.reconciliation import reconcile
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.loading.rows.ingest_run import CountedBy, fail_run, finish_run, start_run
from data_pipeline.loading.rows.stored import ensure_coming_months, none_stored
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.clock import Clock, market_now
from data_pipeline.market.evidence import MinuteEvidence
from data_pipeline.market.origin import origin_of
from data_pipeline.market.records import Instrument
from data_pipeline.market.rejections import Rejections
from data_pipeline.market.trading_calendar import krx_calendar

if TYPE_CHECKING:
    from data_pipeline.engine.warehouse import Warehouse
    from data_pipeline.market.window import Cell, Window

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """Who loads, for ``market.ingest_run``, and how; all None outside Airflow."""

    dag_id: str | None = None
    task_id: str | None = None
    run_key: str | None = None
    map_index: int | None = None
    moment: datetime | None = None
    """When the run came due; sessions that were not final then do not count as whole. None: the present.

    See :func:`~data_pipeline.engine.windows.run_moment`.
    """
    remember_empty: bool = False
    """Whether sessions of minutes without a trade are noted in ``market.no_data``."""
    counted: CountedBy | None = None
    """Who counts the calls; None for a source without a budget."""
    kis_includes_after_market: bool | None = None
    """Whether KIS's daily bars hold the after-market, for the comparison with the exchange's; None when unknown."""

    @property
    def due(self) -> datetime:
        """When the run came due; outside a DAG run the present, by the market's clock."""
        return self.moment or market_now()


class Fetched(NamedTuple):
    """What one part of a window brought."""

    records: Sequence[Any]
    failed: Mapping[str, PermanentError]
    """The error of each code that could not be fetched."""
    held: Rejections
    """Rows of all other codes that the parsers set aside."""
    evidence: Sequence[MinuteEvidence] = ()
    """How far the answers about minutes reached."""
    error: PermanentError | None = None
    """Why a part that is not asked for by code brought nothing."""


class WindowLoad:
    """One window between its first request and its commit.

    The order of calls is :meth:`start`, :meth:`take` for each part, then :meth:`store`; after any error
    :meth:`refuse`. The caller commits after ``start`` and after ``store``.

    Args:
        warehouse: Where it is loaded.
        dataset: What is loaded.
        source: What its rows carry in ``source``.
        window: Which part of the dataset. One of daily bars without codes is the whole market on one session.
        run: Who loads it.
        parts: How many parts of it are fetched separately.
        clock: The market's clock: rows of later times are refused.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        dataset: Dataset,
        source: str,
        window: Window,
        run: Run,
        parts: int = 1,
        clock: Clock = market_now,
    ) -> None:
        if dataset.due is Due.STREAMED:
            raise InvalidRequestError(f"{dataset.name} comes by itself, out of the stream: no window of it is loaded")
        self.warehouse, self.dataset, self.source, self.window, self.run = warehouse, dataset, source, window, run
        self.run_id = 0
        self.failed: dict[str, PermanentError] = {}
        self.held = Rejections()
        self._parts, self._clock = parts, clock
        self._error: PermanentError | None = None
        self._records: list[Any] = []
        self._expected: set[Cell] = set()
        self._numbers: Counter[str] = Counter()
        """What is counted besides the rows."""
        final: Sequence[date] = ()
        reach: Reach | None = None
        if isinstance(dataset.size, MarketSize):
            self._expected = main_cells(dataset.size, window.sessions)
        elif dataset.has_cells:
            codes = window.stock_codes or tuple(warehouse.do(listed_codes, window.first))
            reach = Reach({*codes}, {*window.sessions})
            self._expected = expected_cells(window, warehouse.do(certain_listings, codes))
            final = warehouse.do(final_sessions, window.sessions, run.moment)
        self._ledger = Ledger(dataset, self._expected, final, remember_empty=run.remember_empty, reach=reach)

    def start(self) -> None:
        """Put the window on record."""
        run, window = self.run, self.window
        rows = len(window.stock_codes) if self.dataset.due is Due.EACH_CODE else None
        rows = len(self._expected) if self.dataset.due in (Due.EACH_SESSION, Due.WHOLE_MARKET, Due.MAIN_NOW) else rows
        self.run_id = self.warehouse.do(
            start_run, self.dataset.table.name, self.source, run.dag_id, run.task_id, run.run_key,
            window.first, window.last, rows or None, map_index=run.map_index, counted=run.counted,
        )  # fmt: skip

    def take(self, brought: Fetched) -> None:
        """Keep what a part brought."""
        self._parts -= 1
        self._records += brought.records
        self.failed |= brought.failed
        self.held.add(brought.held)
        self._ledger.hear(brought.evidence)
        self._error = self._error or brought.error

    @property
    def is_whole(self) -> bool:
        """Whether every part has come."""
        return self._parts == 0

    @property
    def codes(self) -> list[str]:
        """The codes that did not fail."""
        return [code for code in self.window.stock_codes if code not in self.failed]

    @property
    def hopeless(self) -> PermanentError | None:
        """The first error of a window of which nothing came; None when there is something to store."""
        if not self.window.stock_codes:
            return self._error
        return None if self.codes else next(iter(self.failed.values()))

    def store(self, requests: int | None = None) -> dict[str, int]:
        """Check and write what came, finish the run, and return the counts; all is one transaction.

        Args:
            requests: How many were sent for it; None when none can be counted.

        Raises:
            IncompleteDataError, WindowRefusedError, LoadError: The window is wrong; roll back and :meth:`refuse` it.
            TransientError: The warehouse is away.
        """
        records = self._screened()
        missing = self._check(records)
        self._reconcile(records)
        fresh = not self.dataset.of_moments and self.warehouse.do(none_stored, self.dataset.table, records)
        records = self.warehouse.do(self._ledger.weigh, records, self.source, self.run_id, fresh=fresh)
        counts = self._keep_list(records) if self.dataset.due is Due.LIST else self._write(records, fresh=fresh)
        missing = max(missing, self.warehouse.do(self._ledger.write, self.source, self.run_id))
        if self.held.unjoined:
            self.warehouse.do(doubt_unjoined, self.held.unjoined, self.source, self.run_id)
        if self.dataset.follows:
            self.warehouse.do(adjust_prices, self.run_id, self.window.first, self.window.last)
        failures = str(CodesFailedError(self.failed, len(self.window.stock_codes))) if self.failed else None
        self.warehouse.do(finish_run, self.run_id, counts, requests, failures)
        numbers = {"missing": missing, "failed": len(self.failed), "requests": requests or 0, "windows": 1}
        return {**asdict(counts), **numbers, **self._numbers}

    def refuse(self, error: BaseException | str, at_fault: BaseException | None, requests: int) -> None:
        """Roll back, keep the window's wrong rows in quarantine, note why it failed, and commit that.

        Args:
            error: Why it failed, for ``ingest_run``.
            at_fault: The error whose row is to be kept too.
            requests: How many were sent for it.
        """
        self.warehouse.rollback()
        self.held.at_fault = rows_at_fault(self.failed)
        new = at_fault if at_fault not in self.failed.values() else None
        self.warehouse.do(keep_refused, self.dataset.table, self.source, new, self.held, self.run_id)
        self.warehouse.do(fail_run, self.run_id, error, requests)
        self.warehouse.commit()

    @property
    def _due(self) -> set[Cell]:
        return {cell for cell in self._expected if cell[0] not in self.failed}

    def _screened(self) -> list[Any]:
        """Return the records to load; what is refused goes to quarantine and proves nothing about its cell."""
        records: list[Any] = Rows(self._records)
        self._records = []
        table = self.dataset.table
        self.held.at_fault = rows_at_fault(self.failed)
        if self.dataset.check:
            records = self.warehouse.do(
                screen, self.dataset, records, self._asked(), self.held, self.source, self.run_id, now=self._clock()
            )
        elif self.held.rows or self.held.unknown_fields:
            self.warehouse.do(keep_held, table, self.source, self.held, self.run_id)
        for row in self.held.rows:
            if row.session is None or self.window.first <= row.session <= self.window.last:
                self._ledger.refuse(row.stock_code, row.session)
        for code in self.failed:
            self._ledger.forget(code)
        return self._ledger.watch(records)

    def _asked(self) -> Asked:
        if self.dataset.due is Due.EACH_CODE:
            return Asked(self.window.stock_codes)
        if self.dataset.due is Due.MAIN_NOW:  # a level belongs to the session that its own time says
            return Asked(expected=self._due)
        # A load of what is missing expects much of it to be truly empty; the ledger doubts that in its own way.
        due = () if self.run.remember_empty else self._due
        return Asked(self.window.stock_codes, self.window.first, self.window.last, due)

    def _check(self, records: Sequence[Any]) -> int:
        """Return how many rows are missing, refused ones included, and raise when that makes the window doubtful."""
        due = self.dataset.due
        if due is Due.EACH_SESSION and not self.run.remember_empty:
            refused = refused_cells(self.held, records, self.window.first, self.window.last)
            return missing_bars(records, self._due - refused) + len(refused)
        if due is Due.EACH_CODE:
            come = {record.stock_code for record in records}
            refused_codes = {row.stock_code for row in self.held.rows if row.stock_code} - come
            require_codes(come | refused_codes, self.codes, self.dataset.table)
            return len(refused_codes.intersection(self.codes))
        if due is Due.WHOLE_MARKET:  # that a session lacks a main row altogether was a check of the window
            return len(self._expected - {(record.label, record.session) for record in records})
        if due is Due.MAIN_NOW:
            return len({label for label, _ in self._expected} - {record.label for record in records})
        if due is Due.LIST:
            require_every_market(records)
            require_one_code_each(records)
        return 0

    def _reconcile(self, records: Sequence[Any]) -> None:
        """List how the exchange's bars differ from the provisional ones that they replace, and count that."""
        if not self.dataset.follows or not origin_of(self.source).official:  # what is compared are prices
            return
        known, codes = self.run.kis_includes_after_market, self.codes if self.window.stock_codes else None
        for session in self.window.sessions:
            bars = [bar for bar in records if bar.session == session]
            found = self.warehouse.do(reconcile, bars, session, self.source, self.run_id, known, codes)
            self._numbers.update(asdict(found))
            if found.compared:
                log.info(
                    "%d official bars of %s: %d compared with provisional ones, %d differences, %d of them "
                    "unexplained; see market.reconciliation",
                    len(bars), session, found.compared, found.different, found.unexpected,
                )  # fmt: skip

    def _write(self, records: Sequence[Any], *, fresh: bool) -> LoadCounts:
        counts = LoadCounts()
        for session, rows in self._by_session(records):
            table = self.dataset.table if session is None else self.dataset.table.in_session(session)
            empty = fresh if session is None else self.warehouse.do(none_stored, table, rows)
            counts += self.warehouse.do(upsert, table, rows, self.source, self.run_id, expect_empty=empty)
        return counts

    def _by_session(self, records: Sequence[Any]) -> list[tuple[date | None, Sequence[Any]]]:
        if not self.dataset.of_moments:
            return [(None, records)]
        # A quote seen at night or on a closed day belongs to the session before.
        sessions: dict[date, list[Any]] = {}
        for record in records:
            sessions.setdefault(krx_calendar().quoted_session(record.observed_at), []).append(record)
        return list(sessions.items())

    def _keep_list(self, records: Sequence[Instrument]) -> LoadCounts:
        kept = self.warehouse.do(keep_list, records, self.source, self.run_id)
        if kept.reused:
            self.warehouse.do(adjust_all, kept.reused, self.run_id)
        session = records[0].as_of
        self.warehouse.do(ensure_coming_months, self.window.last)
        found = self.warehouse.do(differences, session)
        self._numbers.update(left=kept.left, different=sum(one.issues for one in found))
        log.info("the list of %s has %d instruments; %d have left it", session, len(records), kept.left)
        for one in found:
            log.warning("the exchange and the brokers disagree on %s about %s", session, one)
        return kept.counts
