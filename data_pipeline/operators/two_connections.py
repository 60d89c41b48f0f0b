"""Which Airflow connections a backfill asks: the one of its form, and the exchange's beside it for daily bars."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException

from data_pipeline.backfill.in_turn import may_share
from data_pipeline.backfill.lists import DATASET as LISTS
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.hooks.source import OFFICIAL_CONN_ID, has_official_key, open_source
from data_pipeline.sources.base import AbstractDataSource

log = logging.getLogger(__name__)
SOURCES = ("auto", "kis", "krx", "mock")


def chosen_conn_id(params: Mapping[str, Any], scheduled_conn_id: str) -> str:
    """
    Return the connection that a form asks: the one it names, else one of the kind of source it names.

    That is the connection of the scheduled DAGs when it is of this kind, else ``kis_default`` and so on. When the
    choice is open, lists of issues come from the exchange where its key exists, because nobody else has past ones.

    :param params: ``dataset``, ``source`` and ``source_conn_id`` of the form.
    :param scheduled_conn_id: What ``SOURCE_CONN_ID`` says; it is the form's own when the form names one.
    :raises InvalidRequestError: There is no such kind.
    """
    kind = params.get("source") or "auto"
    if kind not in SOURCES:
        raise InvalidRequestError(f"source must be one of {', '.join(SOURCES)}, not {kind!r}")
    is_open = kind == "auto" and not params.get("source_conn_id")
    if is_open and params.get("dataset") == LISTS and has_official_key():
        return OFFICIAL_CONN_ID
    if kind == "auto" or params.get("source_conn_id") or _type_of(scheduled_conn_id) == kind:
        return scheduled_conn_id
    return f"{kind}_default"


@contextmanager
def exchange_beside(
    params: Mapping[str, Any], source: AbstractDataSource, dataset: str
) -> Iterator[AbstractDataSource | None]:
    """
    Hand over the exchange when it may take a share of a form's work, else None.

    It may when the form leaves the choice (``auto`` and no connection), the work is daily bars out of KIS, there is a
    connection ``krx_default`` with a key, and not just one of the two is made up.

    :param params: ``source`` and ``source_conn_id`` of the form.
    :param source: The source of the form.
    :param dataset: What is asked for.
    """
    is_open = params.get("source") in (None, "", "auto") and not params.get("source_conn_id")
    if not is_open or dataset != "daily_bar" or not has_official_key():
        yield None
        return
    with open_source(OFFICIAL_CONN_ID) as official:
        yield official if may_share(source, official) else None


def _type_of(conn_id: str) -> str | None:
    try:
        return str(BaseHook.get_connection(conn_id).conn_type)
    except AirflowException:
        return None
