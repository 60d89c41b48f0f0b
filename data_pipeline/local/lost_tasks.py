"""Lets the scheduler that `up` starts take up at once what a killed one was at."""

from __future__ import annotations

from contextlib import closing

from data_pipeline.warehouse.connect import connect

_GONE = "UPDATE job SET state = 'failed', end_date = now() WHERE job_type = 'SchedulerJob' AND state = 'running'"


def forget_gone_schedulers(metadata_url: str) -> int:
    """Note that no scheduler runs, and return how many were believed to; one that starts then resets their tasks.

    Otherwise it believes for half a minute that a killed one lives, looks again after five, and all that time tasks
    that nobody works on count as running.

    Args:
        metadata_url: Airflow's database, migrated. No scheduler may run on it.
    """
    with closing(connect(metadata_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(_GONE)
        return cursor.rowcount
