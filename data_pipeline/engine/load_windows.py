"""Moves windows from a source into the warehouse, each in one transaction, fetching ahead in several threads.

Threads fetch the parts of a window side by side and go on with later windows while one is stored. The source is never
asked inside a transaction of rows: a window is stored when all of it is there. Its row in ``ingest_run`` is committed
before the source is asked. When a window fails, none of its rows is stored, its run says why, and windows already begun
fail with it. Single wrong rows go to quarantine.

A stock code that cannot be fetched does not stop the others: it is named in the log and in ``ingest_run``, and not
asked for again. When more than 20 codes and half of those asked for have failed, the source is at fault and the work
ends at once.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from threading import Event
from typing import TYPE_CHECKING, Any

import psycopg2

from data_pipeline.datasets.dataset import Dataset, Due
from data_pipeline.engine.counted import counted_by
from data_pipeline.engine.fetching import CONCERNS_ALL, THREADS, fetch_codes, fetched, until
from data_pipeline.engine.one_window import Fetched, Run, WindowLoad
from data_pipeline.engine.progress import Progress
from data_pipeline.engine.told import tell_rows
from data_pipeline.engine.warehouse import SignsOfLife, Warehouse, warehouse_on
from data_pipeline.engine.windows import most_rows_of, units
from data_pipeline.exceptions import (
    CodesFailedError,
    DataPipelineError,
    InvalidRequestError,
    PermanentError,
    UnknownStockError,
)
from data_pipeline.loading.checks.window import check_window
from data_pipeline.loading.instruments.listing import gone_before, said_gone
from data_pipeline.market.evidence import MinuteEvidence, gathering
from data_pipeline.market.rejections import Rejections, collecting
from data_pipeline.market.window import Window
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)

Refused = Callable[[Window, PermanentError], None]
MOST_FAILED = 20
"""So many codes may fail in any case; beyond that the work ends when half of all have failed."""


def load_window(
    target: Connection | Warehouse,
    source: AbstractDataSource,
    dataset: Dataset,
    window: Window,
    run: Run,
    threads: int = THREADS,
) -> dict[str, int]:
    """Load one window, commit, and return its counts; see :func:`load_windows`."""
    total: Counter[str] = Counter()
    for _, counts in load_windows(target, source, dataset, [window], run, threads):
        total.update(counts)
    return dict(total)


def load_windows(
    target: Connection | Warehouse,
    source: AbstractDataSource,
    dataset: Dataset,
    windows: Sequence[Window],
    run: Run,
    threads: int = THREADS,
    most_rows: int = 100_000,
    refused: Refused | None = None,
) -> Iterator[tuple[Window, dict[str, int]]]:
    """Load windows and yield each with its counts as soon as it is committed; loading a window twice is safe.

    Args:
        target: Of a user that may load, without a transaction open.
        source: Who is asked.
        dataset: What is loaded.
        windows: In the order in which they are begun.
        run: Who loads.
        threads: How many requests are under way at once, at most.
        most_rows: Rows that may have been asked for and not be committed, which is what a sudden end costs; one window
            is always begun.
        refused: Called for each failure, after which loading continues unless the error affects the whole run. None:
            a window that fails ends the work.

    Raises:
        CodesFailedError: Some codes failed; everything else is loaded. When all failed, the error of the first.
        IncompleteDataError, PayloadError, WindowRefusedError, LoadError: The window is at fault; the message says how.
        SyntheticDataRefusedError: Synthetic rows for a warehouse of real ones, or the reverse.
        TransientError: The source or the warehouse could not be reached; trying again can help.
    """
    progress, done, cells = Progress("cells"), 0, sum(window.cells for window in windows)
    at: WindowLoad | None = None
    with warehouse_on(target) as warehouse:
        counted = replace(run, counted=counted_by(source, warehouse))
        work = _Work(warehouse, source, dataset, windows, counted, most_rows, refused)
        try:
            with closing(fetched(work.parts(), work.fetch, threads, lambda: work.is_full, work.beat)) as finished:
                for part, brought in finished:
                    at = part.load
                    done += part.window.cells
                    if progress.is_due():
                        log.info("%s from %s: %s", dataset.name, source.name, progress.line(done, cells))
                    if (counts := work.take(part, brought)) is not None:
                        yield at.window, counts
            if refused is None:
                work.require_all()
        except BaseException as error:
            work.fail(at, error)
            raise


@dataclass(frozen=True, eq=False)
class _Part:
    """What one thread fetches of a window."""

    load: WindowLoad
    window: Window


class _Work:
    """All windows of one task: what is under way and what has failed."""

    def __init__(
        self,
        warehouse: Warehouse,
        source: AbstractDataSource,
        dataset: Dataset,
        windows: Iterable[Window],
        run: Run,
        most_rows: int,
        refused: Refused | None,
    ) -> None:
        self.warehouse, self.source, self.dataset, self.run = warehouse, source, dataset, run
        self.most_rows, self.refused = most_rows, refused
        self.open: dict[WindowLoad, int] = {}
        """The windows that are begun and not committed, and how many rows each may bring."""
        self.asked: set[str] = set()
        self.failed: dict[str, PermanentError] = {}
        self._waiting = deque(windows)
        self._most_rows_of = lru_cache(maxsize=1)(partial(most_rows_of, dataset, source))  # asked after every part
        self._parts_left = 0
        self._sent_before = source.requests_sent
        self._signs = SignsOfLife(warehouse)

    def parts(self) -> Iterator[_Part]:
        """Begin one window after the other and yield its parts; codes that failed before are left out."""
        while self._waiting:
            whole = self._waiting.popleft()
            gone = self._gone(whole)
            codes = [code for code in whole.stock_codes if code not in gone and not self._is_in_vain(code)]
            if whole.stock_codes and not codes:
                continue
            window = whole.of(codes)
            parts = units(self.dataset, self.source, window)
            load = WindowLoad(self.warehouse, self.dataset, self.source.name, window, self.run, len(parts))
            load.start()
            self.warehouse.commit()
            self.open[load] = most_rows_of(self.dataset, self.source, window)
            for left, part in zip(reversed(range(len(parts))), parts, strict=True):
                self._parts_left = left
                yield _Part(load, part)

    def beat(self) -> None:
        """Show that the windows which are begun are under way."""
        self._signs.give_in_time([load.run_id for load in self.open])

    @property
    def is_full(self) -> bool:
        """Whether the next window has to wait until another one is over; parts of one that is begun never wait."""
        if self._parts_left or not self._waiting or not self.open:
            return False
        return sum(self.open.values()) + self._most_rows_of(self._waiting[0]) > self.most_rows

    def fetch(self, part: _Part, stop: Event) -> Fetched:
        """Return what a part brings; runs in a thread, whose own context collects the rows that are set aside."""
        window, held, evidence = part.window, Rejections(), list[MinuteEvidence]()
        divisible = self.source.unit_size(self.dataset.name, window.first, window.last) is not None

        def ask(codes: tuple[str, ...]) -> list[Any]:
            with collecting() as own, gathering() as told:
                records = list(until(stop, self._records(window.of(codes))))
            held.add(own)  # not before: codes whose answer breaks off are asked for again
            evidence.extend(told)
            return records

        try:
            found = fetch_codes(window.stock_codes, ask, divisible=divisible and bool(window.stock_codes))
        except PermanentError as error:
            if not self._goes_on_after(error):
                raise
            return Fetched([], dict.fromkeys(window.stock_codes, error), held, error=error)
        return Fetched(*found, held, evidence)

    def take(self, part: _Part, brought: Fetched) -> dict[str, int] | None:
        """Keep what a part brought, and store its window when that was all; None when there is nothing to tell yet."""
        load = part.load
        load.take(brought)
        self.note(part.window, brought.failed)
        if not load.is_whole:
            return None
        if error := load.hopeless:
            self._give_up(load, error, error)
            if self.refused and not load.window.stock_codes:
                self.refused(load.window, error)
            return None
        try:
            return self._store(load)
        except PermanentError as error:
            if self.refused is None or not self._goes_on_after(error):
                raise
            self._give_up(load, error, error)
            self.refused(load.window, error)
            return None

    def note(self, window: Window, failed: Mapping[str, PermanentError]) -> None:
        """Note which codes failed, and stop when it is not a matter of single codes."""
        self.asked.update(window.stock_codes)
        if self.refused is not None:
            for code, error in failed.items():
                self.refused(window.of([code]), error)
        for code in failed.keys() - self.failed.keys():
            log.error("%s: %s is left out: %s", self.dataset.name, code, failed[code])
            self.failed[code] = failed[code]
        if self.refused is None and len(self.failed) > MOST_FAILED and 2 * len(self.failed) > len(self.asked):
            self.require_all()

    def require_all(self) -> None:
        """Return when every code came.

        Raises:
            CodesFailedError: Some did not.
            PermanentError: None did: the first one's own error.
        """
        if self.failed:
            first = next(iter(self.failed.values()))
            raise CodesFailedError(self.failed, len(self.asked)) if len(self.failed) < len(self.asked) else first

    def fail(self, at: WindowLoad | None, error: BaseException) -> None:
        """Note that every window under way failed: the one that was ``at`` work for its own reason."""
        others = f"given up: {error}" if at in self.open else error
        to_blame = at if at in self.open else next(iter(self.open), None)
        for load in [*self.open]:
            self._give_up(load, error if load is at else others, error if load is to_blame else None)

    def _store(self, load: WindowLoad) -> dict[str, int]:
        requests = self._requests()
        self._signs.give([load.run_id])
        counts = load.store(requests)
        self.warehouse.commit_run(load.run_id)
        del self.open[load]
        self._sent_before += requests
        tell_rows(self.source, self.dataset.name, counts, len(load.held.rows))
        return counts

    def _give_up(self, load: WindowLoad, error: BaseException | str, at_fault: BaseException | None) -> None:
        with suppress(psycopg2.Error, DataPipelineError):  # the first error matters, not that it cannot be noted
            load.refuse(error, at_fault, self._requests())
            del self.open[load]
            tell_rows(self.source, self.dataset.name, {}, len(load.held.rows))

    def _records(self, part: Window) -> Iterator[Any]:
        """Ask the source; what is not asked for by code is checked as it comes, rows of codes when all are there."""
        records = iter(self.dataset.ask(self.source, part))
        if self.dataset.by_code:
            return records
        if self.dataset.of_moments:
            return records
        # KRX publishes a day later: the newest list it has is of an earlier session, and says so.
        first = part.first if self.dataset.due is not Due.LIST else None
        last = part.last if self.dataset.due is not Due.CALENDAR else None
        return check_window(records, self.dataset.table, None, first, last)

    def _goes_on_after(self, error: PermanentError) -> bool:
        return self.refused is not None and not isinstance(error, CONCERNS_ALL)

    def _gone(self, window: Window) -> dict[str, PermanentError]:
        """Return the codes that were delisted before a window begins, which are not worth asking for."""
        if not self.dataset.has_cells or not window.stock_codes:
            return {}
        days = self.warehouse.do(gone_before, window.stock_codes, window.first)
        self.warehouse.commit()
        gone: dict[str, PermanentError] = {
            code: InvalidRequestError(said_gone({code: day}, window.first)) for code, day in days.items()
        }
        if gone:
            self.note(window, gone)
        return gone

    def _is_in_vain(self, code: str) -> bool:
        """Return whether a code that failed is not worth asking for again."""
        error = self.failed.get(code)
        return error is not None if self.refused is None else isinstance(error, UnknownStockError)

    def _requests(self) -> int:
        """Return the requests sent since the last window was stored."""
        return self.source.requests_sent - self._sent_before
