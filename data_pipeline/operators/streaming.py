"""What the tasks of the DAG of the stream do: open the day, fill its gaps, prove it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from typing import Any

from airflow.sdk import Variable
from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.engine.gap_filling import fill_gaps
from data_pipeline.engine.stream_day import health, open_day, prove_trades, require_settled
from data_pipeline.engine.windows import as_codes, run_moment, run_session
from data_pipeline.exceptions import TransientError
from data_pipeline.hooks.source import open_source
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.watch_list import watch_list
from data_pipeline.operators.permanent import fails_at_once
from data_pipeline.operators.task import run_of
from data_pipeline.settings import text

log = logging.getLogger(__name__)
FILL_SECONDS = 240.0
"""Of the five minutes between two runs."""
FILL_SECONDS_LAST = 1800.0


@fails_at_once
def open_stream_day(context: Mapping[str, Any], postgres_conn_id: str = "market_db") -> str:
    """
    Note the watch list of the run's session, and return how the lines of the stream stand.

    :raises AirflowSkipException: Nobody runs the service: no line is alive, and nothing was streamed for a week.
    :raises TransientError: The service was running and no line of it is up; it may come back.
    """
    session = run_session(context, final=False)
    codes = as_codes(context["params"].get("stock_codes")) or _watched()
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        stands = health(connection)
        if not stands.used:
            raise AirflowSkipException(f"{stands.said}, and nothing was streamed for a week: nobody runs the service")
        new = open_day(connection, session, codes)
    log.info("%d codes are watched on %s, %d of them new: %s", len(codes), session, new, stands.said)
    if not stands.up and not _is_over(context, session):
        raise TransientError(f"no line of the stream is up: {stands.said}; see the log of `data-pipeline stream`")
    return stands.said


@fails_at_once
def fill_stream_gaps(
    context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db"
) -> dict[str, int]:
    """
    Ask for what the gaps of the run's session lack, and return the counts.

    The run after the close asks for the last time: what it is not told is named as unfillable.
    """
    session = run_session(context, final=False)
    over = _is_over(context, session)
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection, open_source(source_conn_id) as source:
        seconds = FILL_SECONDS_LAST if over else FILL_SECONDS
        found = fill_gaps(connection, source, session, run_of(context), last_call=over, seconds=seconds)
    return found._asdict()


@fails_at_once
def prove_stream_day(
    context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db"
) -> dict[str, int]:
    """
    Prove the trades of the run's session, and return how many codes are whole, empty, doubted and without any.

    :raises AirflowSkipException: The session is not over yet.
    :raises IncompleteDataError: The trades of a code are not proved; what is proved stays proved.
    """
    session = run_session(context, final=False)
    if not _is_over(context, session):
        raise AirflowSkipException(f"{session} is not over: the run after the close proves it")
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection, open_source(source_conn_id) as source:
        proved = prove_trades(connection, source.name, session, run_of(context))
    log.info("the trades of %s: %s", session, proved)
    require_settled(proved, session)
    return {"whole": proved.whole, "empty": proved.empty, "doubted": proved.doubted, "missing": proved.missing}


def _is_over(context: Mapping[str, Any], session: date) -> bool:
    due = run_moment(context)
    return due is None or due >= krx_calendar().final_at(session)


def _watched() -> list[str]:
    return list(watch_list({"WATCH_LIST": Variable.get("WATCH_LIST", default=None) or text(os.environ, "WATCH_LIST")}))
