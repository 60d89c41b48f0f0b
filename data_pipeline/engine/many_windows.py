"""Loads spans one after the other and goes on past those that fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from data_pipeline.datasets import Dataset, Due, find_dataset
from data_pipeline.engine.calendar_check import check_calendar
from data_pipeline.engine.fetching import THREADS
from data_pipeline.engine.load_windows import load_windows
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.progress import Step
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.engine.windows import WINDOW_ROWS
from data_pipeline.exceptions import PermanentError
from data_pipeline.market.window import Span, Window
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class


@dataclass(frozen=True)
class Loader:
    """Loads spans into a warehouse; a span that fails does not stop the rest.

    Raises:
        TransientError: The source or the warehouse is away; what was loaded stays, and the rest can be asked again.
        PermanentError: Every further span would fail the same way (credentials, configuration, synthetic rows for a
            warehouse of true ones), or the source contradicts the trading calendar.
    """

    connection: Connection
    run: Run
    threads: int
    most_rows: int = WINDOW_ROWS

    def __call__(self, source: AbstractDataSource, dataset: str, spans: Sequence[Span]) -> Iterator[Step]:
        """Yield what became of each span."""
        declared = find_dataset(dataset)
        if declared.due is Due.CALENDAR:
            yield from self._calendar(source, declared, spans)
        elif declared.by_code:
            # What traded in no minute is not asked for again.
            run = replace(self.run, remember_empty=True)
            yield from load_spans(self.connection, source, declared, spans, run, self.threads, self.most_rows)
        else:
            yield from load_spans(self.connection, source, declared, spans, self.run, threads=1, most_rows=1)

    def _calendar(self, source: AbstractDataSource, declared: Dataset, spans: Sequence[Span]) -> Iterator[Step]:
        done, total = 0, sum(span.requests for span in spans)
        for span in spans:
            window = Window(span.stock_codes, span.first, span.last)
            counts = check_calendar(self.connection, source, declared, window, self.run)
            done += span.requests
            yield Step(window, counts, done=done, total=total)


def load_spans(
    target: Connection | Warehouse,
    source: AbstractDataSource,
    dataset: Dataset,
    spans: Sequence[Span],
    run: Run,
    threads: int = THREADS,
    most_rows: int = WINDOW_ROWS,
) -> Iterator[Step]:
    """Load each span in a transaction of its own and yield what became of it; a span that fails does not stop the rest.

    A code that cannot be fetched costs its own rows only, and is a step of its own. No more than ``most_rows`` rows
    have been asked for and not stored at any time, so no more have to be asked for again after a kill.

    Raises:
        TransientError: The source or the warehouse is away; what was loaded stays, and the rest can be asked for again.
        PermanentError: Every further span would fail the same way (credentials, configuration, synthetic rows).
    """
    requests = {Window(span.stock_codes, span.first, span.last): span.requests for span in spans}
    total, done = sum(requests.values()), 0
    refused: list[tuple[Window, PermanentError]] = []
    loaded = load_windows(
        target, source, dataset, list(requests), run, threads, most_rows, lambda *failure: refused.append(failure)
    )
    for window, counts in loaded:
        for step in _failed(refused, requests, done, total):
            done = step.done
            yield step
        done += requests.get(window, 0)
        yield Step(window, counts, done=done, total=total)
    yield from _failed(refused, requests, done, total)


def _failed(
    refused: list[tuple[Window, PermanentError]], requests: Mapping[Window, int], done: int, total: int
) -> Iterator[Step]:
    while refused:
        window, error = refused.pop(0)
        done += requests.get(window, 0)  # nothing for a code of a window that is still under way
        yield Step(window, error=error, done=done, total=total)
