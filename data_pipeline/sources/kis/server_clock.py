"""The server's clock, which decides what is past, quoted or still to come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from data_pipeline.market.trading_calendar import SEOUL


class ServerClock:
    """The server's clock, known from its last answer; the local clock before the first one. Safe among threads."""

    def __init__(self, local: Callable[[], datetime]) -> None:
        self._local = local
        self._ahead: timedelta | None = None

    @property
    def is_known(self) -> bool:
        """Whether an answer has set it."""
        return self._ahead is not None

    def hear(self, at: datetime) -> None:
        """Take the server's time from an answer that has just come."""
        self._ahead = at - self._local()

    def now(self) -> datetime:
        """Return the present time, in Seoul."""
        return (self._local() + (self._ahead or timedelta())).astimezone(SEOUL)
