"""What work tells about itself, and to whom."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.client.guard import Guard
from data_pipeline.client.meter import FIGURES, REQUESTS, Figure, Meter
from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.retry import Retry
from data_pipeline.exceptions import (
    AuthenticationError,
    ConnectionFailedError,
    DailyQuotaError,
    MaintenanceError,
    PayloadError,
    RateLimitedError,
    RequestTimeoutError,
    ServerFailureError,
    UnknownStockError,
)


class Ear:
    """Keeps what is told, and holds each figure to its declaration."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, float, dict[str, str]]] = []

    def __call__(self, figure: Figure, value: float, labels: Mapping[str, str]) -> None:
        assert {*labels} == {*figure.labels}
        self.heard.append((figure.name, value, dict(labels)))

    def of(self, name: str) -> list[float]:
        """The values of one figure."""
        return [value for told, value, _ in self.heard if told == name]


@pytest.fixture
def ear() -> Ear:
    """Somebody who listens."""
    return Ear()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RateLimitedError("one too many"), "throttled"),
        (DailyQuotaError("spent", 60.0), "throttled"),
        (MaintenanceError("a page"), "maintenance"),
        (ServerFailureError("500"), "failed"),
        (RequestTimeoutError("30 s"), "timeout"),
        (ConnectionFailedError("refused"), "unreachable"),
        (PayloadError("no JSON"), "malformed"),
        (AuthenticationError("401"), "refused"),
        (UnknownStockError("KIS", "000000"), "refused"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_a_request_is_counted_by_how_it_ended(ear: Ear, error: BaseException, outcome: str) -> None:
    """Once, also when it failed, under the last part of its path."""
    meter = Meter(source="kis")
    meter.listen(ear)
    with pytest.raises(type(error)), meter.request("/uapi/domestic-stock/v1/quotations/inquire-price"):
        raise error
    assert ear.heard == [("requests", 1, {"source": "kis", "endpoint": "inquire-price", "outcome": outcome})]


def test_whoever_comes_later_hears_meters_that_were_made_before(ear: Ear) -> None:
    """The budgets' meters are made with the client, and the task listens when it has the source."""
    meter = Meter(source="kis")
    of_a_budget = meter.with_labels(endpoint="tokenP")
    meter.listen(ear)
    of_a_budget.tell(REQUESTS, outcome="ok")
    assert ear.heard == [("requests", 1, {"source": "kis", "endpoint": "tokenP", "outcome": "ok"})]


def test_a_send_says_how_long_it_waited_and_how_full_the_budget_is(ear: Ear, store, clock) -> None:
    """Of 60 sends a minute the first takes a 60th at once, and the second a 30th after 1 s + 15 ms + 0.2 %."""
    meter = Meter(source="kis", budget="abcd1234")
    meter.listen(ear)
    limiter = TokenBucketRateLimiter(store, "k", 1, sleep=clock.sleep)
    guard = Guard(limiter, CircuitBreaker(store, "k"), Retry(sleep=clock.sleep), meter=meter)
    for _ in range(2):
        guard.run(lambda: None)
    assert ear.of("slot_wait") == pytest.approx([0.0, 1.015 * 1.002])
    assert ear.of("budget_share") == [1 / 60, 2 / 60]


def test_a_breaker_that_opens_says_so_once(ear: Ear, store) -> None:
    """The fifth failure opens it; those that were under way then change nothing."""
    meter = Meter(source="kis")
    meter.listen(ear)
    breaker = CircuitBreaker(store, "k", meter=meter)
    permits = [breaker.before() for _ in range(7)]
    for permit in permits:
        breaker.failure(permit)
    assert ear.heard == [("breaker_opened", 1, {"source": "kis"})]


def test_no_figure_has_a_label_that_grows_with_the_market_or_holds_a_secret() -> None:
    """Keys and budgets are fingerprints."""
    assert {label for one in FIGURES for label in one.labels} == {
        "source", "endpoint", "outcome", "budget", "key", "dataset",
    }  # fmt: skip
