"""Reads how the keys stand out of the shared state; nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from data_pipeline.coordination.store import Store
from data_pipeline.market.clock import Clock
from data_pipeline.pages.keys import Keys
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.client import KrxClient
from data_pipeline.sources.krx.settings import KrxSettings


def read_keys(settings: Sequence[KisSettings | KrxSettings], store: Store, clock: Clock) -> Keys:
    """Return how the keys of these settings stand.

    Raises:
        CoordinationError: The shared state cannot be read; trying again can help.
    """
    found = Keys()
    for one in settings:
        found = _of_kis(found, one, store, clock) if isinstance(one, KisSettings) else _of_krx(found, one, store, clock)
    return found


def _of_kis(found: Keys, settings: KisSettings, store: Store, clock: Clock) -> Keys:
    with closing(KisClient(settings, store, None, clock)) as client:
        breakers = {**found.breakers, settings.source_name: client.breaker.snapshot()}
        return Keys(client.budgets(), client.tokens(), breakers, found.calls_left, found.calls_a_day)


def _of_krx(found: Keys, settings: KrxSettings, store: Store, clock: Clock) -> Keys:
    with closing(KrxClient(settings, store, None, clock)) as client:
        breakers = {**found.breakers, settings.source_name: client.breaker.snapshot()}
        return Keys(found.budgets, found.tokens, breakers, client.quota.left(), settings.daily_limit)
