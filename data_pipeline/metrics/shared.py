"""The figures of the state that processes share: budgets, tokens, breakers; nothing is sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing

from data_pipeline.client.circuit_breaker import BreakerSnapshot
from data_pipeline.coordination.store import Store
from data_pipeline.market.clock import Clock
from data_pipeline.metrics.table import Sample
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.client import KrxClient
from data_pipeline.sources.krx.settings import KrxSettings


def kis_samples(
    settings: KisSettings, store: Store, clock: Clock, wall: Callable[[], float] = time.time
) -> Iterator[Sample]:
    """Yield the figures of the app keys of KIS, under the names that `data-pipeline budget` shows.

    Args:
        settings: Which keys.
        store: The state that processes share.
        clock: The market's clock.
        wall: Real time in seconds since 1970 (UTC), by which tokens expire.

    Raises:
        CoordinationError: The state cannot be read; trying again can help.
    """
    with closing(KisClient(settings, store, None, clock, wall=wall)) as client:
        for name, budget in client.budgets().items():
            labels = {"budget": name}
            yield Sample("budget_rate", budget.rate, labels)
            yield Sample("budget_share", budget.used, labels)
            yield Sample("budget_wait_seconds", budget.ahead, labels)
            yield Sample("budget_sends_total", budget.sends, labels)
        for name, token in client.tokens().items():
            yield Sample("token_age_seconds", token.age, {"key": name})
            yield Sample("token_left_seconds", token.left, {"key": name})
        yield from _breaker(settings.source_name, client.breaker.snapshot())


def krx_samples(settings: KrxSettings, store: Store, clock: Clock) -> Iterator[Sample]:
    """Yield the figures of the key of KRX; the arguments and errors are those of :func:`kis_samples`."""
    with closing(KrxClient(settings, store, None, clock)) as client:
        yield Sample("krx_calls_left", client.quota.left())
        yield from _breaker(settings.source_name, client.breaker.snapshot())


def _breaker(source: str, breaker: BreakerSnapshot) -> Iterator[Sample]:
    yield Sample("breaker_state", breaker.level, {"source": source})
    yield Sample("breaker_failures", breaker.failures, {"source": source})
