"""What the pages read from, handed in as one: the warehouse, the shared state, and the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data_pipeline.market.clock import Clock, market_now
from data_pipeline.market.trading_calendar import TradingCalendar, krx_calendar
from data_pipeline.pages.kept import Kept
from data_pipeline.pages.summary import Summary

if TYPE_CHECKING:
    from data_pipeline.morning.keys import Keys
    from data_pipeline.pages.readers import Readers


@dataclass(frozen=True)
class Room:
    """Where the figures of the pages come from."""

    readers: Readers
    """Connections to the warehouse that can only read."""
    keys: Callable[[], Keys | None]
    """How the keys stand; None when there is no key. It raises CoordinationError or ConfigurationError."""
    clock: Clock = market_now
    calendar: Callable[[], TradingCalendar] = krx_calendar
    summary: Summary = field(default_factory=Summary)
    kept: Kept = field(default_factory=Kept)
