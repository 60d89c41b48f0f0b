"""What one emulated KIS server is: its kind, its quotas, its rules for tokens and keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError

QUOTA = {"real": 18, "virtual": 1}
"""Calls a second and app key. Source: notice of 2026-04-20 as quoted by users; that of 2026-09-16 is unknown."""
WINDOWS = ("sliding", "fixed")
UNKNOWN_SYMBOL = ("shell", "error")


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """The choices that do not change while the emulator runs (quotas can be changed later through the control API)."""

    server: str = "real"
    """``real`` or ``virtual``; the virtual server lacks several TRs and allows one call a second."""
    rate: int | None = None
    """Calls a second and app key; None for the server's own quota (18 real, 1 virtual)."""
    ledger_rate: int | None = None
    """Calls a second and app key for ledger TRs (EGW00215), which have a gate of their own; None for ``rate``."""
    per_minute: int | None = None
    """A hidden second limit over any 60 seconds; None for no such limit."""
    window: str = "sliding"
    """``sliding`` (any second) or ``fixed`` (seconds that start together)."""
    latency_ms: tuple[float, float] = (0.0, 0.0)
    """How long an answer takes after its call was counted, milliseconds, drawn between both ends."""
    jitter_ms: tuple[float, float] = (0.0, 0.0)
    """How long a call travels before it is counted, milliseconds, drawn between both ends."""
    keys: Mapping[str, str] | None = field(default=None, repr=False)
    """App key to app secret; None accepts any of the documented lengths (36 and 180)."""
    newer_token_kills_older: bool = False
    """Whether issuing a new token makes the older one of the same key fail as expired (EGW00123)."""
    token_seconds: float = 86_400.0
    """Life of a token (24 h)."""
    same_token_seconds: float = 21_600.0
    """How long after an issue a further request gets the same token (6 h)."""
    issue_seconds: float = 60.0
    """The least time between two issues for one app key; sooner is HTTP 403 EGW00133."""
    unknown_symbol: str = "error"
    """``error`` answers MCA05918 for a code that is not listed, ``shell`` an rt_cd 0 with most fields missing."""
    log_size: int = 200_000
    """How many requests the log keeps; its counters keep counting beyond that."""

    def __post_init__(self) -> None:
        _one_of("server", self.server, tuple(QUOTA))
        _one_of("window", self.window, WINDOWS)
        _one_of("unknown symbol", self.unknown_symbol, UNKNOWN_SYMBOL)
        for name in ("rate", "ledger_rate", "per_minute"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise ConfigurationError(f"the emulator's {name} must be at least 1, not {limit}")
        for name in ("latency_ms", "jitter_ms"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ConfigurationError(f"the emulator's {name} must be A:B with 0 <= A <= B, not {low}:{high}")

    @property
    def quota(self) -> int:
        """Calls a second and app key that this server allows at its start."""
        return QUOTA[self.server] if self.rate is None else self.rate

    @property
    def ledger_quota(self) -> int:
        """Calls of ledger TRs a second and app key that this server allows at its start."""
        return self.quota if self.ledger_rate is None else self.ledger_rate


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(f"the emulator's {what} must be one of {', '.join(allowed)}, not {value!r}")


def parse_span(text: str) -> tuple[float, float]:
    """Return both ends of ``A:B`` (or of one number, meaning no spread), in milliseconds.

    Raises:
        ConfigurationError: It is not numbers in that form.
    """
    low, _, high = text.partition(":")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise ConfigurationError(f"expected A:B in milliseconds (for example 5:50), not {text!r}") from None


def read_keys(path: Path) -> dict[str, str]:
    """Return app key to app secret from a JSON object in a file.

    Raises:
        ConfigurationError: The file cannot be read or is no JSON object of text to text.
    """
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read app keys from {path}: {type(error).__name__}") from None
    if not isinstance(keys, dict) or not all(isinstance(secret, str) for secret in keys.values()):
        raise ConfigurationError(f"{path} must hold a JSON object of app key to app secret")
    return keys
