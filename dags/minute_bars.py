"""
### minute_bars: one-minute bars, of the watch list through the day and of the whole market after it

**When.** Every five minutes from the opening to the close of a session, and once more at 20:40 (Seoul).

**What.** A run in session loads the complete minutes of the watch list up to its moment; the last one that traded comes
with a later run, because KIS shows its shares only after the next trade. The run at 20:40 loads the whole session of
every listed instrument (or of the watch list, when `UNIVERSE` says so): four calls an instrument, about 10,800 calls,
ten minutes at 18 calls a second. `plan` decides by the run's own moment which codes to take; one `load` task a chunk
fetches, checks and loads them.

**Why at 20:40 and not at the close.** The regular market closes at 15:30, and on an examination day at 16:30, but the
day goes on: the after-market (애프터마켓, since 14 September 2026) trades until 20:00, and only then does the exchange
stop adding to the day's figures. A session that is loaded after that need not be loaded twice. `daily_bars` goes first
(20:30, a hundred calls), and `heal_gaps` finds everything there at 21:30.

**When it fails.**

* *A run in session*: nothing to do. Each run loads the session from its opening, so the next one fills the gap.
* *The run at 20:40*: clear the failed `load` tasks, the same evening or later; what is there stays as it is. When the
  run itself is gone, trigger `backfill` with the dataset `minute_bar`.
* *No instruments in the warehouse*: run `market_reference` first, then clear `plan`.
* *ConfigurationError* in `plan`: the quota is too small for so many instruments. A run in session may take five
  minutes, that of 20:40 until midnight; on KIS's virtual server the whole market would take ten hours at one call a
  second. Set the Variable `UNIVERSE` to `watch_list` and shorten `WATCH_LIST`, or trigger it with `stock_codes`.
* *UnsupportedDatasetError*: KIS's virtual server has the minutes of the present session only.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from airflow.sdk import DAG, Asset, Param, task

from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.defaults import SOURCE_CONN_ID, TASK_DEFAULTS, stock_codes_param
from data_pipeline.timetables import KrxIntradayTimetable

with DAG(
    dag_id="minute_bars",
    schedule=KrxIntradayTimetable(minutes=5, also_at=time(20, 40)),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params={
        "stock_codes": stock_codes_param("Empty: the watch list in session, every listed instrument after it."),
        "chunk_size": Param(300, type="integer", minimum=1, title="Stock codes in one task"),
    },
    tags=["korea", "prices"],
    doc_md=__doc__,
) as dag:

    @task(show_return_value_in_logs=False)
    def plan(source_conn_id: str, **context: Any) -> list[list[str]]:
        """Return the codes that the run's moment asks for, in chunks; refuse when they cannot be had in time."""
        from data_pipeline.operators.planning import plan_minutes

        return plan_minutes(context, source_conn_id)

    DataSourceToPostgresOperator.partial(
        task_id="load",
        dataset="minute_bar",
        source_conn_id=SOURCE_CONN_ID,
        running_session=True,
        map_index_template="{{ task.stock_codes[0] }} to {{ task.stock_codes[-1] }}",
        outlets=[Asset("market.minute_bar")],
    ).expand(stock_codes=plan(SOURCE_CONN_ID))
