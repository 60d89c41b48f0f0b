"""A small memory of recent answers, for interactive calls in one process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class TTLCache(Generic[T]):
    """Keeps values for ``ttl`` seconds, the newest ``max_size`` of them; safe among threads.

    Args:
        ttl: Seconds for which a value is repeated; 0 or None keeps nothing.
        clock: Seconds that never run backwards.
        max_size: How many values are kept; the oldest goes first.
    """

    def __init__(self, ttl: float | None, clock: Callable[[], float] = time.monotonic, max_size: int = 1024) -> None:
        self._ttl = ttl or 0.0
        self._clock = clock
        self._max_size = max_size
        self._kept: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value kept under ``key``, or make, keep and return a new one.

        An error of ``make`` is raised and nothing is kept. Threads that miss at the same time each make their own.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and self._clock() < kept[0]:
                return kept[1]
        asked_at = self._clock()
        value = make()
        if self._ttl > 0:
            self._keep(key, asked_at + self._ttl, value)
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    def _keep(self, key: Hashable, until: float, value: T) -> None:
        with self._lock:
            self._kept[key] = (until, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._max_size:
                self._kept.popitem(last=False)
