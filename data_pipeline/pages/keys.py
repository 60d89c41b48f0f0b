"""What processes share about the keys: quota, tokens, breaker; nothing is sent, and no key is named but by its hash."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from data_pipeline.client.circuit_breaker import BreakerSnapshot
from data_pipeline.client.slot import BudgetSnapshot
from data_pipeline.client.token import TokenSnapshot
from data_pipeline.coordination.store import Store
from data_pipeline.market.clock import Clock
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.client import KrxClient
from data_pipeline.sources.krx.settings import KrxSettings


@dataclass(frozen=True)
class Keys:
    """How everything stands that processes share."""

    budgets: dict[str, BudgetSnapshot] = field(default_factory=dict)
    """By the hashed name of the app key."""
    tokens: dict[str, TokenSnapshot] = field(default_factory=dict)
    """By the fingerprint of the app key; without those that have none."""
    breakers: dict[str, BreakerSnapshot] = field(default_factory=dict)
    """By source."""
    calls_left: int | None = None
    """Calls of the KRX key left today in Seoul; None without such a key."""
    calls_a_day: int | None = None


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
