"""What tasks that load have in common: who they are, and when they are skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.engine.one_window import Run
from data_pipeline.engine.windows import run_moment
from data_pipeline.hooks.source import OFFICIAL_CONN_ID, has_official_key


def run_of(context: Mapping[str, Any]) -> Run:
    """Return who loads, for ``market.ingest_run``: the task instance of a context, nobody outside a DAG run."""
    instance, moment = context.get("ti"), run_moment(context)
    if instance is None:
        return Run(moment=moment)
    return Run(instance.dag_id, instance.task_id, instance.run_id, instance.map_index, moment)


def skip_without_key(conn_id: str, consequence: str) -> None:
    """
    Skip the task when ``conn_id`` is the usual connection and there is no key in it.

    :param conn_id: The Airflow connection; one that is not the usual one was named on purpose and has to exist.
    :param consequence: What follows from the missing key, for the message.
    :raises AirflowSkipException: There is no key.
    """
    if conn_id == OFFICIAL_CONN_ID and not has_official_key():
        raise AirflowSkipException(
            f"there is no connection {OFFICIAL_CONN_ID!r} with a key, so {consequence}; make one of "
            "type 'krx' with a key of openapi.krx.co.kr"
        )
