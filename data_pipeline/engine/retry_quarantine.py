"""Second chances: rows in quarantine are checked again and loaded, or found to be settled by a newer load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.exceptions import DataPipelineError
from data_pipeline.loading.checks.findings import Thresholds
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.loading.checks.quarantine import record_of
from data_pipeline.loading.checks.screen import THE_END, read_context
from data_pipeline.loading.coverage.ledger import Ledger
from data_pipeline.loading.prices.price_adjustment import adjust_prices
from data_pipeline.loading.rows.ingest_run import finish_run, start_run
from data_pipeline.loading.rows.tables import TABLES, Table
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.clock import Clock
from data_pipeline.market.origin import origin_of
from data_pipeline.warehouse.errors import said_plainly

_COLUMNS = "rejected_id, dataset, stock_code, session, origin, payload, reason, source, times, loaded_at"
_SETTLE = "UPDATE market.rejected_row SET outcome = %s, settled_at = now(), tried_at = now() WHERE rejected_id = %s"
_UNTRIED = """
    SELECT rejected_id FROM market.rejected_row WHERE settled_at IS NULL AND tried_at IS NULL
        AND dataset IN ('daily_bar', 'minute_bar', 'price_snapshot')
    ORDER BY dataset <> 'daily_bar', rejected_id LIMIT %s
"""
_TRIED = "UPDATE market.rejected_row SET reason = %s, tried_at = now() WHERE rejected_id = %s"

Reread = Callable[["Held"], Any]


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
    """Return the numbers of at most so many bars and prices that were never tried again, daily bars first."""
    with said_plainly("rejected_row"), connection.cursor() as cursor:
        cursor.execute(_UNTRIED, (most,))
        return [number for (number,) in cursor.fetchall()]


def retry_rows(
    connection: Connection,
    reread: Reread | None = None,
    rejected_ids: Collection[int] | None = None,
    thresholds: Thresholds | None = None,
    *,
    clock: Clock,
) -> dict[str, int]:
    """Try the rows in quarantine again, each in a transaction of its own, and return how many ended how.

    A row whose cell was written since it was refused is ``superseded`` and not loaded over it. Any other is made into a
    record again, checked as in a load, and ``loaded`` when it passes (``unchanged`` and ``outranked`` as in a load);
    otherwise it stays, ``refused``, with its newest reason. Twice is safe.

    Args:
        connection: Of a user that may load, without a transaction open; it is committed after each row.
        reread: Makes a record of a vendor's own row (an ``origin`` other than ``record``); it raises
            :class:`~data_pipeline.exceptions.DataPipelineError` or ``ValueError`` when it cannot.
        rejected_ids: Only these rows; None tries all.
        thresholds: How strict; None reads the environment.
        clock: The market's clock, by which a row may lie in the future.
    """
    counts: Counter[str] = Counter(dict.fromkeys(("loaded", "unchanged", "outranked", "superseded", "refused"), 0))
    held = held_rows(connection, rejected_ids)
    connection.commit()
    for one in held:
        try:
            outcome = _retry(connection, one, reread, thresholds, clock())
        except (DataPipelineError, ValueError, KeyError, TypeError) as error:
            connection.rollback()
            _execute(connection, _TRIED, (str(error)[:2000], one.rejected_id))
            outcome = "refused"
        connection.commit()
        counts[outcome] += 1
    return dict(counts)


def _retry(
    connection: Connection, one: Held, reread: Reread | None, thresholds: Thresholds | None, now: datetime
) -> str:
    table = TABLES[one.dataset]
    if _is_superseded(connection, table, one):
        _execute(connection, _SETTLE, ("superseded", one.rejected_id))
        return "superseded"
    record = _record(table, one, reread)
    day = table.day_of(record)
    asked = Asked([one.stock_code] if one.stock_code else (), one.session, one.session)
    made_up = origin_of(one.source).made_up
    context = read_context(connection, [record], asked, THE_END if made_up else now, thresholds, made_up=made_up)
    wrong = judge([record], table, asked, context).errors
    if wrong:
        raise ValueError(f"{wrong[0].check}: {wrong[0].problem}")
    run_id = start_run(connection, table.name, one.source, run_key="quarantine", first=day, last=day)
    ledger = Ledger(table, (), [day], remember_empty=False)
    counts = upsert(connection, table, [*ledger.watch([record])], one.source, run_id)
    ledger.write(connection, one.source, run_id)
    if table.name == "daily_bar":
        adjust_prices(connection, run_id, day, day)
    finish_run(connection, run_id, counts)
    outcome = _outcome(counts)
    _execute(connection, _SETTLE, (outcome, one.rejected_id))
    return outcome


def _record(table: Table, one: Held, reread: Reread | None) -> Any:
    if one.origin == "record":
        return record_of(table.record, one.payload)
    if reread is None:
        raise ValueError(
            f"{one.reason.split(' [')[0]} [rows of {one.origin} cannot be read again: load its window again]"
        )
    return reread(one)


def _is_superseded(connection: Connection, table: Table, one: Held) -> bool:
    if one.stock_code is None or one.session is None or table.name != "daily_bar":
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM market.daily_bar WHERE stock_code = %s AND session = %s AND loaded_at > %s)",
            (one.stock_code, one.session, one.loaded_at),
        )
        return bool((cursor.fetchone() or (False,))[0])


def _outcome(counts: LoadCounts) -> str:
    if counts.outranked:
        return "outranked"
    return "unchanged" if counts.unchanged else "loaded"


def _execute(connection: Connection, statement: str, values: tuple[object, ...]) -> None:
    with said_plainly("rejected_row"), connection.cursor() as cursor:
        cursor.execute(statement, values)
