"""When the figures of a session are there, by the source that is asked for them."""

from __future__ import annotations

from datetime import date, datetime

from data_pipeline.market.origin import Origin
from data_pipeline.market.trading_calendar import SEOUL, TradingCalendar, krx_calendar


def published_at(origin: Origin, session: date, calendar: TradingCalendar | None = None) -> datetime:
    """Return the moment from which a source has the figures of a session."""
    calendar = calendar or krx_calendar()
    if origin.published_from is None:
        return calendar.final_at(session)
    return datetime.combine(calendar.opens_again_on(session), origin.published_from, SEOUL)


def last_published(origin: Origin, moment: datetime, calendar: TradingCalendar | None = None) -> date:
    """Return the newest session whose figures a source must have at a moment."""
    calendar = calendar or krx_calendar()
    session = calendar.last_final_session(moment)
    while moment < published_at(origin, session, calendar):
        session = calendar.previous_session(session)
    return session
