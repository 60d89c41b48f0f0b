"""Every try passes the breaker and takes a slot."""

from __future__ import annotations

from typing import Any

import pytest

from data_pipeline.client.circuit_breaker import CircuitBreaker, CircuitState
from data_pipeline.client.guard import Guard
from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.retry import Retry
from data_pipeline.exceptions import (
    CircuitOpenError,
    CoordinationError,
    PayloadError,
    QueueTimeoutError,
    RateLimitedError,
    ServerFailureError,
)


def make(store: Any, rate: float = 20, queue_timeout: float = 30.0, sleep: Any = None) -> Guard:
    """Return a guard whose sleeps move the store's clock."""
    sleep = sleep or store.clock.sleep
    return Guard(
        TokenBucketRateLimiter(store, "k", rate, queue_timeout, sleep=sleep),
        CircuitBreaker(store, "k"),
        Retry(sleep=sleep, random=lambda: 0.0),
    )


class Server:
    """Counts what is sent and answers with these outcomes, the last one for ever."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.sends = 0

    def __call__(self) -> Any:
        self.sends += 1
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def test_an_answer_is_returned_for_one_slot(store: Any) -> None:
    """A call that works is sent once and counted once."""
    guard = make(store)
    assert guard.run(Server({"rt_cd": "0"})) == {"rt_cd": "0"}
    assert guard.limiter.sends() == 1


def test_every_retry_takes_a_slot(store: Any) -> None:
    """Three tries are three slots."""
    guard = make(store)
    assert guard.run(Server(ServerFailureError("500"), ServerFailureError("500"), "fine")) == "fine"
    assert guard.limiter.sends() == 3
    assert guard.sent == 3


def test_a_call_that_must_not_repeat_is_tried_once(store: Any) -> None:
    """Only idempotent calls are tried again."""
    server = Server(ServerFailureError("500"))
    with pytest.raises(ServerFailureError):
        make(store).run(server, idempotent=False)
    assert server.sends == 1


def test_a_permanent_error_is_raised_at_once(store: Any) -> None:
    """A wrong answer is not asked for again."""
    server = Server(PayloadError("html"))
    with pytest.raises(PayloadError):
        make(store).run(server)
    assert server.sends == 1


def test_an_outage_opens_the_breaker_after_five_sends(store: Any) -> None:
    """A hundred requests into an outage cost five sends; the others are rejected unsent and without a slot."""
    guard, server = make(store), Server(ServerFailureError("500"))
    for _ in range(100):
        with pytest.raises((ServerFailureError, CircuitOpenError)):
            guard.run(server)
    assert (server.sends, guard.limiter.sends()) == (5, 5)


def test_throttling_widens_the_spacing_and_never_opens_the_breaker(store: Any) -> None:
    """However often the server throttles, the breaker stays closed, and the limiter slows down each time."""
    guard, server = make(store), Server(RateLimitedError("EGW00201"))
    for _ in range(10):
        with pytest.raises(RateLimitedError):
            guard.run(server)
    assert (server.sends, guard.breaker.state) == (30, CircuitState.CLOSED)
    assert store.read("limiter-k")["rate"] < 20


def test_a_breaker_that_opens_while_waiting_for_a_slot_is_heeded(store: Any) -> None:
    """The breaker is asked again with the slot in hand."""
    other = make(store)

    def outage_while_sleeping(seconds: float) -> None:
        store.clock.advance(seconds)
        for _ in range(5):
            other.breaker.failure(other.breaker.before())

    server = Server("fine")
    make(store, rate=1).run(server)
    with pytest.raises(CircuitOpenError):
        make(store, rate=1, sleep=outage_while_sleeping).run(server)
    assert server.sends == 1


def test_no_slot_in_time_sends_nothing(store: Any) -> None:
    """A full queue is a typed error and no send."""
    server = Server("fine")
    make(store, rate=1).run(server)
    with pytest.raises(QueueTimeoutError):
        make(store, rate=1, queue_timeout=0.5).run(server)
    assert server.sends == 1


@pytest.mark.parametrize("key", ["limiter-k", "breaker-k"])
def test_a_damaged_store_sends_nothing(store: Any, key: str) -> None:
    """When shared state cannot be trusted, no call leaves."""
    store.texts[key] = '{"next_slot": "x", "tripped": true, "open_until": "x", "failures": "x"}'
    server = Server("fine")
    with pytest.raises(CoordinationError):
        make(store).run(server)
    assert server.sends == 0


def test_a_store_that_stands_still_while_the_breaker_is_asked_moves_the_send(store: Any) -> None:
    """The call leaves when its send is recorded, not four seconds later."""
    guard, read, asked = make(store), store.read, []

    def slow(key: str, **options: Any) -> Any:
        asked.append(key)
        if asked.count("breaker-k") == 2:
            store.clock.advance(4.0)
            asked.append("breaker-k")
        return read(key, **options)

    store.read = slow
    sent: list[float] = []
    guard.run(lambda: sent.append(store.clock.now))
    assert store.read("limiter-k")["sent"] == pytest.approx(sent, abs=0.01)
