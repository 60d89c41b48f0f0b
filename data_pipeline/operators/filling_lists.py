"""What the tasks of `backfill` do when it is about lists of issues: plan, load a part, and report."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from data_pipeline.backfill.lists import DATASET, ListBackfill, plan_lists
from data_pipeline.engine.lists import load_lists
from data_pipeline.engine.many_windows import Pace, Step, require_no_failure
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.windows import Window, as_codes, as_date
from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError
from data_pipeline.hooks.source import open_source
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.market.clock import real_now
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.warehouse.calendar_table import keep_sessions

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)


def plan_list_backfill(
    context: Mapping[str, Any], moment: datetime, source_conn_id: str, postgres_conn_id: str
) -> list[dict[str, Any]]:
    """Return the arguments of each load task, one a calendar year; none for a dry run or when everything is there.

    Raises:
        InvalidRequestError: The form is wrong; a list holds every issue, so there is no choosing of codes.
        UnsupportedDatasetError: The source has no lists of the past.
    """
    params = context["params"]
    if as_codes(params.get("stock_codes")):
        raise InvalidRequestError("the dataset instrument takes no stock_codes: a list holds every issue")
    plan = _planned(params, moment, source_conn_id, postgres_conn_id, refetch=bool(params.get("refetch")))
    log.info("lists of issues from %s to %s: %s", plan.first, plan.last, plan)
    if params.get("dry_run"):
        return []
    cells = "all" if params.get("refetch") else "unstored"
    years = (list(some) for _, some in groupby(sorted(plan.sessions), key=lambda session: session.year))
    return [
        {
            "dataset": DATASET,
            "stock_codes": [],
            "first": some[0].isoformat(),
            "last": some[-1].isoformat(),
            "cells": cells,
        }
        for some in years
    ]


def report_list_backfill(
    context: Mapping[str, Any], moment: datetime, source_conn_id: str, postgres_conn_id: str
) -> int:
    """Return 0 when every list of the form's range is there.

    Raises:
        IncompleteDataError: Some are not; the message counts them.
    """
    plan = _planned(context["params"], moment, source_conn_id, postgres_conn_id)
    if plan.sessions:
        raise IncompleteDataError(
            f"{len(plan.sessions)} lists from {plan.first} to {plan.last} are not there, the first is "
            f"{min(plan.sessions)}; the logs of the load tasks say why; clear the failed ones to go on"
        )
    log.info("the lists of issues from %s to %s are complete", plan.first, plan.last)
    return 0


def load_list_gaps(
    connection: Connection,
    source: AbstractDataSource,
    windows: Sequence[Window],
    run: Run,
    moment: datetime,
    cells: str,
) -> dict[str, int]:
    """Load the lists of these windows that are not there, or all of them, and return the counts.

    Raises:
        IncompleteDataError: Some lists failed; the others are loaded.
    """
    first, last = windows[0].first, windows[-1].last
    plan = plan_lists(connection, source.name, first, last, moment, refetch=cells == "all")
    connection.rollback()  # reading opened a transaction that must not stay open while the source is asked
    log.info("lists of issues from %s to %s: %s", first, last, plan)
    total, failures, pace = Counter[str](), list[Step](), Pace(time.monotonic, real_now)
    for step in load_lists(connection, source, plan.sessions, run):
        failures += [step] if step.error else []
        total.update(step.counts)
        log.info("instrument %s: %s; %s", step.window, step.counts or "failed", pace.line(step))
    require_no_failure(failures, len(plan.sessions))
    return dict(total)


def _planned(
    params: Mapping[str, Any], moment: datetime, source_conn_id: str, postgres_conn_id: str, *, refetch: bool = False
) -> ListBackfill:
    last: date | None = as_date(params["last"], "last") if params.get("last") else None
    with open_source(source_conn_id) as source, closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        keep_sessions(connection)
        connection.commit()
        return plan_lists(connection, source.name, as_date(params["first"], "first"), last, moment, refetch=refetch)
