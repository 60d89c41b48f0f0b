"""The quota of the server: how many calls of one app key it lets through in any one second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from data_pipeline.exceptions import ConfigurationError

SECOND = 1.0
MINUTE = 60.0


class Gate:
    """Counts accepted calls per key on their arrival and rejects those over the quota; a rejected call is not counted.

    Args:
        rate: Calls that one key may make in one second.
        per_minute: Calls that one key may make in any 60 seconds; None for no such limit.
        window: ``sliding`` looks back one second from each arrival; ``fixed`` counts in whole seconds of the clock.
        monotonic: The clock, in seconds.
    """

    def __init__(
        self,
        rate: int,
        per_minute: int | None = None,
        window: str = "sliding",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._seconds: dict[str, deque[float]] = {}
        self._minutes: dict[str, deque[float]] = {}
        self.change(rate, per_minute, window)

    def change(self, rate: int, per_minute: int | None, window: str) -> None:
        """Take new limits at once; calls already accepted keep counting.

        Raises:
            ConfigurationError: A limit is below 1 or the window is unknown.
        """
        if rate < 1 or (per_minute is not None and per_minute < 1) or window not in ("sliding", "fixed"):
            raise ConfigurationError(f"not a quota: rate {rate}, per minute {per_minute}, window {window!r}")
        self.rate, self.per_minute, self.window = rate, per_minute, window

    def admit(self, key: str) -> bool:
        """Return whether a call of this key that arrives now is within the quota, and count it if so."""
        now = self._monotonic()
        second = self._seconds.setdefault(key, deque())
        since = float(int(now)) if self.window == "fixed" else now - SECOND
        _forget(second, since, inclusive=self.window == "sliding")
        if len(second) >= self.rate:
            return False
        if self.per_minute is not None and not self._admit_minute(key, now, self.per_minute):
            return False
        second.append(now)
        return True

    def _admit_minute(self, key: str, now: float, limit: int) -> bool:
        minute = self._minutes.setdefault(key, deque())
        _forget(minute, now - MINUTE, inclusive=True)
        if len(minute) >= limit:
            return False
        minute.append(now)
        return True


def _forget(arrivals: deque[float], since: float, *, inclusive: bool) -> None:
    """Drop arrivals before ``since``, and at it when ``inclusive``: exactly one second later is a new second."""
    while arrivals and (arrivals[0] < since or (inclusive and arrivals[0] == since)):
        arrivals.popleft()
