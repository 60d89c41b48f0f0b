"""Runs once for each session whose daily bars are proven, and again for one that was restated since."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Asset, PartitionedAssetTimetable, task

with DAG(
    dag_id="after_a_proven_session",
    schedule=PartitionedAssetTimetable(assets=Asset("market.daily_bar.proven")),
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Seoul")),
    catchup=False,
    tags=["example"],
) as dag:

    @task
    def turnover(**context: Any) -> int:
        """Return what the whole market traded on the session, in won."""
        from contextlib import closing

        from data_pipeline.hooks.warehouse import WarehouseHook

        session = context["dag_run"].partition_key
        with closing(WarehouseHook("market_db").get_conn()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT sum(trading_value)::bigint FROM market.daily_bar WHERE session = %s", (session,))
            return int(cursor.fetchone()[0])

    turnover()
