"""Says how far long work has come and how much time is left, and what failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from data_pipeline.exceptions import IncompleteDataError, PermanentError, UnknownStockError, UnsupportedDatasetError
from data_pipeline.market.clock import Clock, real_now

if TYPE_CHECKING:
    from data_pipeline.market.window import Window

log = logging.getLogger(__name__)

INTERVAL = 30.0
"""Seconds between two lines of the log about work that ends many windows a second."""
UNSERVABLE = (UnknownStockError, UnsupportedDatasetError)
"""What the source will never have, whatever is asked."""
NAMED = 10
"""How many failures an error names."""


class Progress:
    """Says how far work has come and when it will end, supposing that the rest goes as fast as what is done.

    Args:
        unit: What is counted, in the plural: ``cells`` (one code on one day) or ``requests``.
        clock: Seconds that never run backwards.
        now: The real time of day, for people.
    """

    def __init__(self, unit: str, clock: Callable[[], float] = time.monotonic, now: Clock = real_now) -> None:
        self._unit, self._clock, self._now = unit, clock, now
        self._began = self._told = clock()

    def is_due(self) -> bool:
        """Return whether the last time that this was true is half a minute ago."""
        due = self._clock() - self._told >= INTERVAL
        if due:
            self._told = self._clock()
        return due

    def line(self, done: int, total: int) -> str:
        """Return ``37% of 1,234 requests, done at about 21:05``; with nothing done there is no time to tell."""
        share = done / total if total else 1.0
        took = self._clock() - self._began
        ends = f", done at about {self._now() + timedelta(seconds=took * (1 - share) / share):%H:%M}" if share else ""
        return f"{share:.0%} of {total:,} {self._unit}{ends}"


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
