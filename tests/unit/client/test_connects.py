"""When a live session may be opened."""

from __future__ import annotations

import pytest

from data_pipeline.client.connects import Connects
from data_pipeline.exceptions import LineStoppedError
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
def connects(store):
    """The budget of one key, without jitter."""
    return Connects(store, "key", lambda: 0.0)


def short(connects: Connects, clock: Clock) -> float:
    """Wait as long as is told, open a session that ends after a second, and return how long the wait was."""
    waited = connects.reserve()
    if waited:
        clock.wait(waited)
        assert connects.reserve() == 0
    clock.wait(1)
    connects.ended()
    return waited


def test_short_sessions_wait_ten_seconds_and_twice_as_long_each_time(connects, clock):
    """The waits are those of the vendor's notice, up to ten minutes, counted from the end of the session."""
    assert [short(connects, clock) for _ in range(10)] == [0, 10, 20, 40, 80, 160, 320, 600, 600, 600]


def test_after_ten_short_sessions_nothing_connects_until_somebody_says_so(connects, clock, store):
    """Neither time nor another process gets beyond it."""
    for _ in range(10):
        short(connects, clock)
    clock.wait(100_000)
    for one in (connects, Connects(store, "key")):
        with pytest.raises(LineStoppedError, match="--resume"):
            one.reserve()
    assert Connects(store, "other").reserve() == 0
    connects.resume()
    assert connects.reserve() == 0


def test_a_session_of_a_minute_makes_up_for_all_short_ones(connects, clock):
    """After it the next attempt need not wait at all."""
    for _ in range(9):
        short(connects, clock)
    clock.wait(connects.reserve())
    assert connects.reserve() == 0
    connects.lasted(59)
    clock.wait(60)
    connects.lasted(60)
    connects.ended()
    assert connects.reserve() == 0
    clock.wait(1)
    connects.ended()
    assert connects.reserve() == 10


def test_all_processes_share_one_budget(connects, clock, store):
    """A second process waits for the first one's session, too."""
    assert connects.reserve() == 0
    assert Connects(store, "key", lambda: 0.0).reserve() == 10
    clock.wait(4)
    assert Connects(store, "key", lambda: 0.0).reserve() == 6


def test_a_process_that_is_killed_leaves_a_short_session_behind(store, clock):
    """Nobody said that the session ended; the next attempt waits, and each one counts among the ten."""
    for _ in range(10):
        assert Connects(store, "key", lambda: 0.0).reserve() == 0
        clock.wait(700)
    with pytest.raises(LineStoppedError):
        Connects(store, "key").reserve()


def test_attempts_that_reach_nobody_wait_longer_and_longer_and_never_stop(connects, clock):
    """A network that is down for a night is no reason to need somebody in the morning."""
    waits = []
    for _ in range(40):
        waits.append(connects.reserve())
        clock.wait(waits[-1])
        if waits[-1]:
            assert connects.reserve() == 0
        connects.ended(reached=False)
    assert waits[:9] == [0, 10, 20, 40, 80, 160, 320, 600, 600]
    assert set(waits[9:]) == {600}


def test_a_key_in_use_waits_a_minute_and_twice_as_long_each_time(connects, clock):
    """Connecting again does not free the key."""
    waits = []
    for _ in range(6):
        waits.append(connects.reserve())
        if waits[-1]:
            clock.wait(waits[-1])
            assert connects.reserve() == 0
        connects.ended(in_use=True)
    assert waits == [0, 60, 120, 240, 480, 600]


def test_the_jitter_only_adds(store, clock):
    """A quarter at most, and never less than the ten seconds."""
    connects = Connects(store, "key", lambda: 1.0)
    connects.reserve()
    connects.ended()
    assert connects.reserve() == pytest.approx(12.5)


def test_a_time_from_before_a_restart_of_the_host_does_not_hold_anybody_up(connects, store):
    """The shared time begins anew then, and no wait is longer than twelve and a half minutes."""
    store.states["connects-key"] = {"short": 1, "next_at": 1e9}
    assert connects.reserve() == 0


def test_what_cannot_be_noted_leaves_a_short_session(connects, clock, store):
    """While the store is away nothing raises, and a session is noted as lasting as soon as it is back."""
    assert connects.reserve() == 0
    store.away = True
    connects.lasted(60)
    store.away = False
    assert connects.reserve() == 10
    connects.lasted(61)
    assert connects.reserve() == 0
    store.away = True
    connects.ended()
    store.away = False
    assert connects.reserve() == 10


def test_a_session_is_noted_as_lasting_once(connects, store):
    """The store is not asked for each text."""
    connects.reserve()
    connects.lasted(60)
    store.away = True
    store.update = None
    connects.lasted(61)
