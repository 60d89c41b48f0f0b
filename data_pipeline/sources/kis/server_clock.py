"""The server's clock, which decides what is past, quoted or still to come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.trading_calendar import TradingCalendar


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


def require_final(calendar: TradingCalendar, last: date, at: datetime) -> None:
    """Return when no session up to ``last`` still runs at a moment of the server's clock.

    Raises:
        InvalidRequestError: One does.
    """
    final = calendar.last_final_session(at)
    if last > final and calendar.sessions(final + timedelta(days=1), last):
        raise InvalidRequestError(f"sessions after {final} are not final at {at:%Y-%m-%d %H:%M}, {last} is wanted")
