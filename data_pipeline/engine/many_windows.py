"""Loads spans one after the other, goes on past those that fail, and says how far it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from data_pipeline.engine.datasets import Dataset
from data_pipeline.engine.fetching import THREADS
from data_pipeline.engine.load_windows import load_windows
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.engine.windows import Span, Window
from data_pipeline.exceptions import (
    IncompleteDataError,
    PermanentError,
    UnknownStockError,
    UnsupportedDatasetError,
)
from data_pipeline.market.clock import Clock
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)

WINDOW_ROWS = 50_000
"""Rows that may have been asked for and not be stored yet; one transaction holds half of them at most."""
UNSERVABLE = (UnknownStockError, UnsupportedDatasetError)
"""What the source will never have, whatever is asked."""
NAMED = 10


@dataclass(frozen=True)
class Step:
    """One window that is over."""

    window: Window
    counts: dict[str, int] = field(default_factory=dict)
    error: PermanentError | None = None
    done: int = 0
    """Requests of the plan that are over."""
    total: int = 0
    """Requests of the plan."""

    @property
    def share(self) -> float:
        """How much of the work is done, 0 to 1."""
        return self.done / self.total if self.total else 1.0


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


class Pace:
    """Says how far the work is and when it will be done.

    Args:
        clock: Seconds of a clock that never runs backwards.
        now: The real time of day, for people.
    """

    def __init__(self, clock: Callable[[], float], now: Clock) -> None:
        self._clock, self._now = clock, now
        self._began = clock()

    def line(self, step: Step) -> str:
        """Return ``37 % of 1,234 requests, done at about 21:05``; the time follows from the pace so far."""
        elapsed = self._clock() - self._began
        left = timedelta(seconds=elapsed * (1 - step.share) / step.share) if step.share else timedelta()
        return f"{step.share:.0%} of {step.total:,} requests, done at about {self._now() + left:%H:%M}"


def require_no_failure(failures: Sequence[Step], windows: int, *, unservable_is_fine: bool = False) -> None:
    """Return when nothing failed; what the source can never serve may be left out.

    Raises:
        IncompleteDataError: Windows failed; the first of them are named with their reasons.
    """
    for step in failures:
        log.warning("%s failed: %s: %s", step.window, type(step.error).__name__, step.error)
    wrong = [step for step in failures if not (unservable_is_fine and isinstance(step.error, UNSERVABLE))]
    if wrong:
        some = "; ".join(f"{step.window}: {step.error}" for step in wrong[:NAMED])
        raise IncompleteDataError(f"{len(wrong)} of {windows} windows failed, the others are loaded: {some}")
