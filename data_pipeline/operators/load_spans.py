"""Loads spans one after the other, goes on past the ones that fail, and says how far it is. Imports no Airflow."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from data_pipeline.exceptions import (
    AuthenticationError,
    CalendarRangeError,
    ConfigurationError,
    IncompleteDataError,
    PermanentError,
    SyntheticDataRefusedError,
    UnknownStockError,
    UnsupportedDatasetError,
)
from data_pipeline.loading.gaps import Span
from data_pipeline.operators.datasets import Dataset
from data_pipeline.operators.load_window import Run, load_window
from data_pipeline.operators.windows import Window
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.trading_calendar import SEOUL

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)

CONCERNS_ALL = (AuthenticationError, CalendarRangeError, ConfigurationError, SyntheticDataRefusedError)
"""Permanent errors that every further window would meet too."""
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
    """Requests of the plan that are behind us, and of all."""
    total: int = 0

    @property
    def share(self) -> float:
        """How much of the work is done, 0 to 1."""
        return self.done / self.total if self.total else 1.0


def load_spans(
    connection: Connection, source: AbstractDataSource, dataset: Dataset, spans: Sequence[Span], run: Run
) -> Iterator[Step]:
    """Load each span in a transaction of its own and yield what became of it; a span that fails does not stop the rest.

    A span of several codes that fails is asked again without the code that the error names, or in halves, so that one
    bad code costs its own rows only.

    Raises:
        TransientError: The source or the warehouse is away; what was loaded stays, and the rest can be asked again.
        PermanentError: Every further span would fail the same way (credentials, configuration, made-up rows).
    """
    total, done = sum(span.requests for span in spans), 0
    for span in spans:
        done += span.requests
        work = [Window(span.stock_codes, span.first, span.last)]
        while work:
            window = work.pop()
            try:
                counts = load_window(connection, source, dataset, window, run)
            except CONCERNS_ALL:
                raise
            except PermanentError as error:
                parts = _apart(window, error)
                work += parts[::-1]
                if len(parts) <= 1:
                    failed = _only(window, error) if parts else window
                    yield Step(failed, error=error, done=done, total=total)
            else:
                yield Step(window, counts, done=done, total=total)


def _apart(window: Window, error: PermanentError) -> list[Window]:
    """Return what to ask instead: nothing, all but the code that is named, or two halves."""
    codes = window.stock_codes
    if len(codes) == 1 or isinstance(error, UnsupportedDatasetError):
        return []
    if isinstance(error, UnknownStockError) and error.stock_code in codes:
        return [Window(tuple(code for code in codes if code != error.stock_code), window.first, window.last)]
    middle = len(codes) // 2
    return [Window(codes[:middle], window.first, window.last), Window(codes[middle:], window.first, window.last)]


def _only(window: Window, error: PermanentError) -> Window:
    return Window((getattr(error, "stock_code", window.stock_codes[0]),), window.first, window.last)


class Pace:
    """Says how far the work is and when it will be done.

    Args:
        clock: Seconds of a clock that only goes forward.
        now: The time of day, for people.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(SEOUL),
    ) -> None:
        self._clock, self._now = clock, now
        self._began = clock()

    def line(self, step: Step) -> str:
        """Return ``37 % of 1,234 requests, done at about 21:05``; the time is reckoned from the pace so far."""
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
