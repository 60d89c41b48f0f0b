"""Ends the DAG runs that `down` interrupts, so that their retries do not hold up the runs of the next morning."""

from __future__ import annotations

from contextlib import closing

from data_pipeline.warehouse.connect import connect

_END = """
    WITH ended AS (
        UPDATE dag_run SET state = 'failed', end_date = now()
        WHERE state = 'running' OR (state = 'queued' AND run_type = 'scheduled')
        RETURNING dag_id, run_id
    ), tasks AS (
        UPDATE task_instance
        SET state = CASE WHEN state IN ('running', 'restarting') THEN 'failed' ELSE 'skipped' END,
            end_date = coalesce(end_date, now())
        WHERE (dag_id, run_id) IN (SELECT dag_id, run_id FROM ended)
            AND (state IS NULL OR state NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))
    )
    SELECT dag_id, run_id FROM ended ORDER BY 1, 2
"""


def end_waiting_runs(metadata_url: str) -> list[str]:
    """Fail the DAG runs that have begun or are due, and return their names; Airflow must be down.

    Tasks that ran are failed and those that waited, for another try too, are skipped; clearing a run takes it up again.
    Runs that somebody asked for and that have not begun stay.

    Args:
        metadata_url: Airflow's database, migrated.
    """
    with closing(connect(metadata_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('dag_run') IS NOT NULL")
        if not (cursor.fetchone() or (False,))[0]:
            return []
        cursor.execute(_END)
        return [f"{dag_id} {run_id}" for dag_id, run_id in cursor.fetchall()]
