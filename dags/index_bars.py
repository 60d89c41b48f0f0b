"""
### index_bars: the session's bar of the main indices and the sectors

**When.** 20:35 (Seoul) on every session of the exchange.

**What.** `load` fetches the bars of KOSPI, KOSDAQ, KOSPI 200 and KOSDAQ 150 and of 41 sectors (업종), one call each,
checks them and loads them in one transaction. Volumes are exact to a thousand shares and values to a million won,
because KIS says no more. The virtual server has them too, at its one call a second.

**Why.** They are provisional: `index_bars_official` replaces them the next morning, by family and name, and brings what
KIS's codes do not name. No document of KIS lists the codes of sectors, so one whose answer has another name than the
exchange's is left out: `market.rejected_row` says which and why, and the others are loaded.

**When it fails.** Clear `load`; a session that is loaded twice changes nothing. Otherwise `heal_gaps` asks for it at
21:30, and on every evening until it is there.

* *WindowRefusedError*: a main index did not come, or the levels are of another index or day; the message names it.
* *PayloadError*: an answer is not as documented. Somebody has to look at it.

To load another session, trigger it with `session`, or fill a range with `backfill` and the dataset `index_bar`.
"""

from __future__ import annotations

from datetime import datetime, time

from airflow.sdk import DAG, Asset

from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.defaults import SOURCE_CONN_ID, TASK_DEFAULTS, session_param
from data_pipeline.timetables import KrxSessionTimetable

with DAG(
    dag_id="index_bars",
    schedule=KrxSessionTimetable(time(20, 35)),
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
        source_conn_id=SOURCE_CONN_ID,
        outlets=[Asset("market.index_bar")],
    )
