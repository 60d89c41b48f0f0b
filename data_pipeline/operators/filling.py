"""What the tasks around the loads of `backfill` and `heal_gaps` do: plan, and report what is still not there."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from data_pipeline.backfill.check import (
    BATCH,
    CELLS,
    Backfill,
    Estimate,
    backfill_codes,
    check_backfill,
    estimate,
    require_confirmation,
    spans_of,
)
from data_pipeline.backfill.division import as_ranges
from data_pipeline.backfill.lists import DATASET as LISTS
from data_pipeline.backfill.two_sources import Plan, plan_two_sources, say_alone
from data_pipeline.engine.retry_quarantine import retry_untried
from data_pipeline.engine.windows import as_codes, as_date, run_moment, run_session
from data_pipeline.exceptions import ConfigurationError, IncompleteDataError
from data_pipeline.hooks.source import OFFICIAL_CONN_ID, open_source
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.loading.coverage.cells import DATASETS, first_expected, missing_cells
from data_pipeline.market.origin import shape_of
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.operators.filling_lists import plan_list_backfill, report_list_backfill
from data_pipeline.operators.planning import task_chunks
from data_pipeline.operators.two_connections import chosen_conn_id, exchange_beside
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.warehouse.calendar_table import keep_sessions, unanswered_sessions

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)
NAMED = 10
HEAL_CHUNK = 900
MARKET_DAYS = 250
"""Sessions of the exchange in one task: about a year, and a quarter of an hour of its server."""


def plan_backfill(
    context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db"
) -> list[dict[str, Any]]:
    """Check the form and return the arguments of each load task; none for a dry run or when everything is there.

    Raises:
        InvalidRequestError: The form is wrong: an unknown dataset or code, a reversed or future range, too many tasks,
            or so many requests that they want confirming.
        UnsupportedDatasetError: The source does not offer this; nothing was asked.
        IncompleteDataError: The warehouse lists nothing.
    """
    params = context["params"]
    conn_id = chosen_conn_id(params, source_conn_id)
    if params["dataset"] == LISTS:
        entries = plan_list_backfill(context, _moment(context), conn_id, postgres_conn_id)
        return [entry | {"source_conn_id": conn_id} for entry in entries]
    with (
        open_source(conn_id) as source,
        exchange_beside(params, source, params["dataset"]) as official,
        closing(WarehouseHook(postgres_conn_id).get_conn()) as connection,
    ):
        backfill = _backfill_of(context, source.name, connection)
        if not backfill.stock_codes:
            return [entry | {"source_conn_id": conn_id} for entry in _plan_calendar(connection, backfill, params)]
        if official is not None:
            plan = plan_two_sources(connection, backfill, official.offer(), _moment(context))
            for line in plan.lines(official.calls_a_second, source.calls_a_second):
                log.info("%s", line)
            cost, entries = plan.costs(None, None)[1], _shares(plan, conn_id, params["chunk_size"])
        else:
            cost, entries = _alone(connection, source, backfill, _moment(context), params["chunk_size"])
            entries = [entry | {"source_conn_id": conn_id} for entry in entries]
    if params.get("dry_run"):
        return []
    require_confirmation(cost, confirmed=bool(params.get("confirm_large")), where="tick 'confirm_large'")
    return entries


def report_backfill(context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db") -> int:
    """Say what of the form's range is still not there; return 0 when nothing is.

    Raises:
        IncompleteDataError: Cells are not there, or a load task failed; the message names them.
    """
    params = context["params"]
    states = _load_states(context)
    failed = sorted(name for name, state in states.items() if state not in ("success", "skipped", None))
    if params.get("dry_run"):
        log.info("A dry run: nothing was asked for; the log of the task plan says what it would cost.")
        return 0
    conn_id = chosen_conn_id(params, source_conn_id)
    if params["dataset"] == LISTS:
        return report_list_backfill(context, _moment(context), conn_id, postgres_conn_id)
    with open_source(conn_id) as source, closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        backfill = replace(_backfill_of(context, source.name, connection), cells="unstored")
        if not backfill.stock_codes:
            _require_calendar(connection, backfill)
        lacking = _lacking(connection, backfill)
    _list(backfill.dataset, lacking)
    if lacking or failed:
        some = ", ".join(f"{code} from {gaps[0][0]}" for code, gaps in list(lacking.items())[:NAMED])
        raise IncompleteDataError(
            f"{len(failed)} load tasks failed ({', '.join(failed[:NAMED]) or 'none'}) and {len(lacking)} issues lack "
            f"sessions ({some or 'none'}); the logs of the load tasks say why; clear the failed ones to go on"
        )
    log.info("%s from %s to %s is complete", backfill.dataset, backfill.first, backfill.last)
    return 0


def plan_healing(
    context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db"
) -> list[dict[str, Any]]:
    """Return the arguments of each load task: the codes that lack cells, by dataset; none when nothing is missing.

    Before that, rows in quarantine that nobody has tried again are tried once.
    """
    entries: list[dict[str, Any]] = []
    last, moment = run_session(context), _moment(context)
    with open_source(source_conn_id) as source, closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        keep_sessions(connection)
        connection.commit()
        retry_untried(connection)
        for dataset in DATASETS:
            first = first_expected(connection, dataset)
            if first is None or first > last or dataset in shape_of(source.name, "daily_bar").lacks:
                continue
            codes = tuple(missing_cells(connection, dataset, None, first, last))
            backfill = Backfill(dataset, codes, first, last, source.name, "missing")
            spans = spans_of(connection, backfill, moment)
            log.info("%s from %s to %s: %s", dataset, first, last, estimate(backfill, spans, source.calls_a_second))
            wanted = sorted({code for span in spans for code in span.stock_codes})
            entries += [_entry(backfill, chunk, "missing") for chunk in task_chunks(wanted, HEAL_CHUNK)]
    return entries


def report_healing(
    context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db"
) -> dict[str, int]:
    """Say which cells are still missing and why, and return how many issues lack some, by dataset.

    Raises:
        IncompleteDataError: A load task failed; what the source cannot serve is no failure.
    """
    failed = sorted(name for name, state in _load_states(context).items() if state not in ("success", "skipped", None))
    last = run_session(context)
    lacking: dict[str, int] = {}
    with open_source(source_conn_id) as source, closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        for dataset in DATASETS:
            first = first_expected(connection, dataset)
            found = missing_cells(connection, dataset, None, first, last) if first and first <= last else {}
            _list(dataset, found)
            lacking[dataset] = len(found)
            _say_out_of_reach(dataset, source.name, found, last)
    if failed:
        raise IncompleteDataError(f"{len(failed)} load tasks failed ({', '.join(failed[:NAMED])}); their logs say why")
    return lacking


def _backfill_of(context: Mapping[str, Any], source: str, connection: Connection) -> Backfill:
    params = context["params"]
    dataset, last = params["dataset"], params.get("last")
    first, last = check_backfill(
        dataset, as_date(params["first"], "first"), as_date(last, "last") if last else None, source, _moment(context)
    )
    if dataset == "trading_session":
        return Backfill(dataset, (), first, last, source)
    keep_sessions(connection)
    codes = backfill_codes(connection, as_codes(params.get("stock_codes")), first, last)
    connection.commit()
    return Backfill(dataset, tuple(codes), first, last, source, "all" if params.get("refetch") else "unstored")


def _alone(
    connection: Connection, source: AbstractDataSource, backfill: Backfill, moment: datetime, chunk_size: int
) -> tuple[Estimate, list[dict[str, Any]]]:
    """Return what one source costs, and its tasks."""
    spans = spans_of(connection, backfill, moment)
    cost = estimate(backfill, spans, source.calls_a_second)
    log.info("%s from %s to %s: %s", backfill.dataset, backfill.first, backfill.last, cost)
    if source.shape.market_calls:
        log.info("%s", say_alone([span.requests for span in spans], source.offer()))
    wanted = {code for span in spans for code in span.stock_codes}
    codes = [code for code in backfill.stock_codes if code in wanted]
    return cost, [_entry(backfill, chunk, backfill.cells) for chunk in _chunks(backfill, codes, chunk_size)]


def _shares(plan: Plan, conn_id: str, chunk_size: int) -> list[dict[str, Any]]:
    """Return the tasks of the exchange's market days, which go on with KIS when its calls are spent, and KIS's own."""
    calendar = krx_calendar()
    sessions = calendar.sessions(calendar.first_day, calendar.last_day)
    days, broker = plan.division.sessions, plan.broker
    entries = []
    for start in range(0, len(days), MARKET_DAYS):
        some = as_ranges(days[start : start + MARKET_DAYS], sessions)
        share = replace(plan.official, first=some[0][0], last=some[-1][1])
        codes = [code for code in broker.stock_codes if code in plan.division.by_day]
        entry = {"source_conn_id": OFFICIAL_CONN_ID, "fallback_conn_id": conn_id, "ranges": _as_text(some)}
        entries.append(_entry(share, codes, broker.cells) | entry)
    rest = as_ranges(sorted({*calendar.sessions(broker.first, broker.last)} - {*days}), sessions)
    codes = [code for code in broker.stock_codes if code in plan.division.by_code]
    entry = {"source_conn_id": conn_id, "ranges": _as_text(rest)}
    return entries + [_entry(broker, chunk, broker.cells) | entry for chunk in task_chunks(codes, chunk_size)]


def _as_text(ranges: Sequence[tuple[date, date]]) -> list[list[str]]:
    return [[first.isoformat(), last.isoformat()] for first, last in ranges]


def _plan_calendar(connection: Connection, backfill: Backfill, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one task that begins at the first session of which the source has not said whether the market opens."""
    days = unanswered_sessions(connection, backfill.source, backfill.first, backfill.last)
    log.info("trading_session from %s to %s: %d sessions lack an answer", backfill.first, backfill.last, len(days))
    first = backfill.first if params.get("refetch") else days[0] if days else None
    return [] if first is None or params.get("dry_run") else [_entry(replace(backfill, first=first), [], "")]


def _require_calendar(connection: Connection, backfill: Backfill) -> None:
    if days := unanswered_sessions(connection, backfill.source, backfill.first, backfill.last):
        raise IncompleteDataError(
            f"{backfill.source} has not said whether the market opens on {len(days)} sessions from {days[0]} on: one "
            "call brings only some weeks, and KIS is asked once a day; trigger the same again tomorrow"
        )


def _chunks(backfill: Backfill, codes: Sequence[str], size: int) -> list[list[str]]:
    # One call of such a source brings the whole market, so a session must not be asked for by several tasks.
    whole = shape_of(backfill.source, backfill.dataset).market_calls > 0
    return task_chunks(codes, max(size, len(codes)) if whole else size)


def _entry(backfill: Backfill, codes: Sequence[str], cells: str) -> dict[str, Any]:
    return {
        "dataset": backfill.dataset,
        "stock_codes": list(codes),
        "first": backfill.first.isoformat(),
        "last": backfill.last.isoformat(),
        "cells": cells,
    }


def _lacking(connection: Connection, backfill: Backfill) -> dict[str, list[tuple[date, date]]]:
    found: dict[str, list[tuple[date, date]]] = {}
    for start in range(0, len(backfill.stock_codes), BATCH):
        codes = backfill.stock_codes[start : start + BATCH]
        found |= CELLS["unstored"](connection, backfill.dataset, codes, backfill.first, backfill.last)
    return found


def _list(dataset: str, found: Mapping[str, Sequence[tuple[date, date]]]) -> None:
    for code, gaps in found.items():
        spelled = ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in gaps)
        log.warning("%s of %s is not there: %s", dataset, code, spelled)


def _say_out_of_reach(dataset: str, source: str, found: Mapping[str, Sequence[tuple[date, date]]], last: date) -> None:
    shape = shape_of(source, "daily_bar")
    if dataset in shape.lacks:
        log.warning("%s has no %s: another source is needed for what is missing", source, dataset)
    elif dataset == "minute_bar" and shape.counted:
        reach = shape.first_minute_session(krx_calendar().sessions(krx_calendar().first_day, last)[-1])
        old = sum(gaps[0][0] < reach for gaps in found.values())
        if old:
            log.warning("minutes before %s are out of the reach of %s; %d issues lack some", reach, source, old)


def _load_states(context: Mapping[str, Any]) -> dict[str, str | None]:
    instance = context["ti"]
    states = instance.get_task_states(dag_id=instance.dag_id, task_ids=["load"], run_ids=[instance.run_id])
    return dict(states.get(instance.run_id, {}))


def _moment(context: Mapping[str, Any]) -> datetime:
    moment = run_moment(context)
    if moment is None:
        raise ConfigurationError("a DAG run is needed: when it came due tells which sessions are final")
    return moment
