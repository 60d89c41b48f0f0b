"""What the plan tasks of the DAGs work out: which stock codes and which range each load task gets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from typing import Any

from airflow.sdk import Variable

from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.operators.listing import listed_codes
from data_pipeline.operators.windows import as_codes, chunks, run_session
from data_pipeline.trading_calendar import krx_calendar
from data_pipeline.watch_list import watch_list

MOST_TASKS = 1000
"""Airflow maps a task over 1,024 entries at most (``core.max_map_length``)."""


def plan_listed(context: Mapping[str, Any], chunk_size: int, postgres_conn_id: str = "market_db") -> list[list[str]]:
    """Return the codes that the warehouse lists on the run's session, in order and in chunks.

    Raises:
        IncompleteDataError: The warehouse lists nothing; ``market_reference`` has to run first.
    """
    return task_chunks(_listed(run_session(context), postgres_conn_id), chunk_size)


def plan_named_or_listed(context: Mapping[str, Any], postgres_conn_id: str = "market_db") -> list[list[str]]:
    """Return the codes of the run's parameter ``stock_codes``, else every listed one, in chunks of its ``chunk_size``.

    Raises:
        IncompleteDataError: The warehouse lists nothing; ``market_reference`` has to run first.
    """
    params = context["params"]
    codes = as_codes(params.get("stock_codes")) or _listed(run_session(context, final=False), postgres_conn_id)
    return task_chunks(codes, params["chunk_size"])


def plan_watched(context: Mapping[str, Any]) -> list[list[str]]:
    """Return the codes of the run's parameter ``stock_codes``, else of the Variable or variable ``WATCH_LIST``.

    They come in chunks of the parameter ``chunk_size``.

    Raises:
        ConfigurationError: An entry of the watch list is not a stock code.
    """
    params = context["params"]
    codes = as_codes(params.get("stock_codes"))
    if not codes:
        watched = Variable.get("WATCH_LIST", default=None) or os.environ.get("WATCH_LIST", "")
        codes = list(watch_list({"WATCH_LIST": watched}))
    return task_chunks(codes, params["chunk_size"])


def plan_minutes(context: Mapping[str, Any], postgres_conn_id: str = "market_db") -> list[list[str]]:
    """Return every listed code when the run came due after its session's close, else the watched ones, in chunks.

    The run's own moment decides, never the clock. Codes in the parameter ``stock_codes`` go before both.
    """
    due = context.get("data_interval_start")
    session = run_session(context, final=False)
    if due is not None and due > krx_calendar().close_at(session):
        return plan_named_or_listed(context, postgres_conn_id)
    return plan_watched(context)


def _listed(session: date, postgres_conn_id: str) -> list[str]:
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        codes = listed_codes(connection, session)
    if not codes:
        raise IncompleteDataError(f"the warehouse lists no instruments on {session}: run market_reference first")
    return codes


def task_chunks(codes: Sequence[str], size: int) -> list[list[str]]:
    """Return the codes in lists of ``size``, one for each mapped task.

    Raises:
        InvalidRequestError: There would be more tasks than Airflow maps, or ``size`` is not positive.
    """
    parts = chunks(codes, size)
    if len(parts) > MOST_TASKS:
        raise InvalidRequestError(f"chunk_size {size} makes {len(parts)} tasks; {MOST_TASKS} are possible")
    return parts
