"""What the tasks around the loads of `backfill` and `heal_gaps` do: plan, and report what is still not there."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

from data_pipeline.backfill.cost import require_confirmation
from data_pipeline.backfill.gaps import lacking, still_lacking
from data_pipeline.backfill.healing import healing, said_out_of_reach
from data_pipeline.backfill.pace import this_machine
from data_pipeline.backfill.plan import plan_backfill as plan_of
from data_pipeline.backfill.plan import plan_wish, within_budget
from data_pipeline.backfill.report import NAMED, said_lacking, spelled
from data_pipeline.backfill.sources import Sources, open_sources
from data_pipeline.backfill.wish import Backfill, Wish, backfill_of
from data_pipeline.datasets import WITH_CELLS
from data_pipeline.engine.fetching import fetch_threads
from data_pipeline.engine.retry_quarantine import retry_untried
from data_pipeline.engine.windows import as_codes, as_date, run_moment, run_session
from data_pipeline.exceptions import ConfigurationError, IncompleteDataError
from data_pipeline.hooks.source import Connections, open_source
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.market.origin import AUTO
from data_pipeline.market.window import Gap
from data_pipeline.operators.defaults import HEAL_REQUESTS
from data_pipeline.operators.permanent import fails_at_once
from data_pipeline.pools import HISTORY_POOL, POOLS
from data_pipeline.warehouse.calendar_table import keep_sessions

log = logging.getLogger(__name__)
HEAL_CHUNK = 900
PLAN = "plan"
"""The XCom of the task ``plan`` that holds the plan as a table, for people; its link *Plan* leads there."""


@fails_at_once
def plan_backfill(
    context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db"
) -> list[dict[str, Any]]:
    """
    Check the form and return the arguments of each load task; none for a dry run or when everything is there.

    :param source_conn_id: The connection of the scheduled DAGs, or the one that the form names.
    :param postgres_conn_id: The connection of the warehouse.
    :raises InvalidRequestError: The form is wrong: an unknown dataset or code, a reversed or future range, too many
        tasks, or so many requests that somebody has to confirm them.
    :raises UnsupportedDatasetError: The source does not offer this; nothing was asked.
    :raises IncompleteDataError: The warehouse lists nothing.
    """
    params = context["params"]
    last = as_date(params["last"], "last") if params.get("last") else None
    wish = Wish(
        params["dataset"], tuple(as_codes(params.get("stock_codes"))), as_date(params["first"], "first"), last,
        bool(params.get("refetch")),
    )  # fmt: skip
    kind, named = params.get("source") or AUTO, params.get("source_conn_id")
    with (
        open_sources(Connections(source_conn_id), wish.dataset, kind, named) as sources,
        closing(WarehouseHook(postgres_conn_id).get_conn()) as connection,
    ):
        threads = fetch_threads(os.environ, sources.in_turn[0].calls_a_second)
        pace = this_machine(threads, POOLS[HISTORY_POOL][0])
        plan = plan_wish(connection, wish, replace(sources, pace=pace), _moment(context))
    for line in plan.lines:
        log.info("%s", line)
    context["ti"].xcom_push(PLAN, plan.told)
    tasks = plan.tasks(params["chunk_size"])
    if params.get("dry_run"):
        return []
    require_confirmation(plan.requests, confirmed=bool(params.get("confirm_large")), where="tick 'confirm_large'")
    return [_arguments(task, sources.names) for task in tasks]


@fails_at_once
def report_backfill(
    context: Mapping[str, Any], planned: Sequence[Mapping[str, Any]] | None, postgres_conn_id: str = "market_db"
) -> int:
    """
    Say what of a plan is still not there; return 0 when nothing is.

    :param planned: What :func:`plan_backfill` returned; None when it failed.
    :param postgres_conn_id: The connection of the warehouse.
    :raises IncompleteDataError: Cells are not there, a load task failed, or there is no plan; the message says which.
    """
    if context["params"].get("dry_run"):
        log.info("A dry run: nothing was asked for; the log of the task plan says what it would cost.")
        return 0
    if planned is None:
        raise IncompleteDataError("there is no plan, so nothing was asked for; the log of the task plan says why")
    failed, tasks = _failed_loads(context), _tasks(planned)
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        found = still_lacking(connection, tasks)
    _list(context["params"]["dataset"], found)
    if found or failed:
        lacks = said_lacking(tasks[0], found) if found else "nothing of the plan is lacking"
        raise IncompleteDataError(
            f"{_said(failed)} and {lacks}; the logs of the load tasks say why; clear the failed ones to go on"
        )
    log.info("everything of the plan is there")
    return 0


@fails_at_once
def plan_healing(
    context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db"
) -> list[dict[str, Any]]:
    """
    Return the arguments of each load task: the codes that lack cells, by dataset; none when nothing is missing.

    Before that, rows in quarantine that nobody has tried again are tried once. All together take at most as many
    requests as the run's parameter ``most_requests`` says, the newest sessions first.
    """
    tasks: list[Backfill] = []
    last, moment, left = (
        run_session(context),
        _moment(context),
        int(context["params"].get("most_requests", HEAL_REQUESTS)),
    )
    with open_source(source_conn_id) as source, closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        keep_sessions(connection)
        connection.commit()
        retry_untried(connection)
        for backfill in healing(connection, source.name, last):
            if backfill.dataset not in source.shape.lacks:
                whole = plan_of(connection, backfill, Sources(source), moment)
                plan = within_budget(whole, Sources(source), left)
                log.info("%s", *plan.lines)
                if plan is not whole:
                    said = "%s: all that is missing takes %d requests; sessions before %s wait for another run"
                    log.warning(said, backfill.dataset, whole.requests, plan.backfill.first)
                tasks += plan.tasks(HEAL_CHUNK)
                left = max(0, left - plan.requests)
    return [_arguments(task, {}) for task in tasks]


@fails_at_once
def report_healing(
    context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db"
) -> dict[str, int]:
    """
    Say which cells are still missing and why, and return how many instruments lack some, by dataset.

    :raises IncompleteDataError: A load task failed; what the source cannot serve is no failure.
    """
    counts = dict.fromkeys(WITH_CELLS, 0)
    with open_source(source_conn_id) as source, closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        for backfill in healing(connection, source.name, run_session(context)):
            found = lacking(connection, backfill)
            _list(backfill.dataset, found)
            counts[backfill.dataset] = len(found)
            if why := said_out_of_reach(backfill, source.shape, found):
                log.warning("%s", why)
    if failed := _failed_loads(context):
        raise IncompleteDataError(f"{_said(failed)}; their logs say why")
    return counts


def _arguments(task: Backfill, conn_ids: Mapping[str, str]) -> dict[str, Any]:
    """Return what the operator of a load task is given; without connections when it has its own."""
    found = task.arguments
    if task.source in conn_ids:
        found["source_conn_id"] = conn_ids[task.source]
    if task.fallback:
        found["fallback_conn_id"] = conn_ids[task.fallback]
    return found


def _tasks(planned: Sequence[Mapping[str, Any]]) -> list[Backfill]:
    """Return what the load tasks were told to do."""
    names: dict[str, str] = {}
    tasks = []
    for entry in planned:
        conn_id = entry["source_conn_id"]
        if conn_id not in names:
            with open_source(conn_id) as source:
                names[conn_id] = source.name
        arguments = {name: value for name, value in entry.items() if not name.endswith("conn_id")}
        tasks.append(backfill_of(names[conn_id], **arguments))
    return tasks


def _list(dataset: str, found: Mapping[str, Sequence[Gap]]) -> None:
    for code, gaps in found.items():
        log.warning("%s%s is not there: %s", dataset, f" of {code}" if code else "", spelled(gaps))


def _failed_loads(context: Mapping[str, Any]) -> list[str]:
    instance = context["ti"]
    states = instance.get_task_states(dag_id=instance.dag_id, task_ids=["load"], run_ids=[instance.run_id])
    loads = dict(states.get(instance.run_id, {}))
    return sorted(name for name, state in loads.items() if state not in ("success", "skipped", None))


def _said(failed: Sequence[str]) -> str:
    return f"{len(failed)} load tasks failed ({', '.join(failed[:NAMED]) or 'none'})"


def _moment(context: Mapping[str, Any]) -> datetime:
    moment = run_moment(context)
    if moment is None:
        raise ConfigurationError("a DAG run is needed: when it came due tells which sessions are final")
    return moment
