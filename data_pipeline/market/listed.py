"""What is known of an instrument (종목) while it is on the list, as far as checks of its rows need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

ROUNDED_TO = 1000
"""The brokers give listed shares in whole thousands, the exchange gives the exact number."""


class Phase(NamedTuple):
    """What holds for an instrument from a session on, until the next phase."""

    since: date
    market: str
    liquidation: bool | None
    left_board: str | None = None
    """The board that it left on this session (이전상장); None when it left none."""


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
    last_seen: date | None = None
    """The newest session whose list has it; None when nobody told of it."""
    left_board: str | None = None
    """The board that it left on the very session asked about; None when it left none."""
    phases: Sequence[Phase] = ()
    """Oldest first, of an instrument whose board or liquidation changed; without them the figures above always hold."""

    def on(self, session: date) -> Listed:
        """Return what holds on one session; before the first phase its board, and nobody knows about liquidation."""
        if not self.phases:
            return self
        first = Phase(session, self.phases[0].market, None)
        phase = next((one for one in reversed(self.phases) if one.since <= session), first)
        left = phase.left_board if phase.since == session else None
        return replace(self, market=phase.market, liquidation=phase.liquidation, left_board=left)

    def covers(self, session: date) -> bool:
        """Return whether the stay covers a session, as ``listed`` of ``loading.instruments.listing`` asks in SQL."""
        begun = self.listed_on is None or self.listed_on <= session
        return begun and (self.delisted_on is None or session < self.delisted_on)
