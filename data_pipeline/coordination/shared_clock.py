"""A server's clock as it is seen from one host, which notices when the server's clock is set."""

from __future__ import annotations

import threading
from collections.abc import Callable

_JUMP_SECONDS = 0.5
_TRUSTED_SECONDS = 60.0
_DRIFT = 0.001
"""Seconds by which the two clocks may drift apart in a second, while somebody slews one of them."""


class SharedClock:
    """Compares what a server says with a clock that never jumps; safe among threads.

    An answer proves that the server read its clock at some moment between the question and the answer, and no more. So
    what is known is a range, which a quick answer narrows and a slow one leaves as it is, however long it took.

    Args:
        monotonic: Seconds on this host that never jump.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._least = self._most = 0.0
        self._heard_at: float | None = None

    def estimate(self) -> float | None:
        """Return the latest that the shared time can be now, None when it was not heard within the last minute."""
        with self._lock:
            here = self._monotonic()
            known = self._known(here)
            return None if known is None else here + known[1]

    def hear(self, asked_at: float, now: float) -> float:
        """Take the shared time out of an answer to a question of ``asked_at`` (by this host's clock).

        Returns:
            By how many seconds the server's clock went ahead of what it should say: 0 unless it was set by more than
            half a second within the last minute, whatever the answer took. Such a time is not taken. The figure is good
            to half of the time that the answer took.
        """
        with self._lock:
            here = self._monotonic()
            least, most = now - here, now - asked_at
            known = self._known(here)
            if known is not None:
                if max(least - known[1], known[0] - most) > _JUMP_SECONDS:
                    return (least + most - known[0] - known[1]) / 2
                if least <= known[1] and known[0] <= most:
                    least, most = max(least, known[0]), min(most, known[1])
            self._least, self._most, self._heard_at = least, most, here
            return 0.0

    def _known(self, here: float) -> tuple[float, float] | None:
        """Return by how much the shared time is ahead of this host's, at least and at most."""
        age = None if self._heard_at is None else here - self._heard_at
        if age is None or age > _TRUSTED_SECONDS:
            return None
        return self._least - _DRIFT * age, self._most + _DRIFT * age
