"""What is known of an instrument (종목) while it is on the list, as far as checks of its rows need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

ROUNDED_TO = 1000
"""The brokers give listed shares in whole thousands, the exchange gives the exact number."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of an instrument during one stay on the list."""

    market: str
    security_group: str = "ST"
    listed_on: date | None = None
    """First day of the stay; None when nobody told of it."""
    delisted_on: date | None = None
    listed_shares: int | None = None
    liquidation: bool | None = False
    """Whether it is in liquidation trading (정리매매); None when no list tells."""

    def covers(self, session: date) -> bool:
        """Return whether the stay covers a session, as ``listed`` of ``loading.instruments.listing`` asks in SQL."""
        begun = self.listed_on is None or self.listed_on <= session
        return begun and (self.delisted_on is None or session < self.delisted_on)
