"""The zone of the exchange."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")


def seoul_date(at: datetime) -> date:
    """Return the date in Seoul of an aware time."""
    return at.date() if at.tzinfo is SEOUL else at.astimezone(SEOUL).date()
