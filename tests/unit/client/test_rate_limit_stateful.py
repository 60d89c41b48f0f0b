"""Whatever the order of reserving, oversleeping, dying and being rejected, no window holds more than the rate."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.slot import Slot
from data_pipeline.exceptions import QueueTimeoutError


class Budget(RuleBasedStateMachine):
    """Callers in any order on three limiters that share a budget."""

    new_store: Any

    @initialize(rate=st.sampled_from([1, 2, 3, 5, 20, 0.5, 2.5]), jitter=st.sampled_from([0.0, 0.005, 0.05]))
    def start(self, rate: float, jitter: float) -> None:
        self.store = self.new_store()
        self.rate = rate
        self.limiters = [TokenBucketRateLimiter(self.store, "k", rate, 30.0, jitter=jitter) for _ in range(3)]
        self.waiting: list[Slot] = []
        self.sent: list[float] = []

    @rule(who=st.integers(0, 2), callers=st.integers(1, 8))
    def reserve(self, who: int, callers: int) -> None:
        for _ in range(callers):
            try:
                slot = self.limiters[who].reserve()
            except QueueTimeoutError:
                continue
            assert slot.wait <= 30.0
            self.waiting.append(slot)

    @precondition(lambda self: self.waiting)
    @rule(who=st.integers(0, 2), data=st.data())
    def wake(self, who: int, data: Any) -> None:
        self._try(who, data.draw(st.sampled_from(self.waiting)))

    @precondition(lambda self: self.waiting)
    @rule(who=st.integers(0, 2))
    def wake_everybody(self, who: int) -> None:
        for slot in list(self.waiting):
            self._try(who, slot)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def die(self, data: Any) -> None:
        self.waiting.remove(data.draw(st.sampled_from(self.waiting)))

    @rule(seconds=st.one_of(st.floats(0, 0.1), st.floats(0, 3), st.sampled_from([0.05, 0.9999999, 1.0])))
    def time_passes(self, seconds: float) -> None:
        self.store.clock.advance(seconds)

    @rule(who=st.integers(0, 2))
    def rejected(self, who: int) -> None:
        self.limiters[who].slow_down(self.sent[-1] if self.sent else None)

    @rule(who=st.integers(0, 2))
    def call_ends(self, who: int) -> None:
        self.limiters[who].note_trip(0.02)

    def _try(self, who: int, slot: Slot) -> None:
        self.waiting.remove(slot)
        try:
            after = self.limiters[who].try_send(slot)
        except QueueTimeoutError:
            return
        if after.sent:
            self.sent.append(self.store.clock.now)
        else:
            self.waiting.append(after)

    @invariant()
    def never_more_than_the_rate(self) -> None:
        # A whole rate: at most that many in a second. 0.5: one in two seconds. 2.5: three in 1.2 seconds.
        most, seconds = {0.5: (1, 2.0), 2.5: (3, 1.2)}.get(self.rate, (int(self.rate), 1.0))
        for first, one_too_many in zip(self.sent, self.sent[most:], strict=False):
            assert one_too_many - first >= seconds - 2e-6

    @invariant()
    def every_send_is_counted(self) -> None:
        assert self.limiters[0].sends() == len(self.sent)


@pytest.mark.thorough
@pytest.mark.parametrize("examples", [60])
def test_no_window_ever_holds_more_than_the_rate(new_store: Any, examples: int) -> None:
    """Random callers, late wake-ups, deaths and rejections never put more than the rate into any window."""
    machine = type("FreshBudget", (Budget,), {"new_store": staticmethod(new_store)})
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None))
