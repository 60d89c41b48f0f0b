"""Says how far long work has come and how much time is left, and what failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from data_pipeline.exceptions import IncompleteDataError, PermanentError, UnknownStockError, UnsupportedDatasetError
from data_pipeline.market.clock import Clock

if TYPE_CHECKING:
    from data_pipeline.market.window import Window

log = logging.getLogger(__name__)

INTERVAL = 30.0
"""Seconds between two lines of the log."""
UNSERVABLE = (UnknownStockError, UnsupportedDatasetError)
"""What the source will never have, whatever is asked."""
NAMED = 10
"""How many failures an error names."""


class Progress:
    """Counts work, and logs every half minute how much is done and how much time is left.

    Args:
        what: What is being loaded, for the log.
        total: The work there is, in cells (one code on one day).
        clock: Seconds that never run backwards.
    """

    def __init__(self, what: str, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._total, self._clock = what, max(1, total), clock
        self._began = self._told = clock()
        self.done = 0

    def add(self, cells: int) -> None:
        """Count work as done, and log a line when the last one is half a minute old."""
        self.done += cells
        now = self._clock()
        if now - self._told >= INTERVAL:
            self._told = now
            log.info("%s", self.line(now))

    def line(self, now: float) -> str:
        """Return how far the work has come at ``now``; the time left assumes that the rest goes as fast."""
        left = (now - self._began) * (self._total - self.done) / self.done if self.done else 0.0
        ends = f"{timedelta(seconds=round(left))} left" if self.done else "time left unknown"
        return f"{self._what}: {self.done:,} of {self._total:,} cells ({100 * self.done / self._total:.1f} %), {ends}"


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
