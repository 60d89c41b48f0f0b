"""
### index_bars_official: the exchange's own bars of every index of the previous session

**When.** 08:35 (Seoul) on every session, about the session before it: KRX publishes a session from 08:00 of the next
one.

**What.** `load` fetches the three families of indices (KRX, KOSPI, KOSDAQ) from the KRX Open API, about 131 indices in
three calls, and replaces the provisional bars; a provisional bar never replaces an official one. What a replaced bar
said is in `market.restatement`. The task is skipped while there is no connection `krx_default`.

**When it fails.** As `daily_bars_official`: *NotPublishedError* is tried again every ten minutes for two hours, and
*ServiceNotApprovedError* names the service that has to be applied for at openapi.krx.co.kr (each family is one).
*WindowRefusedError* says why the session is not believed: above all figures that repeat the session before.

For another session, trigger it with `session`, or fill a range with `backfill` and the dataset `index_bar`.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from airflow.sdk import DAG, Asset

from data_pipeline.hooks.source import OFFICIAL_CONN_ID
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.defaults import TASK_DEFAULTS, session_param
from data_pipeline.timetables import KrxSessionTimetable

with DAG(
    dag_id="index_bars_official",
    schedule=KrxSessionTimetable(time(8, 35), sessions_later=1),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params={"session": session_param()},
    tags=["korea", "indices"],
    doc_md=__doc__,
) as dag:
    DataSourceToPostgresOperator(
        task_id="load",
        dataset="index_bar",
        source_conn_id=OFFICIAL_CONN_ID,
        without_key="index bars stay provisional",
        retries=12,
        retry_delay=timedelta(minutes=10),
        max_retry_delay=timedelta(minutes=10),
        outlets=[Asset("market.index_bar")],
    )
