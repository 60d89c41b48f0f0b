"""Trying a call again: exponential waits with full jitter, within a quota, so that an outage multiplies nothing."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from data_pipeline.exceptions import (
    ConnectionFailedError,
    RateLimitedError,
    RequestTimeoutError,
    ServerFailureError,
    TransientError,
)

T = TypeVar("T")
RETRIED = (RateLimitedError, ServerFailureError, RequestTimeoutError, ConnectionFailedError)
"""The errors after which the same call is worth another try soon; others need longer, or somebody's help."""


class RetryQuota:
    """Limits retries to ``share`` of the requests, after a small initial credit.

    Every request earns ``share`` of a retry, up to ``credit`` in hand, so a process that has run for long without
    trouble has no more in hand than a fresh one.

    Args:
        share: Retries earned by one request; 0.1 bounds the sends of a total outage to 1.1 a request.
        credit: Retries in hand at the beginning, and at most.
    """

    def __init__(self, share: float = 0.1, credit: float = 10.0) -> None:
        self._share = share
        self._credit = credit
        self._in_hand = credit
        self._lock = threading.Lock()

    def earn(self) -> None:
        """Count one request."""
        with self._lock:
            self._in_hand = min(self._credit, self._in_hand + self._share)

    def spend(self) -> bool:
        """Return whether one more retry is allowed, and count it if so."""
        with self._lock:
            # Ten tenths do not add up to one in binary; a billionth of a retry is forgiven.
            allowed = self._in_hand >= 1 - 1e-9
            self._in_hand -= 1 if allowed else 0
            return allowed


class Retry:
    """Calls a function until it succeeds, fails for good, or has been tried often enough.

    The wait before try n + 1 is drawn evenly from 0 to ``base`` x 2^(n-1) seconds, at most ``cap``; a server that says
    when to come back (``retry_after``) is obeyed on top of that, unless it asks for more than ``patience``. A rejection
    for being over the server's quota is not charged to the retry quota: the limiter bounds those.

    Args:
        attempts: Tries in all, the first included.
        base: Seconds that the first wait may reach.
        cap: Seconds that any wait may reach.
        sleep: Waits that many seconds.
        random: Gives numbers from 0 to 1.
        quota: What bounds the retries of this process; None makes one of its own.
        patience: The longest ``retry_after`` that is waited for, in seconds; beyond it the error is raised at once.
    """

    def __init__(
        self,
        attempts: int = 3,
        base: float = 0.5,
        cap: float = 8.0,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = random.random,
        quota: RetryQuota | None = None,
        patience: float = 30.0,
    ) -> None:
        self._attempts = attempts
        self._base = base
        self._cap = cap
        self._sleep = sleep
        self._random = random
        self._quota = RetryQuota() if quota is None else quota
        self._patience = patience

    def call(self, function: Callable[[], T]) -> T:
        """Return what ``function`` returns; it must be safe to repeat.

        Raises:
            TransientError: The last try's error, with its own ``retry_after``.
            PermanentError: At once, as the function raised it.
        """
        self._quota.earn()
        tries = 0
        while True:
            tries += 1
            try:
                return function()
            except RETRIED as error:
                wait = self._wait_after(error, tries)
                if wait is None:
                    raise
            self._sleep(wait)

    def _wait_after(self, error: TransientError, tries: int) -> float | None:
        asked = error.retry_after or 0.0
        if tries >= self._attempts or not asked <= self._patience:
            return None
        if not isinstance(error, RateLimitedError) and not self._quota.spend():
            return None
        drawn = self._random() * min(self._cap, self._base * math.ldexp(1.0, min(tries - 1, 60)))
        return max(asked, 0.0) + drawn
