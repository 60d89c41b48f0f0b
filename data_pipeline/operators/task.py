"""What tasks that load have in common: who they are, and when they are skipped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.engine.one_window import Run
from data_pipeline.engine.windows import lateness, run_moment
from data_pipeline.hooks.source import OFFICIAL_CONN_ID, has_official_key
from data_pipeline.market.clock import Clock, real_now

if TYPE_CHECKING:
    from data_pipeline.datasets.dataset import Dataset


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


def skip_when_late(context: Mapping[str, Any], what: str, allowed: timedelta, clock: Clock = real_now) -> None:
    """
    Skip a task that stores the present when the moment of its run has passed: a missed moment stays missed.

    A run that somebody made by hand is about the present, whenever it runs.

    :param context: Airflow's own.
    :param what: What is not stored, for the message.
    :param allowed: How long after the run came due the present still counts as its moment.
    :param clock: The machine's own clock, by which the scheduler lives.
    :raises AirflowSkipException: It is later than that.
    """
    late = lateness(context, clock)
    if late is not None and late > allowed:
        minutes = round(late.total_seconds() / 60)
        raise AirflowSkipException(
            f"this run was due {minutes:,} minutes ago and stores the present: its moment is missed, and {what} of now "
            "belong to another one"
        )


def skip_late_load(context: Mapping[str, Any], dataset: Dataset, clock: Clock = real_now) -> None:
    """
    Skip a load of a dataset about the present after twice the time in which its quotes have to come.

    It may have waited for its slot, or be another try of a load that failed; the task that planned it was in time.

    :param context: Airflow's own.
    :param dataset: What is loaded; one that has a past is never too late.
    :param clock: The machine's own clock, by which the scheduler lives.
    :raises AirflowSkipException: It is later than that.
    """
    if dataset.of_moments and dataset.present:
        skip_when_late(context, dataset.title, 2 * dataset.present.allowed, clock)
