"""Reads what processes share about the configured keys: budgets, tokens, breakers, calls left; nothing is sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from data_pipeline.client.circuit_breaker import BreakerSnapshot
from data_pipeline.coordination.store import Store
from data_pipeline.market.clock import Clock
from data_pipeline.morning.keys import Breaker, Budget, Keys, TokenAge
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.client import KrxClient
from data_pipeline.sources.krx.settings import KrxSettings


def read_keys(
    kis: KisSettings | None,
    krx: KrxSettings | None,
    store: Store,
    clock: Clock,
    wall: Callable[[], float] = time.time,
) -> Keys:
    """Return how the keys stand, each under eight digits of its hash.

    Args:
        kis: The app keys of KIS; None without any.
        krx: The key of KRX; None without one.
        store: The state that processes share.
        clock: The market's clock, by which a day of KRX ends.
        wall: Real time in seconds since 1970 (UTC), by which tokens expire.

    Raises:
        CoordinationError: The state cannot be read; trying again can help.
    """
    budgets: tuple[Budget, ...] = ()
    tokens: tuple[TokenAge, ...] = ()
    breakers: tuple[Breaker, ...] = ()
    left = None
    if kis:
        with closing(KisClient(kis, store, None, clock, wall=wall)) as client:
            budgets = tuple(
                Budget(name, one.rate, one.used, one.ahead, one.sends, one.learned)
                for name, one in client.budgets().items()
            )
            tokens = tuple(TokenAge(name, one.age, one.left) for name, one in client.tokens().items())
            breakers += (_breaker(kis.source_name, client.breaker.snapshot()),)
    if krx:
        with closing(KrxClient(krx, store, None, clock)) as exchange:
            left = exchange.quota.left()
            breakers += (_breaker(krx.source_name, exchange.breaker.snapshot()),)
    return Keys(budgets, tokens, breakers, left, krx.daily_limit if krx else None)


def _breaker(source: str, found: BreakerSnapshot) -> Breaker:
    return Breaker(source, found.state.value, found.failures, found.retry_after)
