"""Which sessions a morning looks at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from data_pipeline.exceptions import CalendarRangeError
from data_pipeline.market.clock import in_seoul
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.morning.facts import SESSIONS

if TYPE_CHECKING:
    from data_pipeline.loading.coverage.cells import Coverage

NEWEST_LACKING = 10
"""Sessions with gaps whose codes are named; `gaps` and the page of a cell name those of any other."""


def last_sessions(calendar: TradingCalendar, now: datetime, most: int = SESSIONS) -> tuple[date, ...]:
    """Return the newest final sessions, oldest first; fewer where the calendar begins later.

    Raises:
        CalendarRangeError: The calendar ends before this moment, or begins after it.
    """
    last = calendar.last_final_session(now)
    first = max(calendar.first_day, last - timedelta(days=2 * most + 14))
    return tuple(calendar.sessions(first, last)[-most:])


def session_under_way(calendar: TradingCalendar, now: datetime) -> date | None:
    """Return today when it is a session whose figures are not final; None otherwise."""
    today = in_seoul(now).date()
    try:
        return today if calendar.is_session(today) and calendar.final_at(today) > now else None
    except CalendarRangeError:
        return None


def newest_lacking(coverage: Iterable[Coverage]) -> tuple[date, ...]:
    """Return the newest sessions of which a cell is absent or doubtful, oldest first; at most ten."""
    return tuple(sorted({one.session for one in coverage if one.lacks})[-NEWEST_LACKING:])
