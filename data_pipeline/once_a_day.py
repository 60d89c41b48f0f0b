"""Says a thing once a day in each process, however often it comes up."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable

_DAY = 24 * 3600.0


class OnceADay:
    """Tells whether something was not said yet by this process within the last 24 hours; asking counts as saying it.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: dict[tuple[int, Hashable], float] = {}

    def __call__(self, what: Hashable) -> bool:
        """Return whether it is time to say it."""
        key, now = (os.getpid(), what), self._clock()  # a forked process has a log of its own
        if key in self._said and now - self._said[key] < _DAY:
            return False
        self._said[key] = now
        return True
