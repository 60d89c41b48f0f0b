"""
### market_reference: on which days the market trades and which instruments it lists

**When.** 07:30 (Seoul) on every session of the exchange, before anything else asks for prices.

**What.** `trading_sessions` loads the days on which the source says the market opens, from the run's session on, and
compares them with the trading calendar; it is skipped when the source does not say (KIS's virtual server).
KIS wants this asked at most once a day: a later run on the same day takes the answer from the warehouse. `instruments`
loads every instrument listed in KOSPI, KOSDAQ and KONEX, marks those that left the list, and makes the partitions of
this month and the next. The other DAGs take their stock codes from there. `official_instruments` adds the exchange's
own list, the newest that is published, if the connection `krx_default` has a key, and is skipped otherwise. The two are
merged by field: code, name, board, listing day and shares are the exchange's; halts, groups, par value and base price
are the broker's. What they disagree about is named in the log and listed in `market.instrument_difference`. No task
waits for another.

**Why.** A closure that nobody entered makes every other DAG ask for a day that does not exist, and an instrument that
is not on the list is never loaded.

**When it fails.**

* *CalendarMismatchError* in `trading_sessions`: the exchange has announced a closure (or lifted one) that the calendar
  does not have. The message names the days. Find the notice, enter it with `data-pipeline calendar close` or `open`,
  and clear the task; that costs no further call.
* *IncompleteDataError* in `trading_sessions`: today's only call was made and failed. Tomorrow's run asks again; each
  answer covers 24 days, so nothing is lost.
* *AuthenticationError, ConfigurationError*: the connection named in the message has to be corrected; nothing was
  loaded.
* *InvalidRequestError for an earlier session*: KIS only knows today's list, so a missed day cannot be made up for; mark
  the run as successful. The next run brings everything up to date.
* Anything transient is tried again automatically. Running it twice changes nothing.
"""

from __future__ import annotations

from datetime import datetime, time

from airflow.sdk import DAG, Asset

from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.defaults import SOURCE_CONN_ID, TASK_DEFAULTS, session_param
from data_pipeline.operators.official_instruments import OfficialInstrumentsOperator
from data_pipeline.timetables import KrxSessionTimetable

with DAG(
    dag_id="market_reference",
    schedule=KrxSessionTimetable(time(7, 30)),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params={"session": session_param()},
    tags=["korea", "reference"],
    doc_md=__doc__,
) as dag:
    DataSourceToPostgresOperator(
        task_id="trading_sessions",
        dataset="trading_session",
        source_conn_id=SOURCE_CONN_ID,
        skip_unsupported=True,
        outlets=[Asset("market.trading_session")],
    )
    DataSourceToPostgresOperator(
        task_id="instruments",
        dataset="instrument",
        source_conn_id=SOURCE_CONN_ID,
        outlets=[Asset("market.instrument")],
    )
    OfficialInstrumentsOperator(task_id="official_instruments", outlets=[Asset("market.instrument")])
