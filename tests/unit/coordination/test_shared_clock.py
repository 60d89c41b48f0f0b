"""What answers tell about a server's clock, however slow they are, and what they do not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.coordination.shared_clock import SharedClock

AHEAD = 5000.0
"""The server's clock minus this host's."""
ANSWER = st.tuples(st.floats(0, 20), st.one_of(st.floats(0, 0.002), st.floats(0, 5)), st.floats(0, 5))
"""Seconds of silence, of the way there and of the way back."""


class Host:
    """A host whose questions take as long as said."""

    def __init__(self) -> None:
        self.here = 100.0
        self.clock = SharedClock(lambda: self.here)

    def ask(self, there: float, back: float, ahead: float = AHEAD) -> float:
        """Return what an answer is taken for."""
        asked_at = self.here
        self.here += there
        told = self.here + ahead
        self.here += back
        return self.clock.hear(asked_at, told)


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(answers=st.lists(ANSWER, max_size=20))
def test_a_slow_answer_never_moves_the_shared_clock(answers: list[tuple[float, float, float]]) -> None:
    """Answers that take up to ten seconds are no jump, and what a quick one told stays known to the millisecond."""
    host = Host()
    assert host.ask(0.0002, 0.0002) == 0
    for silence, there, back in answers:
        host.here += silence
        assert host.ask(there, back) == 0
        told = host.clock.estimate()
        assert told is not None
        assert told >= host.here + AHEAD - 1e-6
    assert host.ask(0.0002, 0.0002) == 0
    told = host.clock.estimate()
    assert told is not None
    assert told - host.here - AHEAD == pytest.approx(0.0002, abs=0.0003)


@pytest.mark.parametrize("jump", [0.6, 3600.0, -0.6, -3600.0])
def test_a_jump_is_told_from_a_slow_answer(jump: float) -> None:
    """A quick answer that is off by more than half a second says by how much, and is not taken."""
    host = Host()
    host.ask(0.001, 0.001)
    assert host.ask(0.001, 0.001, AHEAD + jump) == pytest.approx(jump, abs=0.002)
    assert host.ask(0.001, 0.001) == 0


def test_clocks_that_drift_apart_are_followed() -> None:
    """A tenth of a second in a minute is drift: the newest quick answer is believed."""
    host = Host()
    host.ask(0.001, 0.001)
    host.here += 55
    assert host.ask(0.001, 0.001, AHEAD + 0.1) == 0
    assert host.clock.estimate() == pytest.approx(host.here + AHEAD + 0.1, abs=0.002)


def test_after_a_minute_of_silence_nothing_is_known() -> None:
    """Then the server is asked, and believed."""
    host = Host()
    host.ask(0.001, 0.001)
    host.here += 61
    assert host.clock.estimate() is None
    assert host.ask(0.001, 0.001, AHEAD + 30) == 0
