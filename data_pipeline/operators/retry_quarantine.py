"""What the task of the DAG ``retry_quarantine`` does."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing

from data_pipeline.engine.retry_quarantine import retry_rows
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.operators.permanent import fails_at_once


@fails_at_once
def retry_quarantine(
    rejected_ids: Collection[int] | None = None, postgres_conn_id: str = WarehouseHook.default_conn_name
) -> dict[str, int]:
    """
    Try rows in quarantine again and return how many ended how.

    :param rejected_ids: Only these rows; None tries all.
    :param postgres_conn_id: The Airflow connection of the warehouse.
    """
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        return retry_rows(connection, rejected_ids)
