"""Checks a window before it is loaded: reads what is known, judges the rows, and puts refused ones in quarantine."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.datasets.beside import Beside
from data_pipeline.datasets.dataset import Dataset, Due
from data_pipeline.datasets.findings import Context, Thresholds
from data_pipeline.datasets.rows import as_rows
from data_pipeline.datasets.table import Table
from data_pipeline.exceptions import PayloadError, PermanentError, WindowRefusedError
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.loading.checks.quarantine import as_rejection, keep_rejections
from data_pipeline.loading.instruments.listing import stays_of
from data_pipeline.market.origin import origin_of
from data_pipeline.market.rejections import Rejection, Rejections
from data_pipeline.market.trading_calendar import SEOUL, TradingCalendar, krx_calendar
from data_pipeline.settings import value
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell

log = logging.getLogger(__name__)

THE_END = datetime(9999, 1, 1, tzinfo=SEOUL)


def read_thresholds(environ: Mapping[str, str]) -> Thresholds:
    """Return the thresholds that the environment sets, with the defaults for the others.

    Raises:
        ConfigurationError: A value cannot be used; the message names the variable.
    """
    return Thresholds(**{one.name: value(environ, f"CHECK_{one.name.upper()}") for one in fields(Thresholds)})


# A bar that joins the one before it is proved by that, and one of a source that ranks higher is not doubted.
_DOUBT = """
    INSERT INTO market.proof AS p (dataset, stock_code, session, state, proof, figures, rows, source, run_id)
    SELECT %s, b.stock_code, b.session, 'doubted', 'a bar beside it was refused because of it, and nothing proves it',
        jsonb_build_object('close', b.close, 'base', b.close - b.change), 1, b.source, %s
    FROM market.daily_bar b
    JOIN unnest(%s::text[], %s::date[]) AS v (code, day) ON (b.stock_code, b.session) = (v.code, v.day)
    WHERE b.session BETWEEN %s AND %s AND market.source_rank(b.source) <= market.source_rank(%s)
        AND b.close - b.change IS DISTINCT FROM (SELECT d.close FROM market.daily_bar d
            WHERE d.stock_code = b.stock_code AND d.session = (SELECT max(s.session) FROM market.calendar_session s
                WHERE s.session < b.session))
    ON CONFLICT (dataset, stock_code, session) DO UPDATE SET state = excluded.state, proof = excluded.proof,
        figures = excluded.figures, rows = excluded.rows, ask_again = NULL, source = excluded.source,
        run_id = excluded.run_id, proved_at = now()
    RETURNING p.stock_code::text, p.session::date
"""


def screen(
    connection: Connection,
    dataset: Dataset,
    records: Sequence[Any],
    asked: Asked,
    held: Rejections,
    source: str,
    run_id: int | None = None,
    *,
    now: datetime,
    thresholds: Thresholds | None = None,
) -> list[Any]:
    """Return the records of a window that may be loaded; the others go into quarantine, in this transaction.

    Args:
        connection: The one the rows will be loaded on; it is never committed here.
        dataset: What they are for.
        records: All of the window.
        asked: What was asked for.
        held: The rows that the parsers set aside; rows that the checks refuse are added.
        source: Name of the source.
        run_id: The ``ingest_run`` of the window.
        now: The market's present. Synthetic sources have clocks of their own, so for them nothing is in the future.
        thresholds: How strict the checks are; None reads the environment.

    Raises:
        WindowRefusedError: Too many rows are wrong. Nothing was written; after the rollback, pass ``held`` to
            :func:`keep_refused`.
        InvalidRequestError: There is no such source.
        ConfigurationError: A threshold cannot be used.
    """
    made_up = origin_of(source).made_up
    moment = THE_END if made_up else now
    context = read_context(connection, dataset, records, asked, moment, thresholds, made_up=made_up)
    if origin_of(source).official and dataset.beside:
        context = replace(context, replaced=_replaced(connection, dataset.beside, records, source))
    verdict = judge(records, dataset, asked, context, len(held.rows))
    held.rows += map(as_rejection, verdict.errors)
    held.contradicted |= verdict.contradicted
    held.unjoined |= verdict.unjoined
    if verdict.fatal:
        why = "; ".join(one.problem for one in verdict.fatal)
        why += f"; the first wrong row: {_named(held.rows[0])}" if held.rows else ""
        raise WindowRefusedError(f"{dataset.name} from {source}: the window is refused: {why}")
    keep_held(connection, dataset.table, source, held, run_id, Counter(one.check for one in verdict.warnings))
    return verdict.good


def keep_held(
    connection: Connection,
    table: Table,
    source: str,
    held: Rejections,
    run_id: int | None = None,
    warnings: Mapping[str, int] | None = None,
) -> None:
    """Put what was set aside into quarantine and record the counts in the window's ``ingest_run``; never commits."""
    rejected = keep_rejections(connection, table.name, source, [*held.rows, *held.at_fault, *held.left_out], run_id)
    _doubt_neighbours(connection, table.name, source, held, run_id)
    _note(connection, run_id, rejected, warnings or {}, held.unknown_fields)
    for one in [*held.rows, *held.left_out][:5]:
        log.warning("%s: to quarantine: %s", table.name, _named(one))
    if warnings:
        log.info("%s: loaded with warnings: %s", table.name, dict(warnings))


def keep_refused(
    connection: Connection,
    table: Table,
    source: str,
    error: BaseException | None,
    held: Rejections,
    run_id: int | None = None,
) -> int:
    """Put the bad rows of a failed window into quarantine and return how many; call it after the rollback.

    These are the rows that were set aside or refused, and the row that a :class:`PayloadError` is about. Never commits.
    """
    rows = [*held.rows, *held.at_fault, *held.left_out]
    if isinstance(error, PayloadError) and error.payload is not None:
        rows.append(Rejection(error.payload, str(error), origin=error.origin))
    _doubt_neighbours(connection, table.name, source, held, run_id)
    return keep_rejections(connection, table.name, source, rows, run_id)


def rows_at_fault(failed: Mapping[str, PermanentError]) -> list[Rejection]:
    """Return the rows because of which codes failed, each once; an answer that is wrong as a whole has no such row.

    Args:
        failed: The error, by code.
    """
    owners: dict[int, list[str]] = {}
    for code, error in failed.items():
        owners.setdefault(id(error), []).append(code)
    rows = []
    for code, error in failed.items():
        codes = owners[id(error)]
        if isinstance(error, PayloadError) and error.payload is not None and code == codes[0]:
            whose = code if len(codes) == 1 else None
            rows.append(Rejection(error.payload, str(error), whose, origin=error.origin))
    return rows


def read_context(
    connection: Connection,
    dataset: Dataset,
    records: Sequence[Any],
    asked: Asked,
    now: datetime,
    thresholds: Thresholds | None = None,
    *,
    made_up: bool = False,
) -> Context:
    """Return what the warehouse knows around a window: its instruments, and the stored rows beside its own.

    Synthetic rows are checked against today's price rules, which the synthetic market follows on every session.
    """
    codes = sorted(asked.stock_codes or {one.stock_code for one in records if hasattr(one, "stock_code")})
    limits = read_thresholds(os.environ) if thresholds is None else thresholds
    calendar = krx_calendar()
    first = min(as_rows(records).known("session"), default=None) if dataset.due is Due.EACH_SESSION else None
    with said_plainly("checks"), connection.cursor() as cursor:
        stays = stays_of(cursor, codes, first or asked.first or now.astimezone(SEOUL).date())
        stored = _stored_beside(cursor, dataset.beside, records, calendar) if dataset.beside else []
    newest = {code: found[-1] for code, found in stays.items()}
    reused = {code: found for code, found in stays.items() if len(found) > 1}
    return Context(calendar, now, limits, newest, stored, reused, dated_rules=not made_up)


def _replaced(connection: Connection, beside: Beside, records: Sequence[Any], source: str) -> dict[Cell, Any]:
    """Return the stored rows that sources which rank lower told, and that these are held against."""
    if beside.replaced is None:
        return {}
    found: list[Any] = []
    with said_plainly("checks"), connection.cursor() as cursor:
        for session, wanted in beside.replaced.wanted(records).items():
            values = {"wanted": json.dumps(wanted), "session": session, "source": source}
            cursor.execute(beside.replaced.query, values)
            found += [beside.record(*row) for row in cursor.fetchall()]
    return {(row.stock_code, row.session): row for row in found}


def _stored_beside(cursor: Cursor, beside: Beside, records: Sequence[Any], calendar: TradingCalendar) -> list[Any]:
    """Return the stored rows that records are checked against."""
    wanted = sorted(beside.cells(records, calendar))
    if not wanted:
        return []
    of, days = zip(*wanted, strict=True)
    cursor.execute(beside.query, {"of": list(of), "days": list(days), "first": min(days), "last": max(days)})
    return [beside.record(*row) for row in cursor.fetchall()]


def _doubt_neighbours(connection: Connection, dataset: str, source: str, held: Rejections, run_id: int | None) -> None:
    """Doubt the stored bars that alone contradict a refused one, so that both sessions are asked for again."""
    if not held.contradicted:
        return
    codes, sessions = zip(*sorted(held.contradicted), strict=True)
    with said_plainly("checks"), connection.cursor() as cursor:
        cursor.execute(_DOUBT, (dataset, run_id, list(codes), list(sessions), min(sessions), max(sessions), source))
        for code, session in cursor.fetchall():
            log.warning(
                "%s of %s on %s is doubted: the next bar contradicts it, and nothing proves either",
                dataset,
                code,
                session,
            )


def _note(
    connection: Connection, run_id: int | None, rejected: int, warnings: Mapping[str, int], unknown: Counter[str]
) -> None:
    with said_plainly("ingest_run"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE market.ingest_run SET rows_rejected = %s, warnings = %s, unknown_fields = %s WHERE run_id = %s",
            (rejected, json.dumps(warnings), json.dumps(unknown), run_id),
        )


def _named(one: Rejection) -> str:
    return f"{one.stock_code or 'unknown code'} on {one.session or 'an unknown day'}: {one.reason}"
