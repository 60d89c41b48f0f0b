"""
### current_prices: the price of every listed instrument and the main indices, every minute

**When.** Every minute from the opening to the close of a session; never on a closed day, and by the special hours of
examination days.

**What.** `plan` reads the listed codes from the warehouse (or takes the watch list, when `UNIVERSE` says so); `load`
stores the present price of each, thirty codes a call: about 92 calls, five seconds at 18 calls a second. One task takes
the whole market: starting another costs more time than it saves. `load_indices` stores the level of KOSPI, KOSDAQ,
KOSPI 200 and KOSDAQ 150, one call each, beside it and without waiting for it; it is skipped on KIS's virtual server,
which does not tell. They go to `index_snapshot` and never to `index_bar`: a level of a running session is no bar.

**Why.** A price belongs to a moment. A minute that was missed stays missed; the session's own figures come with
`daily_bars`.

**When it fails.** Do nothing about a single run: the next one comes in a minute, and while a run takes longer than
that, the scheduler skips those that come due.

* *Skipped*: the run came later than its minute (after `up` in the evening, say), and a missed moment stays missed.
* *No instruments in the warehouse*: run `market_reference`.
* *CircuitOpenError, QueueTimeoutError* run after run: the source is down, or other work uses the quota up.
* *UnknownStockError, IncompleteDataError*: the list of instruments is older than the session; run `market_reference`.
* *ConfigurationError* in `plan`: the quota is too small for a snapshot of so many instruments within five minutes, as
  on KIS's virtual server, which gives one price a call and one call a second. Set the Variable `UNIVERSE` to
  `watch_list`, or trigger it with `stock_codes`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Asset, Param, task

from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.defaults import SOURCE_CONN_ID, TASK_DEFAULTS, stock_codes_param
from data_pipeline.pools import QUOTES_POOL
from data_pipeline.timetables import KrxIntradayTimetable

EVERY = timedelta(minutes=1)

with DAG(
    dag_id="current_prices",
    schedule=KrxIntradayTimetable(minutes=EVERY // timedelta(minutes=1)),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS
    | {
        "pool": QUOTES_POOL,
        "retries": 2,
        "retry_delay": timedelta(seconds=5),
        "max_retry_delay": timedelta(seconds=20),
        "execution_timeout": timedelta(minutes=10),
    },
    params={
        "stock_codes": stock_codes_param("Empty: every instrument that the warehouse lists, or what UNIVERSE says."),
        "chunk_size": Param(3000, type="integer", minimum=1, title="Stock codes in one task"),
    },
    tags=["korea", "prices"],
    doc_md=__doc__,
) as dag:

    @task(show_return_value_in_logs=False)
    def plan(source_conn_id: str, **context: Any) -> list[list[str]]:
        """Return the codes listed on the run's session, in chunks; refuse when they cannot be had in time."""
        from data_pipeline.operators.planning import plan_prices

        return plan_prices(context, source_conn_id, EVERY)

    DataSourceToPostgresOperator(
        task_id="load_indices",
        dataset="index_snapshot",
        source_conn_id=SOURCE_CONN_ID,
        skip_unsupported=True,
        outlets=[Asset("market.index_snapshot")],
    )
    DataSourceToPostgresOperator.partial(
        task_id="load",
        dataset="price_snapshot",
        source_conn_id=SOURCE_CONN_ID,
        map_index_template="{{ task.stock_codes[0] }} to {{ task.stock_codes[-1] }}",
        outlets=[Asset("market.price_snapshot")],
    ).expand(stock_codes=plan(SOURCE_CONN_ID))
