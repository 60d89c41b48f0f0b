"""What the plan tasks of the daily and intraday DAGs work out: which stock codes each load task asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any

from airflow.sdk import Variable

from data_pipeline.backfill.in_time import require_in_time
from data_pipeline.backfill.requests import task_chunks
from data_pipeline.datasets.minute_bar import MINUTES
from data_pipeline.engine.windows import as_codes, run_moment, run_session
from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.hooks.source import open_source
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.loading.instruments.listing import listed_codes
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.watch_list import takes_whole_market, watch_list
from data_pipeline.operators.permanent import fails_at_once
from data_pipeline.operators.task import skip_when_late
from data_pipeline.settings import text


@fails_at_once
def plan_listed(context: Mapping[str, Any], chunk_size: int, postgres_conn_id: str = "market_db") -> list[list[str]]:
    """Return the codes that the warehouse lists on the run's session, in order and in chunks.

    Raises:
        IncompleteDataError: The warehouse lists nothing; ``market_reference`` has to run first.
    """
    return task_chunks(_listed(run_session(context), postgres_conn_id), chunk_size)


@fails_at_once
def plan_prices(
    context: Mapping[str, Any], source_conn_id: str, every: timedelta, postgres_conn_id: str = "market_db"
) -> list[list[str]]:
    """Return the codes whose present price is asked for, in chunks of the run's parameter ``chunk_size``.

    They are those in its parameter ``stock_codes``; if it is empty, the whole market or the watch list, as ``UNIVERSE``
    says. ``every`` is the interval of the runs.

    Raises:
        AirflowSkipException: The run comes later than its own interval.
        ConfigurationError: The quota does not suffice for a snapshot of so many; nothing was asked.
        IncompleteDataError: The warehouse lists nothing; ``market_reference`` has to run first.
    """
    skip_when_late(context, "prices", every)
    codes = _named(context) or _universe(run_session(context, final=False), postgres_conn_id)
    return _in_time(context, source_conn_id, "price_snapshot", codes)


@fails_at_once
def plan_watched(context: Mapping[str, Any], source_conn_id: str, every: timedelta) -> list[list[str]]:
    """Return the codes whose order books are asked for, in chunks of the run's parameter ``chunk_size``.

    They are those in its parameter ``stock_codes``; if it is empty, those in ``WATCH_LIST``, an Airflow Variable or an
    environment variable. ``every`` is the interval of the runs.

    Raises:
        AirflowSkipException: The run comes later than its own interval.
        ConfigurationError: An entry of the watch list is not a stock code, or the quota does not suffice for so many.
    """
    skip_when_late(context, "order books", every)
    return _in_time(context, source_conn_id, "order_book", _named(context) or _watched())


@fails_at_once
def plan_minutes(
    context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db"
) -> list[list[str]]:
    """Return the codes whose minutes are asked for, in chunks of the run's parameter ``chunk_size``.

    They are those in its parameter ``stock_codes``; if it is empty, what ``UNIVERSE`` says for a run that came due
    after the close of its session, and the watch list before. The run's own moment decides, never the clock.

    Raises:
        ConfigurationError: The quota does not suffice for so many; nothing was asked.
        IncompleteDataError: The warehouse lists nothing; ``market_reference`` has to run first.
    """
    due, session = run_moment(context), run_session(context, final=False)
    over = due is not None and due > krx_calendar().close_at(session)
    codes = _named(context) or (_universe(session, postgres_conn_id) if over else _watched())
    minutes = MINUTES if due is None or over else _minutes_so_far(due, session)
    return _in_time(context, source_conn_id, "minute_bar", codes, minutes=minutes, in_session=not over)


def _in_time(
    context: Mapping[str, Any], source_conn_id: str, dataset: str, codes: Sequence[str], **when: Any
) -> list[list[str]]:
    with open_source(source_conn_id) as source:
        require_in_time(source, dataset, codes, **when)
    return task_chunks(codes, context["params"]["chunk_size"])


def _minutes_so_far(due: datetime, session: date) -> int:
    seconds = (due - krx_calendar().open_at(session)).total_seconds()
    return min(MINUTES, max(0, int(seconds // 60)))


def _named(context: Mapping[str, Any]) -> list[str]:
    return as_codes(context["params"].get("stock_codes"))


def _watched() -> list[str]:
    return list(watch_list({"WATCH_LIST": _setting("WATCH_LIST")}))


def _universe(session: date, postgres_conn_id: str) -> list[str]:
    whole = takes_whole_market({"UNIVERSE": _setting("UNIVERSE")})
    return _listed(session, postgres_conn_id) if whole else _watched()


def _setting(name: str) -> str:
    return Variable.get(name, default=None) or text(os.environ, name)


def _listed(session: date, postgres_conn_id: str) -> list[str]:
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        codes = listed_codes(connection, session)
    if not codes:
        raise IncompleteDataError(f"the warehouse lists no instruments on {session}: run market_reference first")
    return codes
