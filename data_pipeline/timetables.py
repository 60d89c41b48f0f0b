"""When DAGs run: on KRX sessions only, by the trading calendar, with the session as the data interval."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime

from data_pipeline.exceptions import CalendarRangeError, ConfigurationError
from data_pipeline.market.clock import Clock, real_now
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar

log = logging.getLogger(__name__)

LATEST_CLOSE = time(16, 30)
"""The close of the regular market on an examination day."""


def _in_utc(moment: datetime) -> DateTime:
    return pendulum.instance(moment).in_timezone("UTC")


def _moment(day: date, at: time) -> DateTime:
    return _in_utc(datetime.combine(day, at, tzinfo=SEOUL))


def _seoul_day(moment: datetime) -> date:
    return moment.astimezone(SEOUL).date()


class KrxTimetable(Timetable):
    """What the timetables of KRX sessions share: they differ only in the runs that one session makes.

    Beyond the years of the trading calendar there is no next run: the scheduler keeps its other DAGs going, an error in
    its log names the missing year, and runs go on when the calendar has been renewed.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        # The scheduler lives in real time: what is due never depends on a market's clock that is fixed.
        self._clock = clock or real_now

    @abstractmethod
    def runs(self, session: date) -> list[DagRunInfo]:
        """Return the runs that one session makes, oldest first."""

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the run after the last one, within the restriction, or None when there is none (yet).

        Without catchup, runs that are overdue are left out but for the newest. ``earliest`` and ``latest`` each admit
        the run whose interval holds them, so that ``airflow backfill create --from-date 2026-09-21 --to-date
        2026-09-25`` (midnights of UTC) loads the sessions of both days.
        """
        try:
            return self._next(last_automated_data_interval, restriction)
        except CalendarRangeError:
            log.exception("No next run: the trading calendar ends")
        except ConfigurationError:
            log.exception("No next run: the trading calendar cannot be read")
        return None

    def _next(self, last: DataInterval | None, restriction: TimeRestriction) -> DagRunInfo | None:
        due = None if restriction.catchup else self._newest_due(self._clock())
        bounds = [last and last.start, restriction.earliest, due and due.logical_date]
        known = [bound for bound in bounds if bound]
        if not known:
            return None
        for info in self._runs_from(_seoul_day(max(known))):
            start, end = info.data_interval or DataInterval.exact(info.run_after)
            if restriction.latest and start > restriction.latest:
                return None
            early = restriction.earliest and start < restriction.earliest and end <= restriction.earliest
            done = last and start <= last.start
            overdue = due and due.logical_date and start < due.logical_date
            if not (early or done or overdue):
                return info
        return None

    def _runs_from(self, day: date) -> Iterator[DagRunInfo]:
        calendar = krx_calendar()
        session = day if calendar.is_session(day) else calendar.next_session(day)
        while True:
            yield from self.runs(session)
            session = calendar.next_session(session)

    def _newest_due(self, moment: datetime) -> DagRunInfo:
        calendar = krx_calendar()
        day = _seoul_day(moment)
        session = day if calendar.is_session(day) else calendar.previous_session(day)
        while True:
            with suppress(CalendarRangeError):  # runs on a day beyond the calendar are not due on one that it covers
                for info in reversed(self.runs(session)):
                    if info.run_after <= moment:
                        return info
            session = calendar.previous_session(session)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return the interval of the newest run that was due at ``run_after``.

        Raises:
            CalendarRangeError: The calendar does not cover that day; a calendar file for its year is needed.
        """
        return self._newest_due(run_after).data_interval or DataInterval.exact(run_after)


class KrxSessionTimetable(KrxTimetable):
    """One run a session, at its close or at a time of day in Seoul, on the session itself or some sessions later.

    The data interval is the session's calendar day in Seoul, midnight to midnight, whenever the run takes place; its
    start is the logical date. A manual run is about the newest session whose run was due; a logical date at midnight,
    of Seoul or of UTC, names the session of that date itself.

    Args:
        at: The time of day in Seoul. None: the close of the session on which the run takes place, special hours
            included.
        sessions_later: 0 on the session itself, 1 on the next one, and so on.
        clock: The present time; handed in by tests. None: the real one.
    """

    def __init__(self, at: time | None = None, sessions_later: int = 0, *, clock: Clock | None = None) -> None:
        super().__init__(clock=clock)
        self._at = at
        self._sessions_later = sessions_later
        self.description = f"KRX sessions, {self.summary}"

    @property
    def summary(self) -> str:
        """The schedule in a few words, for the list of DAGs."""
        later = f", {self._sessions_later} session(s) later" if self._sessions_later else ""
        return f"{self._at:%H:%M} KST{later}" if self._at else f"at the close{later}"

    def runs(self, session: date) -> list[DagRunInfo]:
        """Return the one run of this session."""
        day = session
        for _ in range(self._sessions_later):
            day = krx_calendar().next_session(day)
        interval = DataInterval(_moment(session, time.min), _moment(session + timedelta(days=1), time.min))
        due = _moment(day, self._at) if self._at else _in_utc(krx_calendar().close_at(day))
        # Airflow 3.2 has no defaults for the last two.
        return [DagRunInfo(run_after=due, data_interval=interval, partition_date=None, partition_key=None)]

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return the session that a manual run is about; see the class."""
        named = _seoul_day(run_after)
        midnights = (run_after.astimezone(SEOUL).time(), pendulum.instance(run_after).in_timezone("UTC").time())
        if time.min in midnights and krx_calendar().is_session(named):
            return self.runs(named)[0].data_interval or DataInterval.exact(run_after)
        return super().infer_manual_data_interval(run_after=run_after)

    def serialize(self) -> dict[str, Any]:
        """Return what :meth:`deserialize` needs; the clock is not kept."""
        return {"at": self._at and self._at.isoformat(), "sessions_later": self._sessions_later}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> KrxSessionTimetable:
        """Return the timetable that :meth:`serialize` described."""
        return cls(data["at"] and time.fromisoformat(data["at"]), data["sessions_later"])


class KrxIntradayTimetable(KrxTimetable):
    """A run every few minutes while the regular market is open, opening and closing time included.

    The data interval of a run is the instant it is due at, which is its logical date.

    Args:
        minutes: Minutes from one run to the next.
        also_at: One more run of each session, at this time of day in Seoul, after every close (16:30 at the latest).
        clock: The present time; handed in by tests. None: the real one.
    """

    def __init__(self, minutes: int, also_at: time | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(clock=clock)
        if minutes < 1:
            raise ValueError(f"minutes must be 1 or more, not {minutes}")
        if also_at is not None and also_at <= LATEST_CLOSE:
            raise ValueError(f"also_at must be after {LATEST_CLOSE:%H:%M}, not {also_at:%H:%M}")
        self._minutes = minutes
        self._also_at = also_at
        self.description = f"KRX sessions, {self.summary}"

    @property
    def summary(self) -> str:
        """The schedule in a few words, for the list of DAGs."""
        also = f", and {self._also_at:%H:%M} KST" if self._also_at else ""
        return f"every {self._minutes} min in session{also}"

    def runs(self, session: date) -> list[DagRunInfo]:
        """Return the runs from the session's opening to its close, then the one after it."""
        opening, close = krx_calendar().open_at(session), krx_calendar().close_at(session)
        count = (close - opening) // timedelta(minutes=self._minutes)
        moments = [opening + timedelta(minutes=self._minutes * step) for step in range(count + 1)]
        if self._also_at:
            moments.append(datetime.combine(session, self._also_at, tzinfo=SEOUL))
        return [DagRunInfo.exact(_in_utc(moment)) for moment in moments]

    def serialize(self) -> dict[str, Any]:
        """Return what :meth:`deserialize` needs; the clock is not kept."""
        return {"minutes": self._minutes, "also_at": self._also_at and self._also_at.isoformat()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> KrxIntradayTimetable:
        """Return the timetable that :meth:`serialize` described."""
        return cls(data["minutes"], data["also_at"] and time.fromisoformat(data["also_at"]))
