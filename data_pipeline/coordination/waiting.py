"""Waits while a store is away, so that an outage of seconds costs running work time and nothing else."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from data_pipeline.coordination.store import Store, StoreAwayError, T

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
R = TypeVar("R")


class WaitingStore:
    """A store whose every question is repeated while nobody answers; it satisfies the same protocol.

    A state that is damaged, full or not permitted is an error at once: waiting does not mend it.

    Args:
        store: The store itself.
        wait: Seconds for which one question is repeated at most.
        monotonic: Seconds on this host that never jump.
        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        store: Store,
        wait: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._wait = wait
        self._monotonic = monotonic
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"WaitingStore({self._store!r})"

    def now(self) -> float:
        """Return the shared time; see the protocol."""
        return self._asked(self._store.now)

    def update(self, key: str, change: Callable[[dict[str, Any], float], T], *, lasting: bool = False) -> T:
        """Change the state of ``key`` by a function and return what it returns; see the protocol."""
        return self._asked(lambda: self._store.update(key, change, lasting=lasting))

    def read(self, key: str, *, lasting: bool = False) -> dict[str, Any]:
        """Return the state last written under ``key``; see the protocol."""
        return self._asked(lambda: self._store.read(key, lasting=lasting))

    def location(self, key: str) -> str:
        """Return where the state of ``key`` lies."""
        return self._store.location(key)

    def _asked(self, ask: Callable[[], R]) -> R:
        began, pause = self._monotonic(), _FIRST_PAUSE
        while True:
            try:
                return ask()
            except StoreAwayError as error:
                left = began + self._wait - self._monotonic()
                if left <= 0:
                    raise
                if pause == _FIRST_PAUSE:
                    logger.warning("%s; waiting for it, for up to %.0f s", error, left)
            self._sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE)
