"""Moves windows from a source into the warehouse: each fetched whole, checked, loaded in one transaction.

Threads ask the source for the units of a window side by side and go on with later windows while one is loaded. The
source is never asked inside a transaction of rows: a window is written when all of it is there. Its row in
``ingest_run`` is committed before the source is asked and finished in the transaction of the rows. When a window fails,
it says why, no row of it is there, and the windows begun after it fail with it. Single rows that are wrong go to
quarantine.

A stock code that cannot be had does not stop the others: it is named in the log and in ``ingest_run``, and not asked
for again. When more than 20 codes fail, and half of those asked for, the source is at fault and the work ends at once.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

import psycopg2

from data_pipeline.engine.datasets import Dataset
from data_pipeline.engine.fetching import CONCERNS_ALL, THREADS, fetch_codes, fetched, until
from data_pipeline.engine.one_window import Fetched, Run, WindowLoad
from data_pipeline.engine.progress import Progress
from data_pipeline.engine.windows import Window
from data_pipeline.exceptions import (
    CodesFailedError,
    DataPipelineError,
    InvalidRequestError,
    PermanentError,
    UnknownStockError,
)
from data_pipeline.loading.instruments.listing import gone_before, said_gone
from data_pipeline.loading.rows.commit import commit_run
from data_pipeline.loading.rows.ingest_run import fail_run, finish_run
from data_pipeline.market.evidence import MinuteEvidence, gathering
from data_pipeline.market.rejections import Rejections, collecting
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)

Refused = Callable[[Window, PermanentError], None]
MOST_FAILED = 20
"""So many codes may fail in any case; beyond, the work ends when half of all do."""


def load_window(
    connection: Connection,
    source: AbstractDataSource,
    dataset: Dataset,
    window: Window,
    run: Run,
    threads: int = THREADS,
) -> dict[str, int]:
    """Load one window, commit, and return its counts; see :func:`load_windows`."""
    total: Counter[str] = Counter()
    for _, counts in load_windows(connection, source, dataset, [window], run, threads):
        total.update(counts)
    return dict(total)


def load_windows(
    connection: Connection,
    source: AbstractDataSource,
    dataset: Dataset,
    windows: Sequence[Window],
    run: Run,
    threads: int = THREADS,
    most_rows: int = 100_000,
    refused: Refused | None = None,
) -> Iterator[tuple[Window, dict[str, int]]]:
    """Load windows, each in one transaction, and yield each with its counts when it is committed; twice is safe.

    Never more than ``most_rows`` are asked for and not committed, except that one window is always begun; that is what
    a sudden end costs. A window that fails has no row. A stock code that cannot be had is left out and counted as
    ``failed``; with ``refused``, which is told each failure, every permanent error that is not about all of the work is
    passed over like that.

    Raises:
        CodesFailedError: Some codes failed; everything else is loaded. When all failed, the error of the first.
        IncompleteDataError, PayloadError, WindowRefusedError, LoadError: The window is at fault; it says how.
        SyntheticDataRefusedError: Made-up rows for a warehouse of real ones, or the reverse.
        TransientError: The source or the warehouse could not be reached; trying again can help.
    """
    work = _Work(connection, source, dataset, windows, run, most_rows, refused)
    progress = Progress(f"{dataset.table.name} from {source.name}", sum(window.cells for window in windows))
    loading: WindowLoad | None = None
    try:
        with closing(fetched(work.units(), work.fetch, threads, lambda: work.is_full)) as finished:
            for unit, brought in finished:
                loading = unit.loading
                progress.add(unit.window.cells)
                if (counts := work.take(unit, brought)) is not None:
                    yield loading.window, counts
        if refused is None:
            work.require_all()
    except BaseException as error:
        work.fail(loading, error)
        raise
    finally:
        work.close()


@dataclass(frozen=True, eq=False)
class _Unit:
    """A part of a window that one thread fetches."""

    loading: WindowLoad
    window: Window


class _Work:
    """All windows of one task: what is under way, what has failed, and the bookkeeping in the warehouse."""

    def __init__(
        self,
        connection: Connection,
        source: AbstractDataSource,
        dataset: Dataset,
        windows: Iterable[Window],
        run: Run,
        most_rows: int,
        refused: Refused | None,
    ) -> None:
        self.connection, self.source, self.dataset, self.run = connection, source, dataset, run
        self.refused, self.most_rows = refused, most_rows
        self.open: dict[WindowLoad, int] = {}
        """The windows that are begun and not committed, and the rows that each may bring."""
        self._waiting = deque(windows)
        self._units_left = 0
        self.asked: set[str] = set()
        self.failed: dict[str, PermanentError] = {}
        self._sent_before = source.requests_sent
        self._closing = ExitStack()

    def units(self) -> Iterator[_Unit]:
        """Begin one window after the other and yield its units; codes that failed before are left out."""
        while self._waiting:
            whole = self._waiting.popleft()
            gone = self._gone(whole)
            codes = [code for code in whole.stock_codes if code not in gone and not self._is_in_vain(code)]
            if whole.stock_codes and not codes:
                continue
            window = whole.of(codes)
            units = self.dataset.units(self.source, window)
            loading = WindowLoad(self.connection, self.source, self.dataset, window, len(units), self.run)
            loading.start()
            self.open[loading] = self.dataset.size(self.source, window)
            for left, unit in zip(reversed(range(len(units))), units, strict=True):
                self._units_left = left
                yield _Unit(loading, unit)

    @property
    def is_full(self) -> bool:
        """Whether the next window has to wait until another one is over; the units of one that is begun never wait."""
        if self._units_left or not self._waiting or not self.open:
            return False
        return sum(self.open.values()) + self.dataset.size(self.source, self._waiting[0]) > self.most_rows

    def fetch(self, unit: _Unit, stop: Event) -> Fetched:
        """Return what a unit brings; runs in a thread, whose own context collects the rows that are set aside."""
        window, held, evidence = unit.window, Rejections(), list[MinuteEvidence]()
        divisible = self.source.unit_size(self.dataset.table.name, window.first, window.last) is not None

        def ask(codes: tuple[str, ...]) -> list[Any]:
            with collecting() as own, gathering() as told:
                records = list(until(stop, unit.loading.records(window.of(codes))))
            held.add(own)  # not before: codes whose answer breaks off are asked for again
            evidence.extend(told)
            return records

        try:
            found = fetch_codes(window.stock_codes, ask, divisible=divisible and bool(window.stock_codes))
        except PermanentError as error:
            if self.refused is None or isinstance(error, CONCERNS_ALL) or not window.stock_codes:
                raise
            return Fetched([], dict.fromkeys(window.stock_codes, error), held)
        return Fetched(*found, held, evidence)

    def take(self, unit: _Unit, brought: Fetched) -> dict[str, int] | None:
        """Keep what a unit brought, and load its window when that was all; None when there is nothing to tell yet."""
        loading = unit.loading
        loading.take(brought)
        self.note(unit.window, brought.failed)
        if not loading.is_whole:
            return None
        if loading.window.stock_codes and not loading.codes:
            self.give_up(loading, next(iter(loading.failed.values())))
            return None
        return self.finish_or_refuse(loading)

    def note(self, window: Window, failed: Mapping[str, PermanentError]) -> None:
        """Take down which codes failed, and stop when it is not a matter of single codes."""
        self.asked.update(window.stock_codes)
        if self.refused is not None:
            for code, error in failed.items():
                self.refused(window.of([code]), error)
        for code in failed.keys() - self.failed.keys():
            log.error("%s: %s is left out: %s", self.dataset.table.name, code, failed[code])
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

    def finish_or_refuse(self, loading: WindowLoad) -> dict[str, int] | None:
        """Load a window and return its counts; None when it was refused and the work goes on."""
        try:
            return self.finish(loading)
        except PermanentError as error:
            if self.refused is None or isinstance(error, CONCERNS_ALL):
                raise
            self.give_up(loading, error, error)
            self.refused(loading.window, error)
            return None

    def finish(self, loading: WindowLoad) -> dict[str, int]:
        """Check and load a window, commit, and return its counts."""
        counts, missing = loading.load()
        requests = self._requests()
        finish_run(self.connection, loading.run_id, counts, requests, loading.failures())
        self._go_on_with(commit_run(self.connection, loading.run_id))
        del self.open[loading]
        self._sent_before += requests
        numbers = {"missing": missing, "failed": len(loading.failed), "requests": requests, "windows": 1}
        return {**asdict(counts), **numbers, **loading.numbers}

    def give_up(self, loading: WindowLoad, error: BaseException | str, at_fault: BaseException | None = None) -> None:
        """Note that a window came to nothing; its wrong rows, and the one that ``at_fault`` is about, are kept."""
        with suppress(psycopg2.Error, DataPipelineError):  # the first error matters, not that it cannot be noted down
            self.connection.rollback()
            loading.keep_refused(at_fault)
            fail_run(self.connection, loading.run_id, error, self._requests())
            self.connection.commit()
            del self.open[loading]

    def fail(self, at: WindowLoad | None, error: BaseException) -> None:
        """Note that every window under way failed: the one that was ``at`` work for its own reason."""
        others = f"given up: {error}" if at in self.open else error
        to_blame = at if at in self.open else next(iter(self.open), None)
        for loading in [*self.open]:
            self.give_up(loading, error if loading is at else others, error if loading is to_blame else None)

    def _gone(self, window: Window) -> dict[str, PermanentError]:
        """Return the codes that were delisted before a window begins, which are not worth asking for."""
        if not self.dataset.of_whole_sessions:
            return {}
        with self.connection:
            days = gone_before(self.connection, window.stock_codes, window.first)
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

    def _go_on_with(self, connection: Connection) -> None:
        """Use this connection from now on: the old one may have broken off after all was stored."""
        if connection is not self.connection:
            self.connection = self._closing.enter_context(closing(connection))
            for loading in self.open:
                loading.connection = connection

    def close(self) -> None:
        """Close the connections that were opened on the way."""
        self._closing.close()

    def _requests(self) -> int:
        """Return the requests sent since the last window was finished."""
        return self.source.requests_sent - self._sent_before
