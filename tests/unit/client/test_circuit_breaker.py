"""The breaker opens on real failures only, and lets one probe through for everybody."""

from __future__ import annotations

import math
from contextlib import nullcontext, suppress
from typing import Any

import pytest

from data_pipeline.client.circuit_breaker import BreakerSnapshot, CircuitBreaker, CircuitState
from data_pipeline.exceptions import (
    AuthenticationError,
    CircuitOpenError,
    ConfigurationError,
    ConnectionFailedError,
    CoordinationError,
    PayloadError,
    RateLimitedError,
    RequestRefusedError,
    RequestTimeoutError,
    ServerFailureError,
    UnknownStockError,
)

FAILURES = [ServerFailureError("500"), RequestTimeoutError("30 s"), ConnectionFailedError("reset")]
ANSWERS = [
    RateLimitedError("EGW00201"),
    RequestRefusedError("no"),
    AuthenticationError("key"),
    UnknownStockError("000000", "KIS"),
]
SILENT = [PayloadError("html"), CoordinationError("disk"), KeyboardInterrupt()]


@pytest.fixture
def breaker(store: Any) -> CircuitBreaker:
    """A breaker as documented: 5 failures, 60 seconds."""
    return CircuitBreaker(store, "k")


def end(breaker: CircuitBreaker, error: BaseException | None = None) -> None:
    """Make one call that ends like this."""

    def send() -> None:
        with breaker.call():
            if error is not None:
                raise error

    with nullcontext() if error is None else suppress(type(error)):
        send()


def trip(breaker: CircuitBreaker) -> None:
    """Fail five times."""
    for _ in range(5):
        end(breaker, FAILURES[0])


def test_a_new_breaker_is_closed(breaker: CircuitBreaker, store: Any) -> None:
    """Nothing happened yet: closed, and calls that succeed write nothing."""
    end(breaker)
    assert breaker.snapshot() == BreakerSnapshot(CircuitState.CLOSED, 0, 0.0, probing=False)
    assert store.texts == {}


@pytest.mark.parametrize("error", FAILURES)
def test_five_failures_in_a_row_open_it(breaker: CircuitBreaker, error: Exception) -> None:
    """The fifth consecutive failure opens the breaker for 60 seconds, not the fourth."""
    for _ in range(4):
        end(breaker, error)
    assert breaker.state is CircuitState.CLOSED
    end(breaker, error)
    assert breaker.snapshot() == BreakerSnapshot(CircuitState.OPEN, 5, 60.0, probing=False)


@pytest.mark.parametrize("answer", [None, *ANSWERS])
def test_an_answer_starts_the_count_anew(breaker: CircuitBreaker, answer: Exception | None) -> None:
    """Any business answer proves that the server lives: only failures in a row count."""
    for _ in range(4):
        end(breaker, FAILURES[0])
    end(breaker, answer)
    for _ in range(4):
        end(breaker, FAILURES[0])
    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("error", SILENT)
def test_errors_that_say_nothing_about_the_server_change_nothing(breaker: CircuitBreaker, error: BaseException) -> None:
    """A garbled answer or a trouble of ours neither counts nor clears the count."""
    for _ in range(4):
        end(breaker, FAILURES[0])
    end(breaker, error)
    assert breaker.snapshot().failures == 4


def test_open_rejects_without_running_the_call(breaker: CircuitBreaker, clock: Any) -> None:
    """While open, check, before and call all reject and say how long it lasts."""
    trip(breaker)
    clock.advance(20)
    for ask in (breaker.check, breaker.before, breaker.call().__enter__):
        with pytest.raises(CircuitOpenError, match="Circuit breaker OPEN") as caught:
            ask()
        assert caught.value.retry_after == 40.0


def test_after_the_cooldown_one_probe_is_let_through(breaker: CircuitBreaker, store: Any, clock: Any) -> None:
    """HALF_OPEN gives one permit for all breakers on the key."""
    trip(breaker)
    clock.advance(60)
    assert breaker.state is CircuitState.HALF_OPEN
    breaker.check()
    breaker.before()
    assert breaker.snapshot().probing
    with pytest.raises(CircuitOpenError):
        CircuitBreaker(store, "k").before()
    with pytest.raises(CircuitOpenError):
        breaker.check()


@pytest.mark.parametrize("answer", [None, *ANSWERS])
def test_a_probe_that_is_answered_closes_it(breaker: CircuitBreaker, clock: Any, answer: Exception | None) -> None:
    """The probe's success closes the breaker and the count starts at zero."""
    trip(breaker)
    clock.advance(60)
    end(breaker, answer)
    assert breaker.snapshot() == BreakerSnapshot(CircuitState.CLOSED, 0, 0.0, probing=False)


def test_a_probe_that_fails_opens_it_again(breaker: CircuitBreaker, clock: Any) -> None:
    """One failed probe is enough for another 60 seconds."""
    trip(breaker)
    clock.advance(61)
    end(breaker, FAILURES[1])
    assert breaker.snapshot() == BreakerSnapshot(CircuitState.OPEN, 6, 60.0, probing=False)


@pytest.mark.parametrize("error", SILENT)
def test_a_probe_without_an_outcome_passes_its_turn_on(
    breaker: CircuitBreaker, clock: Any, error: BaseException
) -> None:
    """A probe that ended without saying anything about the server lets the next caller probe at once."""
    trip(breaker)
    clock.advance(60)
    end(breaker, error)
    end(breaker)
    assert breaker.state is CircuitState.CLOSED


def test_a_prober_that_dies_is_replaced(breaker: CircuitBreaker, clock: Any) -> None:
    """When the lease of 90 seconds ends, somebody else probes, and the lost probe's late outcome is ignored."""
    trip(breaker)
    clock.advance(60)
    lost = breaker.before()
    clock.advance(90)
    probe = breaker.before()
    breaker.failure(lost)
    breaker.success(lost)
    breaker.release(lost)
    assert breaker.snapshot().probing
    breaker.success(probe)
    assert breaker.state is CircuitState.CLOSED


def test_outcomes_from_before_an_opening_are_stale(breaker: CircuitBreaker, clock: Any) -> None:
    """A slow call from before neither closes an open breaker, nor prolongs it, nor counts once it closed again."""
    slow = breaker.before()
    trip(breaker)
    clock.advance(10)
    breaker.success(slow)
    breaker.failure(slow)
    assert breaker.snapshot() == BreakerSnapshot(CircuitState.OPEN, 5, 50.0, probing=False)
    clock.advance(50)
    end(breaker)
    breaker.failure(slow)
    assert breaker.snapshot().failures == 0


def test_processes_count_together(store: Any) -> None:
    """Failures that two breakers on one key see add up."""
    first, second = CircuitBreaker(store, "k"), CircuitBreaker(store, "k")
    for each in (first, second, first, second, first):
        end(each, FAILURES[2])
    assert (first.state, second.state) == (CircuitState.OPEN, CircuitState.OPEN)


@pytest.mark.parametrize("threshold", [0, -1, 2.5, "5", None, True])
def test_a_wrong_threshold_is_refused(store: Any, threshold: Any) -> None:
    """The error names the variable."""
    with pytest.raises(ConfigurationError, match="KIS_API_CIRCUIT_BREAKER_THRESHOLD"):
        CircuitBreaker(store, "k", threshold)


@pytest.mark.parametrize("cooldown", [0, -1, math.nan, math.inf, "60", None, True])
def test_a_wrong_cooldown_is_refused(store: Any, cooldown: Any) -> None:
    """The error names the variable."""
    with pytest.raises(ConfigurationError, match="KIS_API_CIRCUIT_BREAKER_TIMEOUT"):
        CircuitBreaker(store, "k", cooldown=cooldown)


@pytest.mark.parametrize("text", ['{"failures": "x"}', '{"tripped": true, "open_until": null}', '{"opened": 1e400}'])
def test_a_damaged_state_stops_the_calls(store: Any, breaker: CircuitBreaker, text: str) -> None:
    """A value that cannot be is a coordination error, never a closed breaker."""
    store.texts["breaker-k"] = text
    with pytest.raises(CoordinationError, match="memory:breaker-k"):
        end(breaker, FAILURES[0])


def test_a_probe_whose_answer_was_lost_is_still_given(store: Any, clock: Any, breaker: CircuitBreaker) -> None:
    """A store may apply a change twice when an answer is lost; the prober still gets its turn."""
    trip(breaker)
    clock.advance(60)
    store.twice = True
    assert breaker.before().probe is not None


def test_a_clock_set_back_does_not_keep_the_breaker_open(store: Any, clock: Any, breaker: CircuitBreaker) -> None:
    """A cooldown that would end later than a whole one from now is taken for another clock's: a probe may go."""
    trip(breaker)
    clock.advance(-3600)
    assert breaker.state is CircuitState.HALF_OPEN
    assert breaker.before().probe is not None
