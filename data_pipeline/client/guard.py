"""Everything between wanting a call and sending it, in the one right order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from data_pipeline.client.meter import BUDGET_SHARE, SLOT_WAIT, Meter
from data_pipeline.client.spare_time import next_slot
from data_pipeline.exceptions import RateLimitedError

if TYPE_CHECKING:
    from data_pipeline.client.circuit_breaker import CircuitBreaker
    from data_pipeline.client.rate_limit import TokenBucketRateLimiter
    from data_pipeline.client.retry import Retry
    from data_pipeline.client.slot import Slot

T = TypeVar("T")


class Guard:
    """Sends calls through the breaker and the limiter, and retries where that is worth it.

    Args:
        limiter: The budget of the app key.
        breaker: The breaker of the server.
        retry: How often and when to try again.
        clock: Seconds that never run backwards, to time the calls.
        meter: Hears how long each call waited and how full the budget is; None for nobody.
    """

    def __init__(
        self,
        limiter: TokenBucketRateLimiter,
        breaker: CircuitBreaker,
        retry: Retry,
        clock: Callable[[], float] = time.monotonic,
        *,
        meter: Meter | None = None,
    ) -> None:
        self._clock = clock
        self._meter = meter or Meter()
        self.limiter = limiter
        self.breaker = breaker
        self.retry = retry
        self._sent = 0
        self._lock = threading.Lock()

    @property
    def sent(self) -> int:
        """Sends of this guard so far, each of which took a slot of the budget; retries count."""
        return self._sent

    def run(self, send: Callable[[], T], *, idempotent: bool = True) -> T:
        """Return what ``send`` returns; every try of it, retries included, takes a slot of the shared budget.

        Args:
            send: Sends one call and returns its answer; it raises the errors of :mod:`data_pipeline.exceptions`.
            idempotent: Whether sending twice is safe; False tries once.

        Raises:
            CircuitOpenError: The breaker is open; nothing was sent.
            QueueTimeoutError: No slot came free in time; nothing was sent.
            CoordinationError: The shared state cannot be used; nothing was sent.
            DataPipelineError: Whatever ``send`` raised at its last try.
        """
        return self.retry.call(lambda: self._attempt(send)) if idempotent else self._attempt(send)

    def _attempt(self, send: Callable[[], T]) -> T:
        # Asked twice: before queueing, so that nobody queues in vain, and with the slot in hand, because the breaker
        # may have opened meanwhile.
        self.breaker.check()
        slot = self.limiter.leave(next_slot(self.limiter))
        with self.breaker.call():
            # Asking the breaker took time, and more than usual while the store stood still.
            slot = self.limiter.leave(slot)
            with self._lock:
                self._sent += 1
            return self._sent_at_once(send, slot)

    def _sent_at_once(self, send: Callable[[], T], slot: Slot) -> T:
        share, began = self.limiter.last_share, self._clock()
        try:
            return send()
        except RateLimitedError:
            self.limiter.slow_down(slot.at)
            raise
        finally:
            # Told when the call has left: one that leaves late can be one too many in its second.
            self.limiter.note_trip(self._clock() - began)
            self._meter.tell(SLOT_WAIT, slot.at - slot.asked_at)
            self._meter.tell(BUDGET_SHARE, share)
