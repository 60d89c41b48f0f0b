"""Whatever the order of calls, outcomes, deaths and pauses, the breaker keeps its word."""

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

from data_pipeline.client.circuit_breaker import CircuitBreaker, CircuitState
from data_pipeline.exceptions import CircuitOpenError


class Breaker(RuleBasedStateMachine):
    """Calls in any order on three breakers that are one."""

    new_store: Any

    @initialize(threshold=st.integers(1, 4))
    def start(self, threshold: int) -> None:
        self.store = self.new_store()
        self.threshold = threshold
        self.breakers = [CircuitBreaker(self.store, "k", threshold, 60.0, lease=90.0) for _ in range(3)]
        self.flying: list[Any] = []
        self.probes: dict[str, float] = {}
        self.latest_probe: str | None = None

    @rule(who=st.integers(0, 2))
    def send(self, who: int) -> None:
        state = self.breakers[who].state
        try:
            permit = self.breakers[who].before()
        except CircuitOpenError:
            assert state is not CircuitState.CLOSED
            return
        assert state is not CircuitState.OPEN
        assert (permit.probe is not None) == (state is CircuitState.HALF_OPEN)
        if permit.probe is not None:
            self.latest_probe = permit.probe
            self.probes[permit.probe] = self.store.clock.now + 90.0
        self.flying.append(permit)

    @precondition(lambda self: self.flying)
    @rule(who=st.integers(0, 2), outcome=st.sampled_from(["success", "failure", "release"]), data=st.data())
    def end(self, who: int, outcome: str, data: Any) -> None:
        permit = data.draw(st.sampled_from(self.flying))
        self.flying.remove(permit)
        before = self.breakers[who].state
        self.probes.pop(permit.probe, None)
        getattr(self.breakers[who], outcome)(permit)
        after = self.breakers[who].state
        if before is CircuitState.OPEN:
            assert after is CircuitState.OPEN
        if permit.probe is not None and permit.probe == self.latest_probe:
            expected = {"success": CircuitState.CLOSED, "failure": CircuitState.OPEN}
            assert after is expected.get(outcome, CircuitState.HALF_OPEN)
        elif permit.probe is not None:
            assert after is before

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def die(self, data: Any) -> None:
        self.flying.remove(data.draw(st.sampled_from(self.flying)))

    @rule(seconds=st.sampled_from([0.5, 30.0, 60.0, 90.0]))
    def time_passes(self, seconds: float) -> None:
        self.store.clock.advance(seconds)

    @invariant()
    def at_most_one_probe_holds_a_lease(self) -> None:
        assert sum(until > self.store.clock.now for until in self.probes.values()) <= 1

    @invariant()
    def it_never_stays_shut(self) -> None:
        snapshot = self.breakers[0].snapshot()
        assert snapshot.retry_after <= 60.0
        assert snapshot.failures < self.threshold or snapshot.state is not CircuitState.CLOSED


@pytest.mark.thorough
def test_the_breaker_keeps_its_word(new_store: Any) -> None:
    """One probe at a time, no call while open, no stale outcome that moves it, and always a way back."""
    machine = type("FreshBreaker", (Breaker,), {"new_store": staticmethod(new_store)})
    run_state_machine_as_test(machine, settings=settings(max_examples=80, stateful_step_count=40, deadline=None))
