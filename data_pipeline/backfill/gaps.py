"""Which cells of a backfill are not there: the one question that a plan, a load task and a report ask the warehouse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.backfill.division import as_ranges, clipped, merged
from data_pipeline.backfill.wish import Backfill, first_reachable
from data_pipeline.datasets.dataset import MarketSize
from data_pipeline.loading.coverage.cells import all_cells, incomplete_sessions, missing_cells, unstored_cells
from data_pipeline.loading.instruments.lists import listed_sessions
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Gap, chunks
from data_pipeline.warehouse.calendar_table import unanswered_sessions

BATCH = 200
"""Instruments that one statement looks at, which bounds what Postgres sorts."""

Reader = Callable[[Connection, str, "Sequence[str] | None", date, date], "dict[str, list[Gap]]"]
_READERS: dict[str, Reader] = {"all": all_cells, "unstored": unstored_cells, "missing": missing_cells}


def lacking(connection: Connection, backfill: Backfill) -> dict[str, list[Gap]]:
    """Return the cells that a backfill asks for and that are not there: by code, oldest first.

    A dataset that is not asked for by code has its sessions under the empty code; of it nothing is known to be empty,
    so that ``missing`` is the same as ``unstored``.
    """
    if not backfill.by_code:
        found = _market_gaps(connection, backfill)
    else:
        found = {}
        batches: list[list[str] | None] = [*chunks(backfill.stock_codes, BATCH)] or [None]
        for codes in batches:
            found |= _READERS[backfill.cells](connection, backfill.dataset, codes, backfill.first, backfill.last)
    return clipped(found, backfill.ranges, all_sessions()) if backfill.ranges else found


def still_lacking(connection: Connection, tasks: Iterable[Backfill]) -> dict[str, list[Gap]]:
    """Return what is still not there of tasks that share no cell; what was asked for again is there when it is stored.

    It is by code in order, and oldest first.
    """
    kept = (replace(one, cells="unstored") if one.cells == "all" else one for one in tasks)
    return merged((lacking(connection, one) for one in kept), all_sessions())


def within_reach(
    gaps: Mapping[str, Sequence[Gap]], backfill: Backfill, moment: datetime
) -> Mapping[str, Sequence[Gap]]:
    """Return the part of the gaps that the source still has; coverage goes on counting the others as missing."""
    newest = krx_calendar().last_final_session(moment)
    reach = first_reachable(backfill.dataset, backfill.shape, newest)
    return gaps if reach <= backfill.first else clipped(gaps, [(reach, backfill.last)], all_sessions())


def all_sessions() -> list[date]:
    """Return every session of the calendar, oldest first."""
    calendar = krx_calendar()
    return calendar.sessions(calendar.first_day, calendar.last_day)


def _market_gaps(connection: Connection, backfill: Backfill) -> dict[str, list[Gap]]:
    source, first, last = backfill.source, backfill.first, backfill.last
    days = krx_calendar().sessions(first, last)
    if backfill.cells != "all" and isinstance(backfill.declared.size, MarketSize):
        days = incomplete_sessions(connection, backfill.dataset, first, last, only_expected=backfill.cells == "missing")
    elif backfill.cells != "all" and backfill.of_lists:
        held = listed_sessions(connection, source, first, last)
        days = [day for day in days if day not in held]
    elif backfill.cells != "all":
        days = unanswered_sessions(connection, source, first, last)
    return {"": as_ranges(days, all_sessions())} if days else {}
