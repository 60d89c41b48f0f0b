"""Second chances: each row in quarantine is read once more and loaded, or found to be settled by a newer load."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from data_pipeline.datasets import DATASETS, Due
from data_pipeline.datasets.table import Table
from data_pipeline.engine.one_window import Fetched, Run, WindowLoad
from data_pipeline.engine.warehouse import Warehouse, warehouse_on
from data_pipeline.exceptions import DataPipelineError, TransientError
from data_pipeline.loading.checks.quarantine import record_of
from data_pipeline.market.clock import Clock, market_now
from data_pipeline.market.rejections import Rejections
from data_pipeline.market.window import Window
from data_pipeline.sources.reread import reread
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)
UNTRIED_AT_ONCE = 2000
"""Rows that are tried in one evening without being asked for."""

_COLUMNS = (
    "rejected_id, dataset, stock_code, session, origin, payload, reason, source, times, loaded_at, NOT EXISTS ("
    "SELECT FROM market.ingest_run r WHERE r.run_id = rejected_row.run_id AND session NOT BETWEEN r.first AND r.last)"
)
_SETTLE = "UPDATE market.rejected_row SET outcome = %s, settled_at = now(), tried_at = now() WHERE rejected_id = %s"
_UNTRIED = """
    SELECT rejected_id FROM market.rejected_row WHERE settled_at IS NULL AND tried_at IS NULL
        AND dataset = ANY (%s)
    ORDER BY array_position(%s, dataset), rejected_id LIMIT %s
"""
_TRIED = "UPDATE market.rejected_row SET reason = %s, tried_at = now() WHERE rejected_id = %s"
_SUPERSEDED = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE stock_code = %s AND session = %s AND loaded_at > %s)")


@dataclass(frozen=True, slots=True)
class Held:
    """One row in quarantine that is not settled."""

    rejected_id: int
    dataset: str
    stock_code: str | None
    session: date | None
    origin: str
    payload: Mapping[str, Any]
    reason: str
    source: str
    times: int
    loaded_at: datetime
    was_asked_for: bool = True
    """Whether the run that refused it had asked for its session."""


def held_rows(connection: Connection, rejected_ids: Collection[int] | None = None) -> list[Held]:
    """Return the rows in quarantine that are not settled, oldest first; only these numbers when they are given."""
    query = sql.SQL(
        "SELECT {} FROM market.rejected_row WHERE settled_at IS NULL AND (%(ids)s::bigint[] IS NULL"
        " OR rejected_id = ANY(%(ids)s)) ORDER BY rejected_id"
    ).format(sql.SQL(_COLUMNS))
    with said_plainly("rejected_row"), connection.cursor() as cursor:
        cursor.execute(query, {"ids": None if rejected_ids is None else list(rejected_ids)})
        return [Held(*row) for row in cursor.fetchall()]


def untried_rows(connection: Connection, most: int) -> list[int]:
    """Return the numbers of at most so many rows that were never tried again, in the order of the datasets."""
    with said_plainly("rejected_row"), connection.cursor() as cursor:
        retried = [one.name for one in DATASETS.values() if one.second_chance]
        cursor.execute(_UNTRIED, (retried, retried, most))
        return [number for (number,) in cursor.fetchall()]


def retry_untried(target: Connection | Warehouse, *, clock: Clock = market_now) -> dict[str, int]:
    """Give rows in quarantine the one chance that nobody has to ask for, and return how many ended how.

    What was wrong may have been mended since: a check, or a list of instruments that came later. At most 2,000 rows are
    tried and the others the next time; rows that are refused again wait for `data-pipeline quarantine retry`.

    Args:
        target: Of a user that may load, without a transaction open; it is committed after each row.
        clock: The market's clock, by which a row may lie in the future.
    """
    with warehouse_on(target) as warehouse:
        numbers = warehouse.do(untried_rows, UNTRIED_AT_ONCE)
        warehouse.commit()
        counts = retry_rows(warehouse, numbers, clock=clock) if numbers else {}
    if counts:
        log.info("%d rows in quarantine were tried again: %s", len(numbers), counts)
    return counts


def retry_rows(
    target: Connection | Warehouse, rejected_ids: Collection[int] | None = None, *, clock: Clock = market_now
) -> dict[str, int]:
    """Try rows in quarantine again, each in a transaction of its own, and return how many ended how.

    A row whose cell was written after it was refused is ``superseded`` and not loaded over it. Any other is made into a
    record again, by the parsers of today when it is a vendor's own row, and loaded as a window of one row: it ends as
    ``loaded``, ``unchanged`` or ``outranked``. A row that is refused again stays in quarantine with its newest reason
    (``refused``) and leaves no run behind, and so does a row of a session that nobody had asked for. Trying twice is
    safe.

    Args:
        target: Of a user that may load, without a transaction open; it is committed after each row.
        rejected_ids: Only these rows; None tries all.
        clock: The market's clock, by which a row may lie in the future.

    Raises:
        TransientError: The warehouse is away or busy; trying again can help, and rows that are settled stay so.
    """
    counts: Counter[str] = Counter(dict.fromkeys(("loaded", "unchanged", "outranked", "superseded", "refused"), 0))
    with warehouse_on(target) as warehouse:
        held = warehouse.do(held_rows, rejected_ids)
        warehouse.commit()
        for one in held:
            counts[_retry(warehouse, one, clock)] += 1
    return dict(counts)


def _retry(warehouse: Warehouse, one: Held, clock: Clock) -> str:
    """Try one row, commit, and return how it ended."""
    try:
        if not one.was_asked_for or DATASETS[one.dataset].due is Due.STREAMED:
            # An answer about something else proves nothing, however right its rows look; nor does a row of a stream,
            # which its own counters contradict.
            warehouse.do(_execute, _TRIED, one.reason, one.rejected_id)
            warehouse.commit()
            return "refused"
        if warehouse.do(_is_superseded, one):
            warehouse.do(_execute, _SETTLE, "superseded", one.rejected_id)
            warehouse.commit()
            return "superseded"
        return _load(warehouse, one, clock)
    except TransientError:
        raise  # it says nothing about the row
    except (DataPipelineError, ValueError, KeyError, TypeError) as error:
        warehouse.rollback()
        warehouse.do(_execute, _TRIED, str(error)[:2000], one.rejected_id)
        warehouse.commit()
        return "refused"


def _load(warehouse: Warehouse, one: Held, clock: Clock) -> str:
    dataset = DATASETS[one.dataset]
    record = _record(dataset.table, one)
    day = one.session or dataset.table.day_of(record)
    window = Window((one.stock_code or record.stock_code,) if dataset.by_code else (), day, day)
    run = Run(run_key="quarantine", moment=clock())
    load = WindowLoad(warehouse, dataset, one.source, window, run, clock=clock)
    load.start()  # in the transaction of the row, because no source is asked: a row refused again is no failed run
    load.take(Fetched([record], {}, Rejections()))
    try:
        counts = load.store()
    except DataPipelineError:
        if load.held.rows:
            raise ValueError(load.held.rows[0].reason) from None
        raise
    outcome = next((name for name in ("outranked", "unchanged") if counts[name]), "loaded")
    warehouse.do(_execute, _SETTLE, outcome, one.rejected_id)
    warehouse.commit_run(load.run_id)
    return outcome


def _record(table: Table, one: Held) -> Any:
    if one.origin == "record":
        return record_of(table.record, one.payload)
    return reread(one.dataset, one.origin, one.payload, one.stock_code, one.session)


def _is_superseded(connection: Connection, one: Held) -> bool:
    if one.stock_code is None or one.session is None or DATASETS[one.dataset].due is not Due.EACH_SESSION:
        return False
    with said_plainly(one.dataset), connection.cursor() as cursor:
        cursor.execute(
            _SUPERSEDED.format(sql.Identifier("market", one.dataset)), (one.stock_code, one.session, one.loaded_at)
        )
        return bool((cursor.fetchone() or (False,))[0])


def _execute(connection: Connection, statement: str, *values: object) -> None:
    with said_plainly("rejected_row"), connection.cursor() as cursor:
        cursor.execute(statement, values)
