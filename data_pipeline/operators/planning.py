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
from data_pipeline.watch_list import watch_list

MOST_TASKS = 1000
"""Airflow maps a task over 1,024 entries at most (``core.max_map_length``)."""


def plan_listed(context: Mapping[str, Any], chunk_size: int, postgres_conn_id: str = "market_db") -> list[list[str]]:
    """Return the codes that the warehouse lists on the run's session, in order and in chunks.

    Raises:
        IncompleteDataError: The warehouse lists nothing; ``market_reference`` has to run first.
    """
    return task_chunks(_listed(run_session(context), postgres_conn_id), chunk_size)


def plan_watched(context: Mapping[str, Any]) -> list[str]:
    """Return the codes of the run's parameter ``stock_codes``, else of the Variable or variable ``WATCH_LIST``.

    Raises:
        ConfigurationError: An entry of the watch list is not a stock code.
    """
    codes = as_codes(context["params"].get("stock_codes"))
    if codes:
        return codes
    watched = Variable.get("WATCH_LIST", default=None) or os.environ.get("WATCH_LIST", "")
    return list(watch_list({"WATCH_LIST": watched}))


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
