"""What the warehouse knows about which issues are listed when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from data_pipeline.market.trading_calendar import krx_calendar

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

LISTED = """
    SELECT DISTINCT stock_code FROM market.listing
    WHERE (listed_from IS NULL OR listed_from <= %(session)s) AND (delisted_on IS NULL OR delisted_on > %(session)s)
    ORDER BY stock_code
"""
LISTINGS = """
    SELECT stock_code, listed_from, last_seen FROM market.listing
    WHERE stock_code = ANY(%s) AND listed_from <= last_seen
"""


@dataclass(frozen=True)
class Listing:
    """From when to when an issue is known to be listed; both days included."""

    stock_code: str
    first: date
    last: date
    """The last session that a list of issues vouches for."""

    def holds(self, session: date) -> bool:
        """Return whether the issue was certainly listed on this session."""
        return self.first <= session <= self.last


def listed_codes(connection: Connection, session: date) -> list[str]:
    """Return the codes listed on a session, in order; empty when no list of issues has been loaded.

    A session before the first list that was loaded gets the issues of today that were listed by then; issues that left
    earlier are unknown.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(LISTED, {"session": session})
        return [code for (code,) in cursor.fetchall()]


def certain_listings(connection: Connection, stock_codes: Sequence[str]) -> list[Listing]:
    """Return when these issues were certainly listed; those whose first day is unknown are left out."""
    with connection, connection.cursor() as cursor:
        cursor.execute(LISTINGS, (list(stock_codes),))
        return [Listing(*row) for row in cursor.fetchall()]


def final_sessions(connection: Connection, sessions: Sequence[date], moment: datetime | None) -> list[date]:
    """Return the sessions that were final both at this moment and by the warehouse's own clock.

    Two clocks are asked because a fast one would take half a session for a whole one. The warehouse's is the server's,
    or the one that ``MARKET_CLOCK`` fixes where no real rows are stored.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.now()")
        (now,) = cursor.fetchone() or (moment,)
    latest = min(now, moment) if moment is not None else now
    calendar = krx_calendar()
    return [session for session in sessions if calendar.final_at(session) <= latest]
