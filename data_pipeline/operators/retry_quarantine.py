"""What the DAG ``retry_quarantine`` does."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing

from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.loading.retry import Held, retry_rows
from data_pipeline.market.clock import market_now
from data_pipeline.records import DailyBar
from data_pipeline.sources.reread import reread_daily_bar


def retry_quarantine(
    rejected_ids: Collection[int] | None = None, postgres_conn_id: str = WarehouseHook.default_conn_name
) -> dict[str, int]:
    """
    Try rows in quarantine again and return how many ended how.

    :param rejected_ids: Only these rows; None tries all.
    :param postgres_conn_id: The Airflow connection of the warehouse.
    """
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        return retry_rows(connection, reread, rejected_ids, clock=market_now)


def reread(one: Held) -> DailyBar:
    """Return the bar of a vendor's own row, read by the parsers of today."""
    return reread_daily_bar(one.origin, one.payload, one.stock_code, one.session)
