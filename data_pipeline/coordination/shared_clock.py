"""A server's clock as it is seen from one host, which notices when the server's clock is set."""

from __future__ import annotations

import threading
from collections.abc import Callable

_JUMP_SECONDS = 0.5
_TRUSTED_SECONDS = 60.0
_EXACT_SECONDS = 1.0


class SharedClock:
    """Compares what a server says with a clock that never jumps; safe among threads.

    Args:
        monotonic: Seconds on this host that never jump.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._ahead = self._trip = 0.0
        self._heard_at: float | None = None

    def estimate(self) -> float | None:
        """Return the shared time now, None when it was not heard within the last minute."""
        here = self._monotonic()
        with self._lock:
            return here + self._ahead if self._is_trusted(here) else None

    def hear(self, asked_at: float, now: float) -> float:
        """Take the shared time out of an answer to a question of ``asked_at`` (by this host's clock).

        Returns:
            By how many seconds the server's clock went ahead of what it should say: 0 unless it was set by more than
            half a second within the last minute. Such a time is not taken.
        """
        here = self._monotonic()
        with self._lock:
            if self._is_trusted(here):
                earliest, latest = asked_at + self._ahead - _JUMP_SECONDS, here + self._ahead + _JUMP_SECONDS
                if not earliest <= now <= latest:
                    return now - (asked_at + here) / 2 - self._ahead
            # A quick answer tells the time more exactly than a slow one, but clocks drift apart, so not for ever.
            if self._heard_at is None or here - asked_at <= self._trip or here - self._heard_at > _EXACT_SECONDS:
                self._heard_at, self._trip, self._ahead = here, here - asked_at, now - (asked_at + here) / 2
            return 0.0

    def _is_trusted(self, here: float) -> bool:
        return self._heard_at is not None and here - self._heard_at <= _TRUSTED_SECONDS
