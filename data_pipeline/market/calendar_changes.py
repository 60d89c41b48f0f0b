"""Enters corrections of the trading calendar into their file, and takes them back; what cannot be right is refused."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.market.calendar_corrections import (
    ANSWER,
    CLOSED,
    OPEN,
    Correction,
    Corrections,
    Facts,
    corrected,
    read_corrections,
)
from data_pipeline.market.calendar_facts import read_facts
from data_pipeline.market.calendar_file import check_facts, entered
from data_pipeline.market.trading_calendar import DATA_FILE, TradingCalendar

VERSION = 1
MOST_FOLLOWED = 3
"""Days of one answer that are followed at most: more at once looks like a broken answer, and a person has to look."""

Change = Callable[[Facts, Corrections], Corrections]


class CorrectionsFile:
    """The corrections of one installation.

    Args:
        path: See :func:`~data_pipeline.market.state_folder.corrections_path`; made at the first change.
        now: The moment that is noted beside what is entered; aware.
        may_close: Is handed the sessions that a change would close, before it is written, and raises when one may not.
        shipped: The calendar's file that is corrected.
    """

    def __init__(
        self, path: Path, now: datetime, may_close: Callable[[Sequence[date]], None], shipped: Path = DATA_FILE
    ) -> None:
        self.path = path
        self._now = now
        self._may_close = may_close
        self._shipped = shipped

    def facts(self) -> Facts:
        """Return the calendar's facts as corrected."""
        return corrected(read_facts(self._shipped), read_corrections(self.path))

    def enter(self, one: Correction) -> None:
        """Add a correction.

        Raises:
            InvalidRequestError: It says nothing new, or not where it was read; see :func:`entered`.
            ConfigurationError: The calendar cannot be right with it, or the file cannot be used or written to.
        """

        def change(facts: Facts, known: Corrections) -> Corrections:
            entered(facts, one)
            return known._replace(entries=(*known.entries, one))

        self._change(change)

    def undo(self, about: str) -> Correction:
        """Take back the newest correction about a day or a year, and return it.

        What an answer corrected is not corrected by an answer again.

        Raises:
            InvalidRequestError: There is none.
            ConfigurationError: The calendar cannot be right without it, or the file cannot be used or written to.
        """
        taken: list[Correction] = []

        def change(_: Facts, known: Corrections) -> Corrections:
            found = [place for place, one in enumerate(known.entries) if one.about == about]
            if not found:
                here = ", ".join(dict.fromkeys(one.about for one in known.entries)) or "none"
                raise InvalidRequestError(f"there is no correction about {about}; those entered are about: {here}")
            one = known.entries[found[-1]]
            taken.append(one)
            rest = known.entries[: found[-1]] + known.entries[found[-1] + 1 :]
            doubted = {*known.disbelieved, about} if one.entered_by == ANSWER else known.disbelieved
            return Corrections(rest, tuple(sorted(doubted)))

        self._change(change)
        return taken[0]

    def follow(self, answers: Mapping[date, bool], source: str) -> list[date]:
        """Enter what a source said about days of provisional years, and return the days that were corrected.

        Left alone are days of published years, those of which a correction was taken back, and weekends.

        Args:
            answers: Whether the market opens, by day; the caller has made sure of them.
            source: What is noted as their origin.

        Raises:
            ConfigurationError: As for :meth:`enter`; or the answer is otherwise on more than three days.
        """
        followed: list[date] = []

        def change(facts: Facts, known: Corrections) -> Corrections:
            calendar = TradingCalendar(facts)
            wrong = [
                day
                for day, is_open in sorted(answers.items())
                if day.year in calendar.provisional_years
                and day.weekday() < 5
                and day.isoformat() not in known.disbelieved
                and calendar.is_session(day) != is_open
            ]
            if len(wrong) > MOST_FOLLOWED:
                raise ConfigurationError(
                    f"{source} is otherwise on {len(wrong)} days, which is more than an answer may correct at once"
                )
            followed[:] = wrong
            new = [self._answered(day, source, is_open=answers[day]) for day in wrong]
            return known._replace(entries=(*known.entries, *new))

        self._change(change)
        return followed

    def _answered(self, day: date, source: str, *, is_open: bool) -> Correction:
        kind, name = (OPEN, "") if is_open else (CLOSED, "Closed by a source's answer")
        return Correction(day.isoformat(), kind, source, ANSWER, self._now.isoformat(timespec="seconds"), name)

    def _change(self, change: Change) -> None:
        """Write what ``change`` makes of the corrections, alone among all processes and only if it can be right."""
        with _alone(self.path):
            known = read_corrections(self.path)
            shipped = read_facts(self._shipped)
            before = corrected(shipped, known)
            after = change(before, known)
            if after != known:
                calendar = check_facts(corrected(shipped, after))
                closes = {*_all_sessions(TradingCalendar(before))} - {*_all_sessions(calendar)}
                if closes:
                    self._may_close(sorted(closes))
                _write(self.path, after)


def _all_sessions(calendar: TradingCalendar) -> list[date]:
    return calendar.sessions(calendar.first_day, calendar.last_day)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock beside the file; the folder is made like that of the shared state, for its owner alone."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(path: Path, corrections: Corrections) -> None:
    entries: Sequence[dict[str, object]] = [one._asdict() for one in corrections.entries]
    content = {"version": VERSION, "corrections": entries, "disbelieved": list(corrections.disbelieved)}
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as draft:
            draft.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
            draft.flush()
            os.fsync(draft.fileno())
        Path(draft.name).chmod(0o644)
        os.replace(draft.name, path)  # noqa: PTH105 - the same as Path.replace, and said as one step
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"the corrections of the trading calendar cannot be written to {path}: {error.strerror or error}. "
        "Name another file with CALENDAR_CORRECTIONS, for every process alike"
    )
