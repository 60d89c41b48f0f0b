"""The range of sessions that the options of a command name."""

from __future__ import annotations

import argparse
from datetime import date, datetime, timedelta

from data_pipeline.engine.windows import as_date
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.trading_calendar import krx_calendar

EMPTY = (
    "Nothing is expected from {first} to {last}: nothing was ever loaded for these days. `data-pipeline run` loads the "
    "last finished session, `data-pipeline backfill` any range of the past."
)
"""What is said of a warehouse that has nothing of a range, and needs nothing of it."""


def asked_range(options: argparse.Namespace, now: datetime, back: timedelta) -> tuple[date, date]:
    """Return the first and the last day of ``--first`` and ``--last``, both included.

    Args:
        options: Both may be None: then the last day is the last final session, and the first one ``back`` before it.
        now: The moment by the market's clock.
        back: How far the range reaches back when ``--first`` is not there.

    Raises:
        InvalidRequestError: A day is malformed or off the calendar, or the range is reversed or begins after the last
            final session.
    """
    calendar = krx_calendar()
    newest = calendar.last_final_session(now)
    last = as_date(options.last, "--last") if options.last else newest
    first = as_date(options.first, "--first") if options.first else max(last - back, calendar.first_day)
    for day, option in ((last, "--last"), (first, "--first")):
        if not calendar.first_day <= day <= calendar.last_day:
            raise InvalidRequestError(
                f"{option} {day} is not on the trading calendar, which runs from {calendar.first_day} to "
                f"{calendar.last_day}: what must exist on other days is not known"
            )
    if first > last and not options.last:
        raise InvalidRequestError(
            f"--first {first} is after the last final session, {newest}: of later days nothing is final yet"
        )
    if first > last:
        raise InvalidRequestError(f"the range is reversed: --first {first} is after --last {last}")
    return first, last
