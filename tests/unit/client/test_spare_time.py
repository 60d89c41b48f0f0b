"""Calls in spare time on a simulated clock: what they cost the calls that come by schedule."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.spare_time import in_spare_time, next_slot
from data_pipeline.exceptions import QueueTimeoutError

RATE = 18
SLOT = 1 / RATE
ROUNDING = 0.004
"""Seconds: the budget spaces slots two parts in a thousand wider than the quota, and keeps a jitter."""


class Traffic:
    """A DAG of several threads, and gap filling that asks again as soon as it is answered, on one clock."""

    def __init__(self, store: Any, *, spare: bool, answer: float = 0.05) -> None:
        self.store, self.answer = store, answer
        self.began = store.clock.now
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.order = count()
        self.asked: list[float] = []
        self.finished: list[float] = []
        self.waits: list[float] = []
        self.spare_sends: list[float] = []
        self.dag, self.filler = TokenBucketRateLimiter(store, "k", RATE), TokenBucketRateLimiter(store, "k", RATE)
        if spare:
            self.at(0.0, self._fill)

    def at(self, seconds: float, event: Callable[[], None]) -> None:
        heapq.heappush(self.events, (self.began + seconds, next(self.order), event))

    def start(self, at: float, threads: int, calls: int) -> None:
        """A DAG whose threads make so many calls together."""
        left = [calls]
        for _ in range(threads):
            self.at(at, lambda: self._call(left))

    def run(self, seconds: float) -> Traffic:
        while self.events and self.events[0][0] <= self.began + seconds:
            self.store.clock.now, _, event = heapq.heappop(self.events)
            event()
        return self

    @property
    def now(self) -> float:
        return float(self.store.clock.now - self.began)

    def _call(self, left: list[int]) -> None:
        if left[0]:
            left[0] -= 1
            self.asked.append(self.now)
            slot = self.dag.reserve(send=True)
            self._sent(slot, self.now, left)

    def _sent(self, slot: Any, asked: float, left: list[int]) -> None:
        if slot.sent:
            self.waits.append(self.now - asked)
            self.at(self.now + self.answer, lambda: self._answered(left))
        else:
            self.at(self.now + slot.wait, lambda: self._sent(self.dag.try_send(slot), asked, left))

    def _answered(self, left: list[int]) -> None:
        self.finished.append(self.now)
        self._call(left)

    def _fill(self) -> None:
        try:
            slot = self.filler.reserve(send=True, spare=True)
        except QueueTimeoutError as error:
            self.at(self.now + max(error.retry_after or 0.0, 0.001), self._fill)
            return
        assert slot.sent
        self.spare_sends.append(self.now)
        self.at(self.now + self.answer, self._fill)


@pytest.mark.parametrize(("threads", "at"), [(1, 2.0), (2, 2.031), (8, 2.05)])
def test_a_dag_is_delayed_by_one_slot_at_most(new_store: Any, threads: int, at: float) -> None:
    """All 90 calls of a DAG end at most one slot later beside gap filling, whenever it begins."""
    alone, beside = (Traffic(new_store(), spare=spare) for spare in (False, True))
    for traffic in (alone, beside):
        traffic.start(at, threads, 90)
        traffic.run(15)
    assert len(alone.finished) == len(beside.finished) == 90
    assert beside.finished[-1] - alone.finished[-1] <= SLOT + ROUNDING
    assert max(beside.waits) - max(alone.waits) <= SLOT + ROUNDING


def test_nothing_is_filled_while_a_dag_calls(new_store: Any) -> None:
    """From its first call until a second after the last one asked, no slot is spare; before and after all are."""
    traffic = Traffic(new_store(), spare=True)
    traffic.start(3.0, 2, 90)
    traffic.run(12)
    ended = max(traffic.asked)
    assert [at for at in traffic.spare_sends if 3.0 < at <= ended + 0.99] == []
    assert sum(at < 3.0 for at in traffic.spare_sends) >= 0.9 * 3 / (SLOT + ROUNDING)
    assert sum(ended + 1 < at for at in traffic.spare_sends) > 30


def test_a_call_that_finds_no_spare_slot_says_when_to_come_back(new_store: Any) -> None:
    """With the patience of half a second it gives up, because the budget is wanted for a second more."""
    store = new_store()
    limiter = TokenBucketRateLimiter(store, "k", RATE)
    limiter.reserve(send=True)
    with in_spare_time(0.5, store.clock.sleep), pytest.raises(QueueTimeoutError) as caught:
        next_slot(limiter)
    assert caught.value.retry_after == pytest.approx(1.0)
    with in_spare_time(5.0, store.clock.sleep):
        assert next_slot(limiter).sent
    assert next_slot(limiter).wait > 0


def test_a_slow_quota_is_left_alone_for_two_slots(new_store: Any) -> None:
    """At one call a second, as on the virtual server, a slot is spare two seconds after the last call."""
    store = new_store()
    limiter = TokenBucketRateLimiter(store, "k", 1)
    limiter.reserve(send=True)
    with pytest.raises(QueueTimeoutError) as caught:
        limiter.reserve(send=True, spare=True)
    assert caught.value.retry_after == pytest.approx(2.0)
