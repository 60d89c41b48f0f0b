"""The quota of the emulated server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.emulator.kis.gate import Gate
from data_pipeline.exceptions import ConfigurationError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _arrivals(gate: Gate, clock: Clock, moments: list[float], key: str = "a") -> list[bool]:
    verdicts = []
    for moment in moments:
        clock.now = 1000.0 + moment
        verdicts.append(gate.admit(key))
    return verdicts


def test_the_call_over_the_quota_is_rejected_and_exactly_a_second_later_there_is_room():
    """Two a second: the third within the second is rejected, one second after the first there is room again."""
    clock = Clock()
    assert _arrivals(Gate(2, monotonic=clock), clock, [0, 0.5, 0.999, 1.0, 1.25]) == [True, True, False, True, False]


def test_a_rejected_call_does_not_count():
    """Hammering while rejected does not lengthen the wait."""
    clock = Clock()
    assert _arrivals(Gate(1, monotonic=clock), clock, [0, 0.25, 0.5, 0.75, 1.0]) == [True, False, False, False, True]


def test_each_app_key_has_a_quota_of_its_own():
    """One key's calls leave another's quota untouched."""
    clock = Clock()
    gate = Gate(1, monotonic=clock)
    assert [gate.admit("a"), gate.admit("b"), gate.admit("a")] == [True, True, False]


def test_a_fixed_window_begins_anew_with_every_second_of_the_clock():
    """At the turn of the second the fixed window allows twice the quota in a moment, which the sliding one does not."""
    clock = Clock()
    moments = [0.75, 0.875, 1.0, 1.125, 1.25]
    assert _arrivals(Gate(2, window="fixed", monotonic=clock), clock, moments) == [True, True, True, True, False]
    clock = Clock()
    assert _arrivals(Gate(2, monotonic=clock), clock, moments) == [True, True, False, False, False]


def test_the_hidden_limit_counts_any_sixty_seconds():
    """Three a minute: the fourth is rejected though the second has room, until the first is a minute old."""
    clock = Clock()
    gate = Gate(10, per_minute=3, monotonic=clock)
    assert _arrivals(gate, clock, [0, 10, 20, 59.5, 60.0, 61]) == [True, True, True, False, True, False]


def test_a_changed_quota_holds_at_once():
    """Halved while calls are counted, the gate rejects from then on; doubled, it lets through."""
    clock = Clock()
    gate = Gate(2, monotonic=clock)
    assert [gate.admit("a"), gate.admit("a")] == [True, True]
    gate.change(3, None, "sliding")
    assert gate.admit("a")
    gate.change(1, None, "sliding")
    clock.now += 0.9
    assert not gate.admit("a")


@pytest.mark.parametrize(("rate", "per_minute", "window"), [(0, None, "sliding"), (1, 0, "sliding"), (1, None, "x")])
def test_a_quota_that_is_none_is_refused(rate, per_minute, window):
    """A rate below one, a per-minute limit below one and an unknown window are configuration errors."""
    with pytest.raises(ConfigurationError):
        Gate(rate, per_minute, window)


@given(
    gaps=st.lists(st.sampled_from([0.0, 0.03125, 0.25, 0.5, 1.0]), max_size=60),
    rate=st.integers(min_value=1, max_value=5),
)
def test_no_second_ever_holds_more_than_the_quota(gaps, rate):
    """Whatever the arrivals, any stretch of one second holds at most the quota of accepted calls."""
    clock = Clock()
    gate = Gate(rate, monotonic=clock)
    accepted = []
    for gap in gaps:
        clock.now += gap
        if gate.admit("a"):
            accepted.append(clock.now)
    for since in accepted:
        assert sum(since <= moment < since + 1 for moment in accepted) <= rate
