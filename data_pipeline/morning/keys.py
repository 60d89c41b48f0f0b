"""How the configured keys stand, as plain values; each key under eight digits of its hash."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """The budget of one app key, under eight digits of its hash."""

    name: str
    rate: float
    """Calls a second that are tried now."""
    used: float
    """Share of the configured quota that the last minute took: 1 is all of it."""
    ahead: float
    """Seconds until the next free slot."""
    sends: int
    """Calls since the shared state was made."""
    learned: str
    """What rejections taught, in words; empty when nothing did."""


@dataclass(frozen=True)
class TokenAge:
    """The access token of one app key."""

    name: str
    age: float
    """Seconds since it was issued."""
    left: float
    """Seconds until it is renewed; negative when that is due."""


@dataclass(frozen=True)
class Breaker:
    """The circuit breaker of one vendor."""

    source: str
    state: str
    """CLOSED, HALF_OPEN or OPEN."""
    failures: int
    """Failures in a row."""
    retry_after: float
    """Seconds until calls may pass again; 0 unless open."""


@dataclass(frozen=True)
class Keys:
    """What processes share about the configured keys; nothing was sent to find it out."""

    budgets: tuple[Budget, ...] = ()
    tokens: tuple[TokenAge, ...] = ()
    breakers: tuple[Breaker, ...] = ()
    krx_calls_left: int | None = None
    """Calls of the KRX key left today in Seoul; None without such a key."""
    krx_calls: int | None = None
    """Calls of the KRX key a day."""
