"""What the DAG ``retry_quarantine`` does."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import closing
from typing import TYPE_CHECKING

from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.loading.retry import Held, retry_rows, untried_rows
from data_pipeline.records import DailyBar
from data_pipeline.sources.reread import reread_daily_bar

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)
_MOST_ROWS = 2000


def retry_quarantine(
    rejected_ids: Collection[int] | None = None, postgres_conn_id: str = WarehouseHook.default_conn_name
) -> dict[str, int]:
    """
    Try rows in quarantine again and return how many ended how.

    :param rejected_ids: Only these rows; None tries all.
    :param postgres_conn_id: The Airflow connection of the warehouse.
    """
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        return retry_rows(connection, reread, rejected_ids)


def retry_untried(connection: Connection) -> dict[str, int]:
    """
    Give rows in quarantine their one chance without anybody's asking, and return how many ended how.

    A row may be refused for what was mended since: a check, a list that came later. At most 2,000 are tried, and the
    others the next time; rows that are still refused wait for `data-pipeline quarantine retry`.

    :param connection: Of a user that may load, without a transaction open; it is committed after each row.
    """
    numbers = untried_rows(connection, _MOST_ROWS)
    connection.commit()
    counts = retry_rows(connection, reread, numbers) if numbers else {}
    if counts:
        log.info("%d rows in quarantine were tried again: %s", len(numbers), counts)
    return counts


def reread(one: Held) -> DailyBar:
    """Return the bar of a vendor's own row, read by the parsers of today."""
    return reread_daily_bar(one.origin, one.payload, one.stock_code, one.session)
