"""A clock for threads that only their sleeping moves, so that hours of waiting pass in minutes."""

from __future__ import annotations

import heapq
import threading
import time
from itertools import count
from types import TracebackType

from typing_extensions import Self

_TICK, _QUIET_TICKS = 0.005, 4


class VirtualClock:
    """Seconds that move to the earliest wake-up when every thread sleeps, or when nobody has gone to sleep for 20 ms.

    Computing costs no virtual time unless it holds one thread up while the others wait, so what is measured is the
    waiting: for the budget, for the server, and for work that is not there.

    Args:
        sleepers: Threads that sleep on this clock.
    """

    def __init__(self, sleepers: int) -> None:
        self._sleepers = sleepers
        self._now = 1000.0
        self._lock = threading.Lock()
        self._asleep: list[tuple[float, int, threading.Event]] = []
        self._numbers = count()
        self._changes = 0
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="virtual-clock", daemon=True)

    def monotonic(self) -> float:
        """Return the present second."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved on by so much."""
        woken = threading.Event()
        with self._lock:
            heapq.heappush(self._asleep, (self._now + max(0.0, seconds), next(self._numbers), woken))
            self._changes += 1
            if len(self._asleep) >= self._sleepers:
                self._advance()
        woken.wait()

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._watcher.join()

    def _advance(self) -> None:
        at, _, woken = heapq.heappop(self._asleep)
        self._now = max(self._now, at)
        self._changes += 1
        woken.set()

    def _watch(self) -> None:
        """Move on when fewer threads sleep than there are: the others wait for work, or there is none left for them."""
        seen, quiet = -1, 0
        while not self._ended.is_set():
            time.sleep(_TICK)
            with self._lock:
                quiet = quiet + 1 if self._changes == seen else 0
                seen = self._changes
                if quiet >= _QUIET_TICKS and self._asleep:
                    self._advance()
                    seen, quiet = self._changes, _QUIET_TICKS - 1
