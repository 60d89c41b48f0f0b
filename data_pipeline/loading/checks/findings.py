"""What the checks find, and how strict they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from data_pipeline.exceptions import ConfigurationError


class Severity(Enum):
    """What happens to a row, or to a window."""

    WARNING = "the row is loaded and counted"
    ERROR = "the row goes to quarantine"
    FATAL = "the window is refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found."""

    check: str
    """Its name: code, day, duplicate, future, volume, value, limit, rate, market_cap, base, tick, stale, missing."""
    severity: Severity
    problem: str
    """What is wrong, in words that can follow the name of the row."""
    record: Any = None
    """The row; None for a finding about the whole window."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How strict the checks are; each is the environment variable ``CHECK_`` and its name in capitals."""

    error_share: float = 0.2
    """A window is refused when more than this share of its rows are wrong, 0 to 1 ..."""
    error_rows: int = 10
    """... and at least this many are."""
    missing_share: float = 0.2
    """A window is refused when more than this share of a session's expected bars did not come, 0 to 1 ..."""
    missing_rows: int = 20
    """... and at least this many did not."""
    stale_share: float = 0.5
    """A window is refused when more than this share of a session's traded bars repeat the session before, or have no
    prices of regular hours, 0 to 1 ..."""
    stale_rows: int = 20
    """... and at least this many do."""
    stale_volume: int = 1000
    """A bar that repeats the session before is an error from this many shares on, below that a warning; one that
    traded outside of regular hours alone is a warning from as many on."""
    future_seconds: float = 300.0
    """How far a time may be ahead of the market's clock, in seconds."""
    rate_points: float = 0.02
    """How far a change rate may be from the calculated one, in percentage points."""
    market_cap_share: float = 0.5
    """How far a market value may be from price times listed shares before it is an error, as a share of that."""
    base_ratio: float = 20.0
    """How many times lower than the close before, if that session had trades, a base price may be."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Thresholds:
        """Return the thresholds that the environment sets, with the defaults for the others.

        Raises:
            ConfigurationError: A value cannot be used; the message names the variable.
        """
        values: dict[str, Any] = {}
        for one in fields(cls):
            name = f"CHECK_{one.name.upper()}"
            if text := environ.get(name, "").strip():
                values[one.name] = _number(name, text, type(one.default))
        return cls(**values)


def _number(name: str, text: str, kind: type) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    share = name.endswith("_SHARE")
    if not 0 <= value < math.inf or (share and value > 1) or (name.endswith("_RATIO") and value < 1):
        meant = (
            "a share from 0 to 1"
            if share
            else "a number of at least 1"
            if name.endswith("_RATIO")
            else "a number, 0 or more"
        )
        if kind is int:
            meant = "a whole number, 0 or more"
        raise ConfigurationError(f"{name} must be {meant}, not {text!r}")
    return value  # type: ignore[no-any-return]
