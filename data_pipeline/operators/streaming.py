"""What the tasks of the DAG of the stream do: open the day, fill its gaps, prove it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from typing import Any

from airflow.sdk import Variable
from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.engine.gap_filling import fill_gaps
from data_pipeline.engine.stream_day import health, open_day, prove_trades, require_settled
from data_pipeline.engine.windows import as_codes, run_moment, run_session
from data_pipeline.exceptions import TransientError
from data_pipeline.hooks.connection import read_connection
from data_pipeline.hooks.kis import KISHook
from data_pipeline.hooks.source import open_source
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.market.stream_records import StreamKind, Subscription
from data_pipeline.market.stream_wishes import stream_kinds, stream_venues, wishes
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.venue import Venue
from data_pipeline.market.watch_list import watch_list
from data_pipeline.operators.permanent import fails_at_once
from data_pipeline.operators.task import run_of
from data_pipeline.read.archive.retire import retire
from data_pipeline.settings import text
from data_pipeline.sources.kis.stream.fields import feed_of
from data_pipeline.warehouse.connect import connect

log = logging.getLogger(__name__)
FILL_SECONDS = 240.0
"""Of the five minutes between two runs."""
FILL_SECONDS_LAST = 1800.0


@fails_at_once
def open_stream_day(context: Mapping[str, Any], source_conn_id: str = "", postgres_conn_id: str = "market_db") -> str:
    """
    Note the watch list of the run's session at each venue, and return how the lines of the stream stand.

    :param source_conn_id: Whose stream it is; of KIS's virtual server only trades and books of KRX can be expected.
    :raises UnsupportedDatasetError: The server has no such feed; nothing is noted.
    :raises AirflowSkipException: Nobody runs the service: no line is alive, and nothing was streamed for a week.
    :raises TransientError: The service was running and no line of it is up; it may come back.
    """
    session = run_session(context, final=False)
    codes = as_codes(context["params"].get("stock_codes")) or _watched()
    kinds, venues = stream_kinds(os.environ), _venues(context["params"].get("venues"))
    if source_conn_id:
        _require_offered(source_conn_id, wishes(codes[:1], kinds, venues))
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        stands = health(connection)
        if not stands.used:
            raise AirflowSkipException(f"{stands.said}, and nothing was streamed for a week: nobody runs the service")
        watched = venues if StreamKind.TRADE in kinds else ()
        new = sum(open_day(connection, session, codes, venue) for venue in watched)
    where = ", ".join(one.value for one in watched) or "no venue"
    log.info("%d codes are watched on %s at %s, %d new: %s", len(codes), session, where, new, stands.said)
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


@fails_at_once
def let_old_months_go(context: Mapping[str, Any], postgres_conn_id: str = "market_db") -> dict[str, int]:
    """
    Let the months of trades and order books go that are older than ``KEEP_..._MONTHS``, and return the counts.

    :raises AirflowSkipException: The session is not over, or nobody runs the service.
    :raises LoadError: A month is not as it was sealed; it stays, and `verify` says what differs.
    """
    session = run_session(context, final=False)
    if not _is_over(context, session):
        raise AirflowSkipException(f"{session} is not over: the run after the close sees to old months")
    url = WarehouseHook(postgres_conn_id).get_uri()
    with closing(connect(url, application_name="data-pipeline stream_day", statement_timeout=None)) as connection:
        if not health(connection).used:
            raise AirflowSkipException("nobody runs the service, so nothing fills the warehouse by itself")
        return retire(connection, session, os.environ)._asdict()


def _is_over(context: Mapping[str, Any], session: date) -> bool:
    due = run_moment(context)
    return due is None or due >= krx_calendar().final_at(session)


def _venues(given: list[str] | None) -> tuple[Venue, ...]:
    return stream_venues(os.environ, ",".join(given) if given else None)


def _require_offered(source_conn_id: str, wanted: Sequence[Subscription]) -> None:
    if read_connection(source_conn_id, "kis", "krx", "mock").conn_type == "kis":
        virtual = bool(KISHook(source_conn_id).settings().use_virtual)
        for one in wanted:
            feed_of(one, virtual=virtual)


def _watched() -> list[str]:
    return list(watch_list({"WATCH_LIST": Variable.get("WATCH_LIST", default=None) or text(os.environ, "WATCH_LIST")}))
