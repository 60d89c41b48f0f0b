"""Lists of issues of past sessions: which are still to be asked for, in which order, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.loading.instruments.lists import listed_sessions
from data_pipeline.market.origin import origin_of, shape_of
from data_pipeline.market.trading_calendar import krx_calendar

DATASET = "instrument"
SECONDS_A_CALL = 0.7
"""About how long a list of one market takes, for the estimate."""
_A_MONTH = 21


@dataclass(frozen=True)
class ListBackfill:
    """The lists that are to be asked for."""

    sessions: Sequence[date]
    """The last one of each month first, then the others, so that a rough picture is soon there."""
    first: date
    last: date
    calls: int
    """Requests at most for one list."""
    calls_a_day: int | None
    """What one key may send in a day; None without a limit."""

    def __str__(self) -> str:
        requests = self.calls * len(self.sessions)
        if not requests:
            return f"{len(self.sessions):,} lists, no requests"
        days = ceil(requests / self.calls_a_day) if self.calls_a_day else 1
        quota = f", {days:,} days of the key's {self.calls_a_day:,} calls" if self.calls_a_day and days > 1 else ""
        time = timedelta(seconds=round(requests * SECONDS_A_CALL))
        return f"{len(self.sessions):,} lists, {requests:,} requests, about {time}{quota}"


def plan_lists(
    connection: Connection, source: str, first: date, last: date | None, moment: datetime, *, refetch: bool = False
) -> ListBackfill:
    """Return the lists of a range that are not in the warehouse yet.

    Every session is asked for, because on nearly every one something changes (shares, names, listings): searching for
    the changes by halves would cost as many calls.

    Args:
        connection: Of any role.
        source: What the source's rows carry in ``source``.
        first: First session, included.
        last: Last session, included; None means the newest one that was published at ``moment``.
        moment: When it is asked; aware.
        refetch: Also what is there already.

    Raises:
        UnsupportedDatasetError: The source has no lists of the past (KIS only knows today's).
        InvalidRequestError: The range is reversed, holds no session, or reaches beyond what was published.
    """
    shape = shape_of(source, DATASET)
    newest = origin_of(source).last_published(moment)
    last = last or newest
    if first > last:
        raise InvalidRequestError(f"the range is reversed: first {first} is after last {last}")
    if last > newest:
        raise InvalidRequestError(f"last {last} is beyond {newest}, the newest session with a list at that time")
    sessions = krx_calendar().sessions(first, last)
    if not sessions:
        raise InvalidRequestError(f"no session of the exchange lies between {first} and {last}")
    held = set() if refetch else listed_sessions(connection, source, first, last)
    return ListBackfill(
        [session for session in _coarse_first(sessions) if session not in held],
        first,
        last,
        shape.list_calls,
        shape.calls_a_day,
    )


def _coarse_first(sessions: Sequence[date]) -> list[date]:
    rough = {*sessions[::_A_MONTH], sessions[-1]}
    return [*sorted(rough), *(session for session in sessions if session not in rough)]
