"""Calls that can wait: inside ``in_spare_time`` they take a slot of the shared budget only when nobody else wants one.

A call of another kind that comes just after one of these waits for one slot at most, and while such calls keep coming
none of these is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from data_pipeline.exceptions import QueueTimeoutError

if TYPE_CHECKING:
    from data_pipeline.client.rate_limit import TokenBucketRateLimiter
    from data_pipeline.client.slot import Slot

Sleep = Callable[[float], None]
_LEAST = 0.001
_PATIENCE: ContextVar[tuple[float, Sleep] | None] = ContextVar("spare_time", default=None)


@contextmanager
def in_spare_time(patience: float, sleep: Sleep = time.sleep) -> Iterator[None]:
    """Let the calls of this block wait for slots that nobody else wants.

    A call raises :class:`QueueTimeoutError` when none has come free in time.

    Args:
        patience: Seconds for which one call waits at most.
        sleep: Waits that many seconds.
    """
    token = _PATIENCE.set((patience, sleep))
    try:
        yield
    finally:
        _PATIENCE.reset(token)


def next_slot(limiter: TokenBucketRateLimiter) -> Slot:
    """Return the next slot of a budget: in line with all others, or a spare one inside ``in_spare_time``.

    Raises:
        QueueTimeoutError: None comes in time.
    """
    waiting = _PATIENCE.get()
    if waiting is None:
        return limiter.reserve(send=True)
    left, sleep = waiting
    slot: Slot | None = None
    while slot is None:
        slot, wait = _spare_slot(limiter, left)
        if slot is None:
            left -= wait
            sleep(wait)
    return slot


def _spare_slot(limiter: TokenBucketRateLimiter, left: float) -> tuple[Slot | None, float]:
    """Return a slot, or how many seconds to wait before asking again."""
    try:
        return limiter.reserve(send=True, spare=True), 0.0
    except QueueTimeoutError as error:
        wait = max(error.retry_after or 0.0, _LEAST)
        if wait > left:
            raise
        return None, wait
