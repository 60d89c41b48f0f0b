"""When the Korea Exchange trades: its sessions, their hours, and when the figures of a day are final.

The facts are in ``xkrx_sessions.json`` beside this module, each range of years with where it was read; what an
installation knows better is in a file of corrections. Years that the exchange has not published are worked out by law
and provisional. Hours are the stock market's, in Seoul.
"""

from __future__ import annotations

import logging
import os
import time as clocks
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from data_pipeline.exceptions import CalendarRangeError, ConfigurationError
from data_pipeline.market import calendar_facts
from data_pipeline.market.calendar_corrections import corrected, read_corrections
from data_pipeline.market.clock import SEOUL as SEOUL  # noqa: PLC0414 - its documented address
from data_pipeline.market.once_a_day import OnceADay
from data_pipeline.market.state_folder import corrections_path

log = logging.getLogger(__name__)

DATA_FILE = Path(__file__).with_name("xkrx_sessions.json")

_REGULAR_OPEN = time(9)
_LATE_OPEN = time(10)
_QUOTES_TURN_AT = time(8)
_LATE_BY = timedelta(hours=1)

T = TypeVar("T")


class Hours(NamedTuple):
    """When a market is open on one day: two moments in Seoul."""

    opens: datetime
    closes: datetime


class TradingCalendar:
    """The sessions of one exchange over whole years, and their hours.

    A day outside the covered years raises :class:`CalendarRangeError`: an unknown year is never taken for one
    without holidays.
    """

    def __init__(self, facts: Mapping[str, Any], told: Callable[[int], None] | None = None) -> None:
        """Make the calendar from the parsed data file.

        Args:
            facts: The file.
            told: Is told the year whenever an answer is about a day of a provisional one; ranges are not told.

        Raises:
            ConfigurationError: A key is missing or malformed, a year is missing in between, or a closure falls on a
                weekend. The file has to be mended.
        """
        try:
            closures = calendar_facts.closures(facts["closures"])
            self.provisional_years = frozenset(int(year) for year in facts["provisional"])
            self._told = told
            self._late_days = frozenset(date.fromisoformat(day) for day in facts["late_days"])
            self._other_opens = dict(calendar_facts.times_by_day(facts["other_opens"]))
            self._regular_close = calendar_facts.times_by_day(facts["regular_close"])
            self._final_at = calendar_facts.times_by_day(facts["day_is_final_at"])
            self._after_market = calendar_facts.phases_by_day(
                {day: {"": hours} for day, hours in facts["after_market"].items()}
            )
            self._nxt = calendar_facts.phases_by_day(facts["nxt"])
            self.first_day, self.last_day = calendar_facts.covered_days(facts["closures"])
            if max(self._regular_close[0][0], self._final_at[0][0]) > self.first_day:
                raise ValueError(f"the hours of {self.first_day} are not given")  # noqa: TRY301 - as any other fault
            self._sessions = [
                day for day in calendar_facts.weekdays(self.first_day, self.last_day) if day not in closures
            ]
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise ConfigurationError(f"the trading calendar's facts are unusable: {error!r}") from error
        self._known = frozenset(self._sessions)

    def is_session(self, day: date) -> bool:
        """Return whether the stock market trades on this day."""
        return self._used(self._covered(day)) in self._known

    def sessions(self, first: date, last: date) -> list[date]:
        """Return the sessions from ``first`` to ``last``, both included, oldest first; empty when there is none."""
        start = bisect_left(self._sessions, self._covered(first))
        return self._sessions[start : bisect_right(self._sessions, self._covered(last))]

    def previous_session(self, day: date) -> date:
        """Return the newest session strictly before this day.

        Raises:
            CalendarRangeError: The day, or the session before it, is not covered.
        """
        position = bisect_left(self._sessions, self._covered(day))
        if position == 0:
            raise CalendarRangeError(f"no session before {day} is known: the calendar begins on {self.first_day}")
        return self._used(self._sessions[position - 1])

    def next_session(self, day: date) -> date:
        """Return the oldest session strictly after this day.

        Raises:
            CalendarRangeError: The day, or the session after it, is not covered.
        """
        position = bisect_right(self._sessions, self._covered(day))
        if position == len(self._sessions):
            raise CalendarRangeError(f"no session after {day} is known: the calendar ends on {self.last_day}")
        return self._used(self._sessions[position])

    def opens_again_on(self, day: date) -> date:
        """Return the day on which the market opens next after this one.

        That is the next session; after the calendar's last one, the first weekday after New Year's Day, for no other
        holiday comes before it. So the last session is over, and published, like any other.
        """
        if self._covered(day) < self._sessions[-1]:
            return self.next_session(day)
        return next(calendar_facts.weekdays(date(self.last_day.year + 1, 1, 2), date(self.last_day.year + 1, 1, 4)))

    def open_at(self, session: date) -> datetime:
        """Return when continuous trading begins: 09:00, or 10:00 on a year's first session and examination days.

        On 2001-09-12, after the attacks in the United States, it was 12:00.
        """
        return _seoul(self._require_session(session), self._open_time(session))

    def close_at(self, session: date) -> datetime:
        """Return when the closing auction ends: 15:30 (15:00 before 2016-08-01), an hour later on examination days."""
        closed = _seoul(self._require_session(session), _in_force(self._regular_close, session))
        return closed + _LATE_BY if session in self._late_days else closed

    def final_at(self, session: date) -> datetime:
        """Return when the day's volume stops growing: 20:00, the end of the after-market (18:00 before 2026-09-14)."""
        return _seoul(self._require_session(session), _in_force(self._final_at, session))

    def after_market(self, session: date) -> Hours | None:
        """Return the hours of the exchange's own after-market (애프터마켓): 16:00 to 20:00, None before 2026-09-14.

        Raises:
            CalendarRangeError: An examination day: the exchange has not said how its after-market moves with the close.
        """
        phases = _in_force(self._after_market, self._require_session(session))
        return self._ordinary_hours(session, phases).get("")

    def nxt_hours(self, session: date) -> dict[str, Hours]:
        """Return the hours of Nextrade (NXT, 넥스트레이드), the second market, by phase, ``pre_market`` first.

        Before 2025-03-04 it did not exist and the answer is empty. It trades only some of the exchange's instruments.

        Raises:
            CalendarRangeError: A day on which the exchange opens late: how NXT moves with it is not known.
        """
        return self._ordinary_hours(session, _in_force(self._nxt, self._require_session(session)), opening=True)

    def last_final_session(self, now: datetime) -> date:
        """Return the newest session whose figures were final at ``now``, an aware datetime."""
        here = _in_seoul(now)
        if self.is_session(here.date()) and self.final_at(here.date()) <= here:
            return here.date()
        return self.previous_session(here.date())

    def quoted_session(self, now: datetime) -> date:
        """Return the session that quotes belong to at ``now``: from 08:00 of a session day that day, before, the last.

        At night and on closed days a quote server goes on showing the last session.
        """
        here = _in_seoul(now)
        if self.is_session(here.date()) and here.time() >= _QUOTES_TURN_AT:
            return here.date()
        return self.previous_session(here.date())

    def _ordinary_hours(
        self, session: date, phases: Mapping[str, tuple[time, time]], *, opening: bool = False
    ) -> dict[str, Hours]:
        special = session in self._late_days or (opening and self._open_time(session) != _REGULAR_OPEN)
        if phases and special:
            raise CalendarRangeError(f"{session} has special hours, and those of the other markets on it are not known")
        return {name: Hours(_seoul(session, opens), _seoul(session, ends)) for name, (opens, ends) in phases.items()}

    def _open_time(self, session: date) -> time:
        if session in self._other_opens:
            return self._other_opens[session]
        opens_year = bisect_left(self._sessions, session) == bisect_left(self._sessions, date(session.year, 1, 1))
        return _LATE_OPEN if opens_year or session in self._late_days else _REGULAR_OPEN

    def _covered(self, day: date) -> date:
        if isinstance(day, datetime):
            raise TypeError(f"a date in Seoul is wanted, not a moment: {day}")
        if not self.first_day <= day <= self.last_day:
            raise CalendarRangeError(
                f"the trading calendar covers {self.first_day} to {self.last_day}, not {day}; upgrade the package, or "
                f"give it the closed days: `data-pipeline calendar year {day.year} FILE`"
            )
        return day

    def _used(self, day: date) -> date:
        if self._told is not None and day.year in self.provisional_years:
            self._told(day.year)
        return day

    def _require_session(self, session: date) -> date:
        if not self.is_session(session):
            raise CalendarRangeError(f"{session} is not a session of the exchange")
        return session


def krx_calendar() -> TradingCalendar:
    """Return the calendar of the Korea Exchange (XKRX) with this installation's corrections.

    It is read once a process, and again when the corrections have changed. Once a day and process, the log is warned
    that a provisional year is used.

    Raises:
        ConfigurationError: The data file is missing or unusable, or the corrections are; scheduling on without holidays
            is not an option.
    """
    try:
        path = corrections_path(os.environ)
    except ConfigurationError:
        return _calendar(None, None)  # without a home there is no place that could hold corrections
    return _calendar(path, _stamp(path))


@lru_cache(maxsize=2)
def _calendar(path: Path | None, stamp: tuple[int, int, int] | None) -> TradingCalendar:
    """Return the calendar of this state of the corrections; no stamp when there are none."""
    facts = calendar_facts.read_facts(DATA_FILE)
    if path is not None and stamp is not None:
        facts = corrected(facts, read_corrections(path))
    return TradingCalendar(facts, _warn_of)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - asked by every caller of the calendar; Path costs more than it
    except FileNotFoundError:
        return None
    except OSError:
        return (0, 0, 0)  # reading it will say what is wrong
    return found.st_mtime_ns, found.st_size, found.st_ino


_not_said_today = OnceADay(clocks.monotonic)


def _warn_of(year: int) -> None:
    if _not_said_today(year):
        log.warning(
            "the trading calendar of %d is provisional: worked out by law, without by-elections, temporary holidays "
            "and examination days. When the exchange has published the year (usually in December before it), upgrade "
            "the package or run `data-pipeline calendar year %d FILE`; for single days there are `data-pipeline "
            "calendar close`, `open` and `late`",
            year,
            year,
        )


def _in_force(changes: Sequence[tuple[date, T]], session: date) -> T:
    return [value for day, value in changes if day <= session][-1]


def _seoul(day: date, at: time) -> datetime:
    return datetime.combine(day, at, SEOUL)


def _in_seoul(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise ValueError(f"an aware datetime is wanted, not {now}")
    return now.astimezone(SEOUL)
