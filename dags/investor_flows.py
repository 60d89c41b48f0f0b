"""
### investor_flows: who bought and who sold each instrument on the session

**When.** 20:50 (Seoul) on every session of the exchange.

**What.** `plan` reads the listed codes from the warehouse and cuts them into chunks; one `load` task a chunk fetches
the shares and won that individuals, foreigners and institutions bought and sold, on KIS's real server by each kind of
institution as well. One call an instrument, which is the fewest that KIS allows: about 2,700 calls, three minutes at 18
calls a second. Values are exact to a million won, because KIS says no more.

`check_market` asks for the figures of KOSPI and KOSDAQ as a whole, two calls, and holds the sums over their instruments
against them: only values, and no closer than a million won an instrument, because nobody says more. A difference is a
warning, in its log and in `market.ingest_run`; a board of which a row is missing is not compared. It is skipped on the
virtual server.

**Why at 20:50.** KIS tells nothing of the session before 15:40, and figures count as final when the after-market has
ended. What is loaded earlier would settle nothing.

**When it fails.**

* *No instruments in the warehouse*: run `market_reference` first, then clear `plan`.
* *Some chunks failed*: clear the failed tasks, or leave it to `heal_gaps` at 21:30.
* *UnsupportedDatasetError*: KIS's virtual server has the newest thirty sessions only, and KRX has none.
* *PayloadError*: net is not bought minus sold, or an answer is not as documented. Somebody has to look at it.

To load another session, trigger it with `session`; a range is filled by `backfill` with the dataset `investor_flow`,
thirty sessions of an instrument a call.
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
    dag_id="investor_flows",
    schedule=KrxSessionTimetable(time(20, 50)),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params={
        "session": session_param(),
        "chunk_size": Param(900, type="integer", minimum=1, title="Stock codes in one task"),
    },
    tags=["korea", "investors"],
    doc_md=__doc__,
) as dag:

    @task(show_return_value_in_logs=False)
    def plan(**context: Any) -> list[list[str]]:
        """Return the codes listed on the run's session, in chunks."""
        from data_pipeline.operators.planning import plan_listed

        return plan_listed(context, context["params"]["chunk_size"])

    @task(trigger_rule="all_done")
    def check_market(source_conn_id: str, **context: Any) -> dict[str, int]:
        """Compare what the instruments add up to with the figures of whole boards; return what that showed."""
        from data_pipeline.operators.market_check import check_flows

        return check_flows(context, source_conn_id)

    load = DataSourceToPostgresOperator.partial(
        task_id="load",
        dataset="investor_flow",
        source_conn_id=SOURCE_CONN_ID,
        map_index_template="{{ task.stock_codes[0] }} to {{ task.stock_codes[-1] }}",
        outlets=[Asset("market.investor_flow")],
    ).expand(stock_codes=plan())
    load >> check_market(SOURCE_CONN_ID)
