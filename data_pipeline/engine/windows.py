"""Which session a run is about, and how its work is cut into windows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.market.clock import market_ahead
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar

BY_TIMETABLE = ("scheduled", "backfill")
"""The types of run whose ``run_after`` comes from a timetable."""


MINUTES = 381
"""Minute bars that one session of an instrument has at most."""


@dataclass(frozen=True)
class Window:
    """What is asked for and loaded in one transaction; both ends of the range are included."""

    stock_codes: tuple[str, ...]
    """Empty for datasets that are not asked for by code."""
    first: date
    last: date

    @property
    def sessions(self) -> list[date]:
        """The sessions of the range, oldest first."""
        return krx_calendar().sessions(self.first, self.last)

    @property
    def cells(self) -> int:
        """Codes times calendar days, as a measure of work; without codes, the days."""
        return max(1, len(self.stock_codes)) * ((self.last - self.first).days + 1)

    def of(self, stock_codes: Sequence[str]) -> Window:
        """Return the same range for these codes only."""
        return replace(self, stock_codes=tuple(stock_codes))

    def __str__(self) -> str:
        days = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        if not self.stock_codes:
            return days
        more = f" and {len(self.stock_codes) - 1} more" if len(self.stock_codes) > 1 else ""
        return f"{days}, {self.stock_codes[0]}{more}"


@dataclass(frozen=True)
class Span:
    """What is asked for and loaded at once: each of these codes from ``first`` to ``last``, both included."""

    stock_codes: tuple[str, ...]
    first: date
    last: date
    requests: int
    """How many requests it takes at most."""


def as_codes(value: str | Sequence[str] | None) -> list[str]:
    """Return the codes of a list, or of text that separates them by commas or blanks, each once and in order.

    Raises:
        InvalidRequestError: An entry is not a stock code.
    """
    entries = re.split(r"[,\s]+", value) if isinstance(value, str) else value or []
    return list(dict.fromkeys(require_stock_code_argument(code) for code in entries if code != ""))


def require_stock_code_argument(code: str) -> str:
    """Return the code unchanged.

    Raises:
        InvalidRequestError: It is not a stock code.
    """
    from data_pipeline.market.records import (
        require_stock_code,  # making the records takes longer than reading a DAG file
    )

    try:
        return require_stock_code(code)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from None


def as_date(value: str | date, name: str) -> date:
    """Return the day of a parameter; ``name`` is what an error calls it.

    Raises:
        InvalidRequestError: It is not a date like 2026-09-21.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidRequestError(f"{name} must be a date like 2026-09-21, not {value!r}") from None


def run_moment(context: Mapping[str, Any]) -> datetime | None:
    """Return when the run came due, by the market's clock; None outside a DAG run.

    This is *the moment* of a run wherever one is mentioned, and it does not change when tasks are tried again or
    cleared. It is Airflow's ``run_after``. For a scheduled run, and for one of ``airflow backfill create``, that is the
    time that the timetable gives the session, even in the past. For a run made by hand it is the real time at which it
    was made, whichever session its logical date names; where the market's clock is fixed, what that clock said then.
    """
    run = context.get("dag_run")
    due: datetime | None = getattr(run, "run_after", None)
    if due is None or getattr(run, "run_type", None) in BY_TIMETABLE:
        return due
    return due + market_ahead(os.environ)


def run_session(context: Mapping[str, Any], *, final: bool = True) -> date:
    """Return the session that a run is about; it comes from the run, never from the clock.

    It is the parameter ``session`` if given, else the day in Seoul on which the data interval starts, else (for a run
    without a logical date) the last session that was final at the moment of the run.

    Args:
        context: Airflow's own.
        final: False for datasets that describe the present: a run without a logical date is then about the session
            whose figures a quote server showed at the moment of the run.

    Raises:
        InvalidRequestError: The parameter or the interval names a day that is not a session.
        ConfigurationError: Nothing of this is known outside a DAG run.
    """
    named = (context.get("params") or {}).get("session")
    start = context.get("data_interval_start")
    moment = run_moment(context)
    if named:
        session = as_date(named, "session")
    elif start is not None:
        session = start.astimezone(SEOUL).date()
    elif moment is not None:
        calendar = krx_calendar()
        return calendar.last_final_session(moment) if final else calendar.quoted_session(moment)
    else:
        raise ConfigurationError("without a DAG run, first and last must be given")
    if not krx_calendar().is_session(session):
        raise InvalidRequestError(f"{session} is not a session of the exchange; name a trading day in 'session'")
    return session


def chunks(stock_codes: Sequence[str], size: int) -> list[list[str]]:
    """Return the codes in order, in lists of ``size``; the last list may be shorter.

    Raises:
        InvalidRequestError: ``size`` is not positive.
    """
    if size < 1:
        raise InvalidRequestError(f"chunk_size must be 1 or more, not {size}")
    return [list(stock_codes[start : start + size]) for start in range(0, len(stock_codes), size)]


def windows(
    stock_codes: Sequence[str],
    sessions: Sequence[date],
    rows_per_session: int,
    most_rows: int,
    most_sessions: int | None = None,
) -> Iterator[Window]:
    """Yield windows of at most ``most_rows`` rows that together hold each code on each session exactly once.

    Args:
        stock_codes: Not empty.
        sessions: Not empty, oldest first.
        rows_per_session: Rows of one code on one session.
        most_rows: A window has more only when one code has more on one session.
        most_sessions: Sessions that a window holds at most; None for no limit.
    """
    cells = max(1, most_rows // rows_per_session)
    length = min(len(sessions), cells, most_sessions or cells)
    for start in range(0, len(sessions), length):
        part = sessions[start : start + length]
        for codes in chunks(stock_codes, max(1, cells // len(part))):
            yield Window(tuple(codes), part[0], part[-1])
