"""
### daily_bars_official: the exchange's own bars of the previous session, and where they differ

**When.** 08:30 (Seoul) on every session, about the session before it: KRX publishes a session from 08:00 of the next
one.

**What.** `instruments` loads the session's list of stocks (three calls), which shows what was delisted on it, before
anything relies on its bars. `load` fetches the whole market from the KRX Open API (five calls), lists every difference
from the stored provisional bars in `market.reconciliation`, and replaces them; a provisional bar never replaces an
official one. Both are skipped while there is no connection `krx_default`.

Whether KIS's daily bars include the after-market (16:00 to 20:00) is not documented. The rows with `after_market` show
it: set `KIS_BARS_INCLUDE_AFTER_MARKET` to what they say, and `expected` tells ordinary differences from real ones.

**When it fails.**

* *NotPublishedError*: KRX is late; the task is tried again every ten minutes for two hours.
* *AuthenticationError*: the key is unknown or older than a year; renew it at openapi.krx.co.kr and put it into the
  connection. *ServiceNotApprovedError*: apply there for the service that the message names.
* *DailyQuotaError*: the key's 10,000 calls of the day are spent; clear the task after midnight (Seoul).
* *IncompleteDataError*: a market came empty although it must be there. Look at KRX's notices, and check whether the day
  was a closure that the calendar lacks.
* *MaintenanceError*, anything transient: it is tried again automatically. Running it twice changes nothing.

For another session, trigger it with `session`, or use `airflow backfill create --dag-id daily_bars_official ...`.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from airflow.sdk import DAG, Asset

from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.defaults import TASK_DEFAULTS, session_param
from data_pipeline.operators.official_daily_bars import OfficialDailyBarsOperator
from data_pipeline.operators.official_instruments import OfficialInstrumentsOperator
from data_pipeline.timetables import KrxSessionTimetable

with DAG(
    dag_id="daily_bars_official",
    schedule=KrxSessionTimetable(time(8, 30), sessions_later=1),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params={"session": session_param()},
    tags=["korea", "prices"],
    doc_md=__doc__,
) as dag:
    instruments = OfficialInstrumentsOperator(
        task_id="instruments",
        retries=12,
        retry_delay=timedelta(minutes=10),
        max_retry_delay=timedelta(minutes=10),
        outlets=[Asset("market.instrument")],
    )
    load = OfficialDailyBarsOperator(
        task_id="load",
        trigger_rule="all_done",  # bars do not wait for a list that is not approved
        retries=12,
        retry_delay=timedelta(minutes=10),
        max_retry_delay=timedelta(minutes=10),
        outlets=[Asset("market.daily_bar")],
    )
    instruments >> load
