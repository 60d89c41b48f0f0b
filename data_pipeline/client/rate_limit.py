"""One budget of calls a second for every thread and process that shares a store."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any

from data_pipeline.coordination.store import Store, damaged, number
from data_pipeline.exceptions import ConfigurationError, QueueTimeoutError

logger = logging.getLogger(__name__)

_HIGHEST_RATE = 1000.0
_MARGIN = 1.002
_WIDEN = 1.003
_WIDEST = 10.0
_NARROWING_HALF_LIFE = 60.0


class TokenBucketRateLimiter:
    """A token bucket of capacity one whose slots are reserved ahead, in the order of asking.

    With n = ceil(rate), no n + 1 sends lie within n / rate + ``jitter`` seconds: for a whole rate, never more than
    ``rate`` sends in any sliding second, whatever the bucket held before and however late a waiting process wakes up.
    A slot is a moment; a ring of the real times of the last n sends is checked again just before the send. Slots
    reserved by a process that dies are lost and cost nobody else anything.

    Args:
        store: Where the slots are shared.
        key: The budget's name, usually the hashed app key; limiters with one key share one budget.
        rate: Sends a second; 0.5 is one in two seconds.
        queue_timeout: Seconds a caller is willing to wait for a slot. 0 takes a slot only when one is free now.
        sleep: Waits that many seconds.
        jitter: Seconds by which sends may draw closer on their way to the server; the window is longer by this much.

    Raises:
        ConfigurationError: ``rate`` or ``queue_timeout`` cannot be used; names ``KIS_API_RATE_LIMIT`` or
            ``KIS_API_QUEUE_TIMEOUT``.
    """

    def __init__(
        self,
        store: Store,
        key: str,
        rate: float,
        queue_timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
        jitter: float = 0.005,
    ) -> None:
        self._store = store
        self._key = f"limiter-{key}"
        self._rate = _checked("KIS_API_RATE_LIMIT", rate, 0.001, _HIGHEST_RATE)
        self._queue_timeout = _checked("KIS_API_QUEUE_TIMEOUT", queue_timeout, 0.0, 86_400.0)
        self._sleep = sleep
        self._ring = math.ceil(self._rate)
        self._window = self._ring / self._rate + jitter

    def acquire(self) -> None:
        """Wait for a slot of the shared budget and record the send; the caller sends at once afterwards.

        Raises:
            QueueTimeoutError: It would have to wait longer than the queue timeout; no slot was taken. ``retry_after``
                says when a slot comes free.
            CoordinationError: The shared state cannot be used; nothing may be sent.
        """
        slot = self.reserve()
        give_up = slot + self._queue_timeout + self._window
        wait = slot - self._store.now()
        while True:
            if wait > 0:
                self._sleep(wait)
            wait = self.try_send(slot)
            if wait <= 0:
                return
            # Only a process that slept far beyond its slot comes here.
            if self._store.now() + wait > give_up:
                raise _queue_timeout(wait, self._queue_timeout)

    def reserve(self) -> float:
        """Take the next slot and return its moment on the store's clock; most callers want :meth:`acquire`.

        Raises:
            QueueTimeoutError: The slot lies further ahead than the queue timeout; it was not taken.
        """
        with self._store.transaction(self._key) as state:
            now = self._store.now()
            widening = self._widening(state, now)
            slot = max(self._number(state, "next_slot", now), self._ring_free_at(state, widening), now)
            if slot - now > self._queue_timeout:
                raise _queue_timeout(slot - now, self._queue_timeout)
            state["next_slot"] = slot + self._window * widening * _MARGIN / self._ring
        return slot

    def try_send(self, slot: float) -> float:
        """Record a send now and return 0, or return the seconds still to wait without recording anything."""
        with self._store.transaction(self._key) as state:
            now = self._store.now()
            free_at = max(slot, self._ring_free_at(state, self._widening(state, now)))
            if now < free_at:
                return free_at - now
            state["sent"] = [*self._sent(state), now][-self._ring :]
            state["sends"] = int(self._number(state, "sends")) + 1
        return 0.0

    def slow_down(self) -> None:
        """Widen the spacing by 0.3 %, because the server rejected a send; half of it is gone after a minute."""
        with self._store.transaction(self._key) as state:
            now = self._store.now()
            widening = min(self._widening(state, now) * _WIDEN, _WIDEST)
            state["widening"], state["widened_at"] = widening, now
        logger.info("The server rejected a call as one too many; spacing is now %.1f %% wider", 100 * widening - 100)

    def sends(self) -> int:
        """Return how many sends this budget has recorded since its state was made (at the latest: this boot)."""
        return int(self._number(self._store.read(self._key), "sends"))

    def _ring_free_at(self, state: dict[str, Any], widening: float) -> float:
        sent = self._sent(state)
        return sent[-self._ring] + self._window * widening if len(sent) >= self._ring else -math.inf

    def _widening(self, state: dict[str, Any], now: float) -> float:
        widening, since = self._number(state, "widening", 1.0), self._number(state, "widened_at", now)
        return 1 + max(widening - 1, 0.0) * math.pow(0.5, max(now - since, 0.0) / _NARROWING_HALF_LIFE)

    def _sent(self, state: dict[str, Any]) -> list[float]:
        sent = state.get("sent", [])
        if not isinstance(sent, list) or not set(map(type, sent)) <= {float} or not math.isfinite(sum(sent)):
            raise damaged(self._store.location(self._key), "sent is not a list of times")
        return sent

    def _number(self, state: dict[str, Any], name: str, default: float = 0.0) -> float:
        return number(state, name, default, self._store.location(self._key))


def _checked(variable: str, value: Any, least: float, most: float) -> float:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most
    if not usable:
        raise ConfigurationError(f"{variable} must be a number from {least:g} to {most:g}, not {value!r}")
    return float(value)


def _queue_timeout(wait: float, queue_timeout: float) -> QueueTimeoutError:
    error = QueueTimeoutError(
        f"The next free slot of the shared budget is {wait:.1f} s away and the queue timeout is {queue_timeout:g} s; "
        "fewer calls at once, or a larger KIS_API_QUEUE_TIMEOUT, would fit"
    )
    error.retry_after = wait
    return error
