"""Loads on which days the market opens by the source, asked once a day at most, and compares that with the calendar."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from data_pipeline.datasets.dataset import Dataset
from data_pipeline.engine.expected import require_same_calendar
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import ConfigurationError, IncompleteDataError
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.loading.rows.ingest_run import finish_run, start_run
from data_pipeline.market.calendar_changes import CorrectionsFile
from data_pipeline.market.calendar_corrections import read_corrections
from data_pipeline.market.clock import market_now
from data_pipeline.market.records import MarketDay
from data_pipeline.market.state_folder import corrections_path
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Window
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.warehouse.calendar_table import holds_rows, keep_sessions
from data_pipeline.warehouse.errors import said_plainly
from data_pipeline.warehouse.lease import leased

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)

LEASE_S = 600.0
"""Seconds that asking takes at most, its turn in the queue and every try included."""
ASKED_TODAY = """
    SELECT EXISTS (
        SELECT FROM market.ingest_run
        WHERE dataset = 'trading_session' AND source = %s AND (requests > 0 OR requests IS NULL)
            AND market_day = (market.now() AT TIME ZONE 'Asia/Seoul')::date
    )
"""
ANSWERED = """
    SELECT day, is_open, loaded_at < now() - (
        market.now() - date_trunc('day', market.now() AT TIME ZONE 'Asia/Seoul') AT TIME ZONE 'Asia/Seoul')
    FROM market.trading_session WHERE source = %s AND day >= %s ORDER BY day
"""
FOLLOWED = "kis"
"""The source whose answers correct provisional years: KIS's real server, not its virtual one and no emulator."""


class _Answer(NamedTuple):
    """What the source said of one day, by the warehouse, and whether it had said so before today."""

    day: date
    is_open: bool
    said_before: bool


def check_calendar(
    connection: Connection, source: AbstractDataSource, dataset: Dataset, window: Window, run: Run
) -> dict[str, int]:
    """Load the source's list of open days and return the counts; raise when the calendar disagrees.

    KIS allows one such call a day. The warehouse remembers it: whoever asks holds a lease, and when a call was sent on
    the same day in Seoul, by any process on any host and whatever its result, the answer comes from the table. A task
    that is cleared after the calendar was mended therefore compares again without a call.

    A future day of a year that the exchange has not published yet is no disagreement. When KIS's real server says the
    same of it on two different days, that becomes a correction of the calendar
    (:mod:`data_pipeline.market.calendar_changes`), unless somebody took that correction back. The sessions in the
    warehouse follow the calendar.

    Raises:
        CalendarMismatchError: The source and the calendar disagree. What the source says is in the table. Either the
            calendar lacks the days that the message names, or the source is wrong.
        IncompleteDataError: Today's call was made already and brought nothing about these days; run it again tomorrow.
    """
    heard: set[date] = set()
    with leased(connection, f"{dataset.name} of {source.name}", LEASE_S):
        if _asked_today(connection, source.name):
            counts = _remembered(connection, source.name, window, run)
        else:
            counts = load_window(connection, source, _overheard(dataset, heard), window, run)
        answers = _answered(connection, source.name, window.first)
        waiting = _follow(connection, answers, heard, market_now()) if source.name == FOLLOWED else set()
        with connection:
            keep_sessions(connection)
        require_same_calendar(MarketDay(one.day, one.is_open) for one in answers if one.day not in waiting)
    return counts


def _overheard(dataset: Dataset, heard: set[date]) -> Dataset:
    """Return the dataset asked in a way that adds the days of each answer to ``heard``."""

    def ask(source: AbstractDataSource, window: Window) -> Iterator[Any]:
        for one in dataset.ask(source, window):
            heard.add(one.day)
            yield one

    return replace(dataset, ask=ask)


def _follow(connection: Connection, answers: list[_Answer], heard: set[date], now: datetime) -> set[date]:
    """Correct the calendar where the source said the same on two days; return the days that are still undecided."""
    ahead = _otherwise_ahead(connection, answers, now.date())
    path = corrections_path(os.environ)
    doubted = {one.day for one in ahead if one.day.isoformat() in read_corrections(path).disbelieved}
    certain = {one.day: one.is_open for one in ahead if one.said_before and one.day in heard and one.day not in doubted}
    waiting = {one.day for one in ahead} - certain.keys()
    for day in sorted(waiting):
        why = "a person took that back" if day in doubted else "the calendar follows when it says so on another day too"
        log.warning("%s says otherwise of %s, in a provisional year, than the trading calendar: %s", FOLLOWED, day, why)
    if certain:
        source = f"{FOLLOWED} chk-holiday, the same answer on two days, the second {now:%Y-%m-%d}"
        try:
            for day in CorrectionsFile(path, now, lambda _: None).follow(certain, source):
                log.warning("the calendar follows %s: %s is %s", FOLLOWED, day, "open" if certain[day] else "closed")
        except ConfigurationError:
            log.exception("the calendar cannot follow %s, so the days that differ are an alert", FOLLOWED)
    return waiting


def _otherwise_ahead(connection: Connection, answers: list[_Answer], today: date) -> list[_Answer]:
    """Return the answers that the calendar contradicts about future weekdays of provisional years without rows."""
    calendar = krx_calendar()
    with connection:
        return [
            one
            for one in answers
            if today < one.day <= calendar.last_day
            and one.day.year in calendar.provisional_years
            and one.day.weekday() < 5
            and calendar.is_session(one.day) != one.is_open
            and not holds_rows(connection, one.day)
        ]


def _asked_today(connection: Connection, source: str) -> bool:
    ((asked,),) = _execute(connection, ASKED_TODAY, source)
    return bool(asked)


def _answered(connection: Connection, source: str, first: date) -> list[_Answer]:
    return [_Answer(*row) for row in _execute(connection, ANSWERED, source, first)]


def _remembered(connection: Connection, source: str, window: Window, run: Run) -> dict[str, int]:
    days = _answered(connection, source, window.first)
    if not days:
        raise IncompleteDataError(
            f"{source} was asked for its open days today already and gave none from {window.first} on; "
            "it may be asked once a day, so run this again tomorrow"
        )
    log.info("%s was asked for its open days today already: its answer is in the warehouse", source)
    run_id = start_run(
        connection, "trading_session", source, run.dag_id, run.task_id, run.run_key, window.first, window.last,
        map_index=run.map_index,
    )  # fmt: skip
    finish_run(connection, run_id, LoadCounts(unchanged=len(days)), 0)
    connection.commit()
    return {
        "inserted": 0, "updated": 0, "unchanged": len(days), "outranked": 0, "missing": 0, "requests": 0, "windows": 1,
    }  # fmt: skip


def _execute(connection: Connection, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with said_plainly("trading_session"), connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
