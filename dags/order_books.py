"""
### order_books: ten levels of the watch list, through the day

**When.** Every five minutes from the opening to the close of a session; never on a closed day, and by the special hours
of examination days.

**What.** `watched` decides which instruments: the run's parameter `stock_codes`, else the Airflow Variable
`WATCH_LIST`, else the environment variable of that name, else twenty of the largest instruments. `load` stores one
order book of each, one call an instrument; a long list is cut into chunks, one task each.

**Why.** Nobody publishes the books of the past: what is not stored at its moment is gone.

**When it fails.** An order book belongs to a moment: a failed run cannot be made up for, and the next one comes in five
minutes. So retries end quickly, and a run that comes later than its five minutes is skipped. When runs fail one after
the other, read the message: *CircuitOpenError* means that the source is down, *AuthenticationError* that the connection
has to be corrected, *UnknownStockError* that the watch list holds an instrument that is no longer listed,
*ConfigurationError* in `watched` that the watch list is longer than the quota brings in four minutes.
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

EVERY = timedelta(minutes=5)

with DAG(
    dag_id="order_books",
    schedule=KrxIntradayTimetable(minutes=EVERY // timedelta(minutes=1)),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS
    | {
        "pool": QUOTES_POOL,
        "retries": 2,
        "retry_delay": timedelta(seconds=15),
        "execution_timeout": timedelta(minutes=4),
    },
    params={
        "stock_codes": stock_codes_param("Empty: the watch list."),
        "chunk_size": Param(200, type="integer", minimum=1, title="Stock codes in one task"),
    },
    tags=["korea", "order book"],
    doc_md=__doc__,
) as dag:

    @task
    def watched(source_conn_id: str, **context: Any) -> list[list[str]]:
        """Return the codes to ask for, in chunks; refuse when they cannot be had in time."""
        from data_pipeline.operators.planning import plan_watched

        return plan_watched(context, source_conn_id, EVERY)

    DataSourceToPostgresOperator.partial(
        task_id="load",
        dataset="order_book",
        source_conn_id=SOURCE_CONN_ID,
        map_index_template="{{ task.stock_codes[0] }} to {{ task.stock_codes[-1] }}",
        outlets=[Asset("market.order_book")],
    ).expand(stock_codes=watched(SOURCE_CONN_ID))
