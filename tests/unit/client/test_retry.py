"""Retries wait longer each time, obey the server, and stay within their quota."""

from __future__ import annotations

import math
from typing import Any

import pytest

from data_pipeline.client.retry import Retry, RetryQuota
from data_pipeline.exceptions import (
    AuthenticationError,
    CircuitOpenError,
    ConnectionFailedError,
    CoordinationError,
    QueueTimeoutError,
    RateLimitedError,
    RequestTimeoutError,
    ServerFailureError,
    TokenUnavailableError,
)


class Call:
    """A call that fails with these errors in turn and then answers "answer"."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def asking(seconds: float | None, error: Exception | None = None) -> Any:
    """Return an error whose server asks to come back after that many seconds."""
    found: Any = error or ServerFailureError("503")
    found.retry_after = seconds
    return found


@pytest.mark.parametrize(
    "error", [RateLimitedError("x"), ServerFailureError("x"), RequestTimeoutError("x"), ConnectionFailedError("x")]
)
def test_an_error_that_may_pass_is_tried_three_times(clock: Any, error: Exception) -> None:
    """Two failures and an answer are an answer; three failures are the failure."""
    retry = Retry(sleep=clock.sleep)
    call = Call(error, error)
    assert (retry.call(call), call.tries) == ("answer", 3)
    call = Call(error, error, error)
    with pytest.raises(type(error)):
        retry.call(call)
    assert call.tries == 3


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("x"),
        CircuitOpenError("x", 1.0),
        QueueTimeoutError("x"),
        CoordinationError("x"),
        TokenUnavailableError("x"),
        ValueError("x"),
    ],
)
def test_other_errors_are_raised_at_once(clock: Any, error: Exception) -> None:
    """An error that trying again at once cannot mend is raised at the first try."""
    call = Call(error)
    with pytest.raises(type(error)):
        Retry(sleep=clock.sleep).call(call)
    assert (call.tries, clock.slept) == (1, [])


def test_waits_double_up_to_the_cap_and_are_drawn_evenly(clock: Any) -> None:
    """With full jitter the longest waits are 0.5, 1, 2, 4, 8, 8 seconds, and half the draw is half of that."""
    errors = [ServerFailureError("x")] * 6
    Retry(7, sleep=clock.sleep, random=lambda: 1.0).call(Call(*errors))
    assert clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    clock.slept.clear()
    Retry(3, sleep=clock.sleep, random=lambda: 0.5).call(Call(*errors[:2]))
    assert clock.slept == [0.25, 0.5]


def test_the_server_says_when_to_come_back(clock: Any) -> None:
    """``retry_after`` is waited for, and the jitter comes on top so that callers do not return together."""
    Retry(sleep=clock.sleep, random=lambda: 0.5).call(Call(asking(3.0), asking(None)))
    assert clock.slept == [3.25, 0.5]


@pytest.mark.parametrize("seconds", [30.5, 3600.0, math.inf, math.nan])
def test_a_wait_beyond_patience_is_left_to_the_caller(clock: Any, seconds: float) -> None:
    """A server that asks for more than 30 seconds gets no second try now; the error keeps its wish."""
    with pytest.raises(ServerFailureError) as caught:
        Retry(sleep=clock.sleep).call(Call(asking(seconds)))
    assert clock.slept == []
    assert str(caught.value.retry_after) == str(seconds)


def test_an_outage_costs_at_most_a_tenth_more(clock: Any) -> None:
    """A thousand requests that all fail make at most 1,110 sends: a tenth more, and the credit of ten."""
    retry = Retry(sleep=clock.sleep)
    sends = 0
    for _ in range(1000):
        call = Call(*[ServerFailureError("500")] * 3)
        with pytest.raises(ServerFailureError):
            retry.call(call)
        sends += call.tries
    assert 1100 <= sends <= 1110


def test_quiet_times_do_not_add_up() -> None:
    """A hundred thousand good requests earn no more than ten retries."""
    quota = RetryQuota()
    for _ in range(100_000):
        quota.earn()
    assert [quota.spend() for _ in range(12)] == [True] * 10 + [False] * 2


def test_ten_requests_earn_one_retry() -> None:
    """Ten tenths are one."""
    quota = RetryQuota(credit=1.0)
    assert quota.spend()
    for _ in range(9):
        quota.earn()
    assert not quota.spend()
    quota.earn()
    assert quota.spend()


def test_throttled_calls_do_not_use_the_quota_up(clock: Any) -> None:
    """A rejection as one too many is bounded by the limiter, so it is tried again even when the quota is empty."""
    retry = Retry(sleep=clock.sleep, quota=RetryQuota(credit=0.0))
    assert retry.call(Call(RateLimitedError("x"), RateLimitedError("x"))) == "answer"
