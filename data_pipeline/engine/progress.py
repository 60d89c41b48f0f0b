"""Says in the log how far long work has come and how much time is left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

log = logging.getLogger(__name__)

INTERVAL = 30.0
"""Seconds between two lines of the log."""


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
