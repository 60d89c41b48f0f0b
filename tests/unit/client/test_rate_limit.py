"""The limiter spaces sends evenly, queues no longer than asked, and never lets more through than the rate."""

from __future__ import annotations

import math
from typing import Any

import pytest

from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.exceptions import ConfigurationError, CoordinationError, QueueTimeoutError


def make(store: Any, rate: float = 20, **options: Any) -> TokenBucketRateLimiter:
    """Return a limiter whose sleeps move the store's clock."""
    return TokenBucketRateLimiter(store, "k", rate, sleep=store.clock.sleep, **{"jitter": 0.005, **options})


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
    assert limiter.reserve().at == pytest.approx(slots[0].at + 3.021, abs=0.01)
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
    assert all(limiter.try_send(slot).sent for slot in slots[:20])
    assert limiter.try_send(slots[20]).wait == pytest.approx(1.005)
    clock.advance(1.0)
    assert not limiter.try_send(slots[20]).sent
    clock.advance(0.006)
    assert limiter.try_send(slots[20]).sent


def test_an_early_wake_up_waits_on(store: Any) -> None:
    """A send before its slot is not recorded."""
    limiter = make(store)
    limiter.reserve()
    assert not limiter.try_send(limiter.reserve()).sent
    assert limiter.sends() == 0


def test_reservations_that_are_never_used_stop_nobody(store: Any, clock: Any) -> None:
    """Slots of a dead process pass; the next caller waits behind them and then goes on."""
    limiter = make(store, 1)
    for _ in range(3):
        limiter.reserve()
    limiter.acquire()
    assert clock() == pytest.approx(103.02, abs=0.01)


def test_an_idle_budget_costs_one_update(store: Any) -> None:
    """A slot that is free now is taken and used in one go; one that has to be waited for costs a second look."""
    limiter = make(store)
    limiter.acquire()
    assert store.updates == 1
    limiter.acquire()
    assert store.updates == 3


def test_a_rejection_widens_the_window_and_time_narrows_it(store: Any, clock: Any) -> None:
    """The first rejection among full windows is put down to jitter; half of that is gone 5 minutes later."""

    def interval() -> float:
        return -limiter.reserve().at + limiter.reserve().at

    limiter = make(store, queue_timeout=1000.0)
    sent_at = [limiter.acquire() for _ in range(21)][-1]
    assert interval() == pytest.approx(1.005 * 1.002 / 20, abs=1e-6)
    limiter.slow_down(sent_at)
    assert interval() == pytest.approx(1.054 * 1.002 / 20, abs=1e-6)
    clock.advance(30 + 300)
    assert interval() == pytest.approx(1.0295 * 1.002 / 20, abs=1e-4)


def test_rejections_of_sends_from_before_the_last_step_teach_nothing(store: Any) -> None:
    """Calls that were on their way together are one piece of news."""
    limiter = make(store)
    sent = [limiter.acquire() for _ in range(22)]
    limiter.slow_down(sent[20])
    store.clock.advance(0.001)
    known = store.read("limiter-k")["guard"]
    limiter.slow_down(sent[19])
    assert store.read("limiter-k")["guard"] == known


def test_the_spacing_never_widens_without_end(store: Any, clock: Any) -> None:
    """However many rejections come, work goes on at a twentieth of the rate."""
    limiter = make(store)
    for _ in range(200):
        limiter.slow_down(limiter.acquire())
    before = clock()
    for _ in range(10):
        limiter.acquire()
    assert clock() - before < 20


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps_neither_stops_the_sends_nor_lets_them_burst(store: Any, clock: Any, jump: float) -> None:
    """Should the store's own clock jump by an hour, twenty sends still take nineteen intervals, and no hour."""
    limiter = make(store)
    send_times(limiter, clock, 50)
    clock.advance(jump)
    times = send_times(limiter, clock, 21)
    assert 1.0 <= times[-1] - times[0] <= 2.1


def test_a_store_that_lost_its_memory_is_met_with_a_pause(store: Any, clock: Any) -> None:
    """Whoever sent before waits for one window, since the server still counts what the store forgot."""
    limiter, other = make(store), make(store)
    send_times(limiter, clock, 20)
    other.acquire()
    waiting = limiter.reserve()
    store.texts.clear()
    clock.advance(0.1)
    lost_at = clock()
    assert other.acquire() - lost_at >= 1.0
    assert limiter.try_send(waiting).at >= clock()


def test_a_fresh_process_that_comes_first_does_not_hide_the_loss(store: Any, clock: Any) -> None:
    """A new process may write the new state first; one that knew the old state still sees that it is another."""
    limiter = make(store)
    limiter.acquire()
    store.texts.clear()
    make(store).acquire()
    lost_at = clock()
    assert limiter.acquire() - lost_at >= 1.0


def test_a_minute_holds_no_more_than_its_quota(store: Any, clock: Any) -> None:
    """With 100 a minute beside 20 a second, no 60 seconds hold more than 100, and a minute is nearly used."""
    times = send_times(make(store, per_minute=100), clock, 400)
    assert most_within(times, 60.0) in (99, 100)
    assert times[-1] - times[0] <= 399 * 0.6 * 1.01


@pytest.mark.parametrize("per_minute", [0, -1, math.nan, math.inf, "1000", True])
def test_a_minute_quota_that_is_none_is_refused(store: Any, per_minute: Any) -> None:
    """A wrong quota a minute is refused with its variable's name."""
    with pytest.raises(ConfigurationError, match="KIS_API_RATE_LIMIT_PER_MINUTE"):
        make(store, per_minute=per_minute)


def test_the_next_slot_can_be_seen_without_taking_it(store: Any) -> None:
    """Looking ahead costs nothing and changes nothing."""
    limiter = make(store, 1)
    assert limiter.ahead() == 0.0
    limiter.acquire()
    assert [limiter.ahead() for _ in range(2)] == [pytest.approx(1.007, abs=0.001)] * 2


def test_what_was_seen_tells_about_the_next_slot_for_a_second(store: Any, clock: Any) -> None:
    """Slots that others took show once a second has passed, and at once after this limiter's own look."""
    limiter, other = make(store, 1), make(store, 1)
    assert limiter.about_ahead() == 0.0
    for _ in range(4):
        other.reserve()
    assert limiter.about_ahead() == 0.0
    clock.advance(1.0)
    assert limiter.about_ahead() == limiter.ahead() == pytest.approx(3.0, abs=0.05)
    limiter.reserve()
    assert limiter.about_ahead() == limiter.ahead() == pytest.approx(4.0, abs=0.05)
    clock.advance(0.5)
    assert limiter.about_ahead() == pytest.approx(3.5, abs=0.05)


def test_a_rejection_makes_the_limiter_look_again(store: Any, clock: Any) -> None:
    """What it taught may have moved the next slot."""
    limiter = make(store, 20)
    sent = [limiter.acquire() for _ in range(2)]
    for at in sent:
        limiter.slow_down(at)
    assert limiter.about_ahead() == limiter.ahead() > 0.1


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
        '{"guard": []}',
        '{"rate": "x"}',
        '{"minute": [1]}',
        '{"minute_counts": ["x"]}',
        '{"minute_counts": 7}',
        '{"seen_at": 1e9, "refused": 3}',
        '{"trips": {}, "epoch": "x"}',
    ],
)
def test_a_damaged_state_stops_the_sends(store: Any, text: str) -> None:
    """A value that cannot be is a coordination error, never a free run."""
    store.texts["limiter-k"] = text
    with pytest.raises(CoordinationError, match="memory:limiter-k"):
        make(store).acquire()


def minute_seemed_full(limiter: TokenBucketRateLimiter, pauses: int = 1) -> None:
    """Send for three seconds, and let everything be rejected then, also the one call after each of these pauses."""
    for _ in range(60):
        limiter.acquire()
    for _ in range(2 + pauses):
        limiter.slow_down(limiter.acquire())


def test_one_burst_teaches_no_limit_a_minute(store: Any, clock: Any) -> None:
    """However often the same burst is rejected, full speed is back within ten seconds."""
    limiter = make(store)
    minute_seemed_full(limiter, 4)
    assert "minute" not in store.read("limiter-k")
    clock.advance(10)
    assert limiter.snapshot().learned.count("a minute") == 0
    times = send_times(limiter, clock, 62)[1:]
    assert 60 / (times[-1] - times[0]) >= 0.9 * 20


def test_a_second_burst_that_ends_alike_teaches_a_limit_a_minute(store: Any, clock: Any) -> None:
    """The server took about as many in the minute before: that is its quota, and it is said for how long it holds."""
    limiter = make(store)
    minute_seemed_full(limiter)
    clock.advance(61)
    minute_seemed_full(limiter)
    assert 54 <= store.read("limiter-k")["minute"] <= 66
    assert "a minute for" in limiter.snapshot().learned
    limiter.forget()
    assert limiter.snapshot().learned == ""


def test_a_second_burst_that_ends_otherwise_teaches_nothing_yet(store: Any, clock: Any) -> None:
    """After a minute in which the server took twice as many, neither figure is its quota."""
    limiter = make(store)
    minute_seemed_full(limiter)
    clock.advance(61)
    send_times(limiter, clock, 60)
    minute_seemed_full(limiter)
    assert "minute" not in store.read("limiter-k")


def test_a_send_that_is_heard_of_late_is_taken_back(store: Any, clock: Any) -> None:
    """Three seconds after it was recorded it is no longer due: it is recorded anew, once, for just now."""
    limiter = make(store)
    slot = limiter.reserve(send=True)
    clock.advance(3.0)
    left = limiter.leave(slot)
    assert left.at == pytest.approx(clock(), abs=0.01)
    assert (limiter.sends(), store.read("limiter-k")["sent"]) == (1, [left.at])


def test_a_send_that_is_heard_of_late_waits_while_the_second_is_full(store: Any, clock: Any) -> None:
    """Others used the quota meanwhile, so it leaves a window after the first of them."""
    limiter, others = make(store), make(store)
    slot = limiter.reserve(send=True)
    clock.advance(3.0)
    first = send_times(others, clock, 20)[0]
    assert limiter.leave(slot).at >= first + 1.0


def test_a_store_that_is_always_slow_is_allowed_for(clock: Any, new_store: Any) -> None:
    """Where each answer takes 30 ms, a send is recorded a little ahead and leaves in time."""
    store = new_store()
    update = store.update

    def slow(*arguments: Any, **options: Any) -> Any:
        result = update(*arguments, **options)
        store.clock.advance(0.03)
        return result

    store.update = slow
    limiter = make(store)
    times = [limiter.acquire() for _ in range(60)]
    assert most_within(times, 1.0) <= 20
    assert 59 / (times[-1] - times[0]) >= 0.85 * 20


def test_a_rejection_that_nothing_sent_explains_is_said_once_a_day(store: Any, clock: Any, caplog: Any) -> None:
    """Another program, or another place of shared state, uses the key; what to look at stands in the sentence."""
    limiter = make(store)
    for _ in range(2):
        minute_seemed_full(limiter, 2)
        clock.advance(700)
    (said,) = [message for message in caplog.messages if "COORDINATION_URL" in message]
    assert said.startswith("The server rejected a call although nothing was sent under this budget for more than a")
    clock.advance(86_400)
    minute_seemed_full(limiter, 2)
    assert sum("COORDINATION_URL" in said for said in caplog.messages) == 2
