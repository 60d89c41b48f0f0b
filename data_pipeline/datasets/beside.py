"""Which stored rows stand beside a window's own, for the datasets whose checks look at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

from data_pipeline.datasets.rows import as_rows
from data_pipeline.exceptions import CalendarRangeError
from data_pipeline.market.index_records import IndexBar
from data_pipeline.market.records import DailyBar

if TYPE_CHECKING:
    from data_pipeline.market.trading_calendar import TradingCalendar
    from data_pipeline.market.window import Cell

    CellsBeside = Callable[[Sequence[Any], TradingCalendar], set[Cell]]
    """Returns the cells of stored rows that records are checked against, beside the records themselves."""


@dataclass(frozen=True)
class Replaced:
    """Which stored rows an official row is held against before it replaces them."""

    wanted: Callable[[Sequence[Any]], Mapping[date, Mapping[str, int]]]
    """Returns by session and code the figure that a stored row must have to be of use."""
    query: str
    """Reads them: of one ``session``, by code and figure (``wanted``, JSON), below the rank of ``source``."""


@dataclass(frozen=True)
class Beside:
    """Which stored rows the rows of a window are checked against."""

    cells: CellsBeside
    """Those that would be of use; the ones that are stored are read."""
    query: str
    """Reads them, by codes or labels (``of``) and their sessions (``days``), which lie from ``first`` to ``last``."""
    record: type
    """What a row of the query makes."""
    replaced: Replaced | None = None
    """Which stored rows of sources that rank lower the exchange's own are held against too; None when none are."""


_BAR = ", ".join(f"b.{one.name}" for one in fields(DailyBar))
_DAILY = f"""
    SELECT {_BAR} FROM market.daily_bar b
    JOIN unnest(%(of)s::text[], %(days)s::date[]) AS wanted (code, day) ON (b.stock_code, b.session) = (code, day)
    WHERE b.session BETWEEN %(first)s AND %(last)s
"""  # noqa: S608 - names of our own
_INDICES = """
    SELECT b.family, b.name, b.session, b.open::float8, b.high::float8, b.low::float8, b.close::float8,
        b.change::float8, b.volume, b.trading_value, b.market_cap
    FROM market.index_bar b
    JOIN unnest(%(of)s::text[], %(days)s::date[]) AS wanted (label, day)
        ON b.family || ' ' || b.name = label AND b.session = day
    WHERE b.session BETWEEN %(first)s AND %(last)s
"""


# A bar of the session before closes at what the one that it replaces counts from; of others nothing need be read.
_REPLACED = f"""
    SELECT {_BAR} FROM market.daily_bar b JOIN json_each_text(%(wanted)s) v ON b.stock_code = v.key
    WHERE b.session = %(session)s AND b.close - b.change = v.value::bigint AND b.close <> v.value::bigint
        AND market.source_rank(b.source) < market.source_rank(%(source)s)
"""  # noqa: S608 - names of our own


def _closes(bars: Sequence[Any]) -> Mapping[date, Mapping[str, int]]:
    """Return the closes of the bars that differ from what they count from."""
    found: dict[date, dict[str, int]] = defaultdict(dict)
    for bar in bars:
        if bar.change:
            found[bar.session][bar.stock_code] = bar.close
    return found


def _neighbours(bars: Sequence[Any], calendar: TradingCalendar) -> set[Cell]:
    rows, own, start = as_rows(bars), dict[str, tuple[date, ...]](), 0
    sessions = rows.column("session")
    for code, of_code in groupby(rows.column("stock_code")):
        end = start + len([*of_code])
        own[code] = (*own.get(code, ()), *sessions[start:end])
        start = end
    both = (calendar.previous_session, calendar.next_session)
    around = {session: {*_found(session, *both)} for session in rows.known("session")}
    # Most codes of a window come on the same days.
    beside = {days: set[date]().union(*map(around.__getitem__, days)).difference(days) for days in {*own.values()}}
    return {(code, day) for code, days in own.items() for day in beside[days]}


def _of_minutes(bars: Sequence[Any], _: TradingCalendar) -> set[Cell]:
    return {(one.stock_code, one.at.date()) for one in bars}


def _own(rows: Sequence[Any], _: TradingCalendar) -> set[Cell]:
    return {(one.stock_code, one.session) for one in rows}


def _before(bars: Sequence[Any], calendar: TradingCalendar) -> set[Cell]:
    oldest = min((one.session for one in bars), default=None)
    days = [*_found(oldest, calendar.previous_session)] if oldest else []
    return {(one.label, day) for one in bars for day in days}


def _before_moments(found: Sequence[Any], calendar: TradingCalendar) -> set[Cell]:
    session = min((calendar.quoted_session(one.observed_at) for one in found), default=None)
    days = [*_found(session, calendar.previous_session)] if session else []
    return {(one.label, day) for one in found for day in days}


def _found(session: date, *neighbours: Callable[[date], date]) -> Iterator[date]:
    for find in neighbours:
        with suppress(CalendarRangeError):  # a session at an end of the calendar has no neighbour there
            yield find(session)


DAYS_BESIDE = Beside(_neighbours, _DAILY, DailyBar, Replaced(_closes, _REPLACED))
"""The daily bars of the sessions before and after those that a window brings, and the provisional ones of the same."""
DAYS_OF_MINUTES = Beside(_of_minutes, _DAILY, DailyBar)
"""The daily bars of the sessions of its minutes."""
DAYS_OF_ROWS = Beside(_own, _DAILY, DailyBar)
"""The daily bars of the same cells."""
INDICES_BEFORE = Beside(_before, _INDICES, IndexBar)
"""The bars of its indices on the session before the oldest."""
INDICES_BEFORE_MOMENTS = Beside(_before_moments, _INDICES, IndexBar)
"""The bars of its indices on the session before that of its moments."""
