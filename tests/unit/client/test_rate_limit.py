"""The limiter spaces sends evenly, queues no longer than asked, and never lets more through than the rate."""

from __future__ import annotations

import math
from typing import Any

import pytest

from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.exceptions import ConfigurationError, CoordinationError, QueueTimeoutError


def make(store: Any, rate: float = 20, **options: Any) -> TokenBucketRateLimiter:
    """Return a limiter whose sleeps move the store's clock."""
    return TokenBucketRateLimiter(store, "k", rate, sleep=store.clock.sleep, **options)


def send_times(limiter: TokenBucketRateLimiter, clock: Any, count: int) -> list[float]:
    """Acquire that often and return when."""
    times = []
    for _ in range(count):
        limiter.acquire()
        times.append(clock())
    return times


def most_within(times: list[float], seconds: float) -> int:
    """The largest number of times inside any window of that length."""
    return max(sum(start <= at < start + seconds for at in times) for start in times)


def test_the_first_send_is_immediate(store: Any, clock: Any) -> None:
    """An idle budget makes nobody wait."""
    make(store).acquire()
    assert clock.slept == []


def test_idle_time_does_not_add_up(store: Any, clock: Any) -> None:
    """After a long pause there is no burst: twenty sends still take nineteen intervals."""
    limiter = make(store)
    limiter.acquire()
    clock.advance(3600)
    times = send_times(limiter, clock, 20)
    assert times[-1] - times[0] >= 19 * 0.05


@pytest.mark.parametrize(("rate", "seconds", "most"), [(20, 1.0, 20), (1, 1.0, 1), (0.5, 2.0, 1), (2.5, 1.2, 3)])
def test_no_window_holds_more_than_the_rate(store: Any, clock: Any, rate: float, seconds: float, most: int) -> None:
    """No window holds more sends than the rate allows, fractions of a send included."""
    assert most_within(send_times(make(store, rate), clock, 60), seconds) == most


@pytest.mark.parametrize("rate", [20, 18, 1, 0.5, 2.5])
def test_waiting_work_uses_at_least_98_percent_of_the_budget(store: Any, clock: Any, rate: float) -> None:
    """While work waits, the budget does not idle."""
    times = send_times(make(store, rate), clock, 101)
    assert 100 / (times[-1] - times[0]) >= 0.98 * rate


def test_limiters_with_one_key_share_one_budget(store: Any, clock: Any) -> None:
    """Two limiters on one key together send no more than one."""
    first, second = make(store), make(store)
    times = [at for _ in range(30) for at in send_times(first, clock, 1) + send_times(second, clock, 1)]
    assert most_within(times, 1.0) == 20


def test_keys_have_budgets_of_their_own(store: Any, clock: Any) -> None:
    """A send under another key costs this one nothing."""
    make(store, 1).acquire()
    TokenBucketRateLimiter(store, "other", 1, sleep=clock.sleep).acquire()
    assert clock.slept == []


def test_a_wait_beyond_the_queue_timeout_takes_no_slot(store: Any, clock: Any) -> None:
    """Whoever would wait too long is told when to come back, and the slot stays free for others."""
    limiter = make(store, 1, queue_timeout=2.5)
    slots = [limiter.reserve() for _ in range(3)]
    for _ in range(2):
        with pytest.raises(QueueTimeoutError, match="KIS_API_QUEUE_TIMEOUT") as caught:
            limiter.acquire()
        assert caught.value.retry_after == pytest.approx(3.021, abs=0.01)
    clock.advance(1.0)
    assert limiter.reserve() == pytest.approx(slots[0] + 3.021, abs=0.01)
    assert clock.slept == []


def test_a_queue_timeout_of_zero_takes_only_a_free_slot(store: Any) -> None:
    """Zero means now or never."""
    limiter = make(store, queue_timeout=0)
    limiter.acquire()
    with pytest.raises(QueueTimeoutError):
        limiter.acquire()


def test_a_late_wake_up_finds_the_ring_full(store: Any, clock: Any) -> None:
    """Twenty slots used at one late moment leave none for the second that follows."""
    limiter = make(store)
    slots = [limiter.reserve() for _ in range(21)]
    clock.advance(5.0)
    assert [limiter.try_send(slot) for slot in slots[:20]] == [0.0] * 20
    assert limiter.try_send(slots[20]) == pytest.approx(1.005)
    clock.advance(1.0)
    assert limiter.try_send(slots[20]) > 0
    clock.advance(0.006)
    assert limiter.try_send(slots[20]) == 0.0


def test_an_early_wake_up_waits_on(store: Any) -> None:
    """A send before its slot is not recorded."""
    limiter = make(store)
    limiter.reserve()
    assert limiter.try_send(limiter.reserve()) > 0
    assert limiter.sends() == 0


def test_reservations_that_are_never_used_stop_nobody(store: Any, clock: Any) -> None:
    """Slots of a dead process pass; the next caller waits behind them and then goes on."""
    limiter = make(store, 1)
    for _ in range(3):
        limiter.reserve()
    limiter.acquire()
    assert clock() == pytest.approx(103.02, abs=0.01)


def test_a_rejection_widens_the_spacing_and_time_narrows_it(store: Any, clock: Any) -> None:
    """Each rejection stretches the interval by 0.3 %; half of that is gone after a minute."""

    def interval() -> float:
        return limiter.reserve() * -1 + limiter.reserve()

    limiter = make(store, queue_timeout=1000.0)
    plain = interval()
    for _ in range(100):
        limiter.slow_down()
    assert interval() / plain == pytest.approx(1.3493, abs=0.001)
    clock.advance(60)
    assert interval() / plain == pytest.approx(1.1747, abs=0.001)


def test_the_spacing_never_widens_beyond_ten_times(store: Any) -> None:
    """However many rejections come, work goes on."""
    limiter = make(store)
    for _ in range(2000):
        limiter.slow_down()
    assert -limiter.reserve() + limiter.reserve() == pytest.approx(10 * 1.005 * 1.002 / 20)


def test_sends_counts_what_was_sent(store: Any, clock: Any) -> None:
    """The counter goes on beyond the ring."""
    limiter = make(store)
    assert limiter.sends() == 0
    send_times(limiter, clock, 50)
    assert limiter.sends() == 50


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf, 1e9, "20", None, True, 10**400])
def test_a_rate_that_is_none_is_refused(store: Any, rate: Any) -> None:
    """A wrong rate is refused when the limiter is made, with the variable's name."""
    with pytest.raises(ConfigurationError, match="KIS_API_RATE_LIMIT"):
        make(store, rate)


@pytest.mark.parametrize("timeout", [-1, math.nan, math.inf, "30", None])
def test_a_queue_timeout_that_is_none_is_refused(store: Any, timeout: Any) -> None:
    """The same for the queue timeout."""
    with pytest.raises(ConfigurationError, match="KIS_API_QUEUE_TIMEOUT"):
        make(store, queue_timeout=timeout)


@pytest.mark.parametrize(
    "text",
    [
        '{"next_slot": "soon"}',
        '{"next_slot": 1e400}',
        '{"sent": 3}',
        '{"sent": ["x"]}',
        '{"sent": [1e400]}',
        '{"widening": []}',
    ],
)
def test_a_damaged_state_stops_the_sends(store: Any, text: str) -> None:
    """A value that cannot be is a coordination error, never a free run."""
    store.texts["limiter-k"] = text
    with pytest.raises(CoordinationError, match="memory:limiter-k"):
        make(store).acquire()
