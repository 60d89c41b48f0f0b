"""A lease is held by one process at a time, whatever becomes of the store or the holder."""

from __future__ import annotations

import pytest

from data_pipeline.coordination.lease import RENEW_S, Lease
from data_pipeline.exceptions import CoordinationError
from tests.support.live import Clock, MemoryStore


@pytest.fixture
def clock():
    """Time that only waiting moves."""
    return Clock()


@pytest.fixture
def store(clock):
    """One store for every process."""
    return MemoryStore(clock)


@pytest.fixture
def make(store, clock):
    """Make the leases of several processes."""
    return lambda: Lease(store, "stream-1", clock.monotonic)


def taken_after(lease: Lease, clock: Clock, seconds: float = 120.0) -> float:
    """Look twice a second, and return when it was taken."""
    began = clock.seconds
    while not lease.take():
        clock.wait(0.5)
        assert clock.seconds < began + seconds
    return clock.seconds - began


def test_the_first_one_takes_it_once_nobody_could_have_it(make, clock):
    """A state that nobody wrote is watched for longer than a holder needs to write it anew."""
    lease = make()
    assert not lease.holds
    assert RENEW_S < taken_after(lease, clock) <= 6.5
    assert lease.holds


def test_a_second_one_never_takes_it_while_the_first_one_lives(make, clock):
    """Signs of life every five seconds keep it for hours."""
    first, second = make(), make()
    taken_after(first, clock)
    for _ in range(1000):
        clock.wait(RENEW_S)
        first.renew()
        assert first.holds
        assert not second.take()


def test_a_lease_that_was_given_back_is_taken_at_once(make, clock):
    """A clean hand-over costs one look."""
    first, second = make(), make()
    taken_after(first, clock)
    assert not second.take()
    first.release()
    assert not first.holds
    assert taken_after(second, clock) <= 0.5


def test_after_a_crash_it_is_taken_within_the_lease_and_a_second(make, clock):
    """A sign of life that stays the same for fifteen seconds is that of a dead process."""
    first, second = make(), make()
    taken_after(first, clock)
    second.take()
    assert 15.0 <= taken_after(second, clock) <= 16.0


def test_a_holder_that_was_stopped_lets_go_before_anybody_can_take_it(make, clock):
    """At every moment of a stop at most one of the two holds it, and the stopped one never gets it back by renewing."""
    first, second = make(), make()
    taken_after(first, clock)
    for _ in range(34):
        clock.wait(0.5)
        second.take()
        assert not (first.holds and second.holds)
    assert second.holds
    first.renew()
    assert not first.holds
    assert not first.take()


def test_while_the_store_is_away_the_holder_keeps_it_and_nobody_takes_it(make, clock, store):
    """Ten minutes without the store change nothing, and neither does its return."""
    first, second = make(), make()
    taken_after(first, clock)
    second.take()
    store.away = True
    for _ in range(120):
        clock.wait(RENEW_S)
        first.renew()
        assert first.holds
        with pytest.raises(CoordinationError):
            second.take()
    store.away = False
    for _ in range(8):
        assert not second.take()
        clock.wait(0.5)
    first.renew()
    assert first.holds
    assert not second.take()


def test_a_store_that_was_emptied_gets_the_holder_anew(make, clock, store):
    """Whoever finds nothing there waits until the holder has written itself down again."""
    first, second = make(), make()
    taken_after(first, clock)
    store.states.clear()
    for _ in range(9):
        assert not second.take()
        clock.wait(0.5)
    first.renew()
    for _ in range(20):
        assert not second.take()
        clock.wait(0.5)
        if clock.seconds % RENEW_S < 0.5:
            first.renew()
    assert first.holds


def test_a_holder_whose_lease_somebody_else_has_lets_go(make, clock, store):
    """What the store says counts, whoever wrote it."""
    first = make()
    taken_after(first, clock)
    store.states["lease-stream-1"] = {"holder": "somebody", "sign": 1}
    first.renew()
    assert not first.holds
    first.release()
    assert store.states["lease-stream-1"]["holder"] == "somebody"


def test_releasing_while_the_store_is_away_raises_nothing(make, clock, store):
    """The lease then ends by itself."""
    first, second = make(), make()
    taken_after(first, clock)
    store.away = True
    first.release()
    store.away = False
    assert not first.holds
    assert 15.0 <= taken_after(second, clock) <= 16.0
