"""
### daily_bars: the session's bar of every listed instrument

**When.** 20:30 (Seoul) on every session of the exchange, when the after-market has ended and volumes no longer grow.

**What.** `plan` reads the listed codes from the warehouse and cuts them into chunks; one `load` task a chunk fetches
the session's raw daily bars, checks them and loads them in one transaction. The figures are provisional until the
exchange publishes its own the next morning.

**Why.** The bar of the day is what everything else is checked against. At 20:30 quotes still show the whole session, so
thirty instruments come in one call: a hundred calls instead of one for each instrument.

**When it fails.**

* *No instruments in the warehouse*: run `market_reference` first, then clear `plan`.
* *Some chunks failed*: their rows are absent and the others are there. Clear the failed tasks; a chunk that is loaded
  twice changes nothing.
* *IncompleteDataError*: the source left out a whole session. Look at its status page, then clear the task. Single
  instruments without a bar do not fail the task: the log and the XCom value `missing` name and count them.
* *PayloadError*: an answer is not as documented; the message names code, endpoint and field. Nothing of that window was
  loaded. Somebody has to look at it.

To load another session, trigger it with `session`, or use `airflow backfill create --dag-id daily_bars --from-date ...
--to-date ...`.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from airflow.sdk import DAG, Asset, Param, task

from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.defaults import SOURCE_CONN_ID, TASK_DEFAULTS, session_param
from data_pipeline.timetables import KrxSessionTimetable

with DAG(
    dag_id="daily_bars",
    schedule=KrxSessionTimetable(time(20, 30)),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params={
        "session": session_param(),
        "chunk_size": Param(900, type="integer", minimum=1, title="Stock codes in one task"),
    },
    tags=["korea", "prices"],
    doc_md=__doc__,
) as dag:

    @task(show_return_value_in_logs=False)
    def plan(**context: Any) -> list[list[str]]:
        """Return the codes listed on the run's session, in chunks."""
        from data_pipeline.operators.planning import plan_listed

        return plan_listed(context, context["params"]["chunk_size"])

    DataSourceToPostgresOperator.partial(
        task_id="load",
        dataset="daily_bar",
        source_conn_id=SOURCE_CONN_ID,
        map_index_template="{{ task.stock_codes[0] }} to {{ task.stock_codes[-1] }}",
        outlets=[Asset("market.daily_bar")],
    ).expand(stock_codes=plan())
