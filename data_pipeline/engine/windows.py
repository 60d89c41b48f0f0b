"""Which session a run is about, and how its work is cut into windows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from data_pipeline.datasets.dataset import Size
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.market.clock import Clock, market_ahead
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.window import Window, chunks

if TYPE_CHECKING:
    from data_pipeline.datasets.dataset import Dataset
    from data_pipeline.sources.base import AbstractDataSource

BY_TIMETABLE = ("scheduled", "backfill")
"""The types of run whose ``run_after`` comes from a timetable."""
WINDOW_ROWS = 50_000
"""Rows that may have been asked for and not be stored yet; one transaction holds half of them at most."""


def as_codes(value: str | Sequence[str] | None) -> list[str]:
    """Return the codes of a list, or of text that separates them by commas or blanks, each once and in order.

    Raises:
        InvalidRequestError: An entry is not a stock code, or there is something and no code in it.
    """
    entries = re.split(r"[,\s]+", value) if isinstance(value, str) else value or []
    codes = list(dict.fromkeys(require_stock_code_argument(code) for code in entries if code != ""))
    if isinstance(value, str) and value.strip() and not codes:
        raise InvalidRequestError(f"{value!r} names no stock code; leave it out for every instrument")
    return codes


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


def lateness(context: Mapping[str, Any], clock: Clock) -> timedelta | None:
    """Return how long ago a run of a timetable came due, by the clock that the scheduler lives by; None for others."""
    run = context.get("dag_run")
    due: datetime | None = getattr(run, "run_after", None)
    return clock() - due if due is not None and getattr(run, "run_type", None) in BY_TIMETABLE else None


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


def windows_of(dataset: Dataset, codes: Sequence[str], first: date, last: date, most_rows: int) -> Iterator[Window]:
    """Yield the windows of a dataset that together make up a range; both ends are included.

    Raises:
        InvalidRequestError: Codes are missing or not wanted, or the range is reversed or holds no session.
    """
    if dataset.by_code != bool(codes):
        wanted = "needs stock_codes" if dataset.by_code else "takes no stock_codes"
        raise InvalidRequestError(f"the dataset {dataset.name} {wanted}")
    sessions = krx_calendar().sessions(first, last)
    if not sessions:
        raise InvalidRequestError(f"no session of the exchange lies between {first} and {last}")
    if isinstance(dataset.size, Size):
        return windows(codes, sessions, dataset.size.rows, most_rows, dataset.size.most_sessions)
    if dataset.size:
        length = max(1, most_rows // dataset.size.rows)
        parts = (sessions[start : start + length] for start in range(0, len(sessions), length))
        return (Window((), part[0], part[-1]) for part in parts)
    return iter([Window(tuple(codes), first, last)])


def windows_of_run(
    dataset: Dataset,
    context: Mapping[str, Any],
    stock_codes: str | Sequence[str] | None,
    first: str | date | None,
    last: str | date | None,
    most_rows: int,
    *,
    running_session: bool = False,
) -> list[Window]:
    """Return the windows of one task.

    Args:
        dataset: What is loaded.
        context: Airflow's own.
        stock_codes: As for :func:`as_codes`.
        first: The first day, included; empty means the session of the run.
        last: The last day, included; empty means the same as ``first``.
        most_rows: Rows that one window may hold.
        running_session: Whether a session that is not final yet may be loaded.

    Raises:
        InvalidRequestError: An argument is wrong, or the figures of a session are not final.
    """
    final = dataset.has_cells and not running_session
    begin = as_date(first, "first") if first else run_session(context, final=final)
    end = as_date(last, "last") if last else begin
    found = list(windows_of(dataset, as_codes(stock_codes), begin, end, most_rows))
    moment = run_moment(context)
    if final and moment is not None:
        newest = krx_calendar().last_final_session(moment)
        if found[-1].sessions[-1] > newest:
            raise InvalidRequestError(
                f"{dataset.name} up to {end}: the figures are final only up to {newest} at the time of the run"
            )
    return found


def units(dataset: Dataset, source: AbstractDataSource, window: Window) -> list[Window]:
    """Return the parts of a window that are fetched side by side, each of as many codes as one request holds."""
    size = source.unit_size(dataset.name, window.first, window.last) if window.stock_codes else None
    return [window] if size is None else [window.of(codes) for codes in chunks(window.stock_codes, size)]


def most_rows_of(dataset: Dataset, source: AbstractDataSource, window: Window) -> int:
    """Return how many rows a window has at most; an answer counts as a full page, however little of it is wanted."""
    page = dataset.size.page(source.shape) if isinstance(dataset.size, Size) else 1
    rows = (dataset.size.rows if dataset.size else 0) * len(window.sessions) or 1
    return sum(max(page, max(1, len(unit.stock_codes)) * rows) for unit in units(dataset, source, window))
