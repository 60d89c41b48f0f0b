"""What processes share about the keys: quota, tokens, breaker; no key is named but by its hash."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_pipeline.client.circuit_breaker import BreakerSnapshot
    from data_pipeline.client.slot import BudgetSnapshot
    from data_pipeline.client.token import TokenSnapshot


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
