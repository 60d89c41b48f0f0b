"""
### stream_day: the day of the live stream, opened, filled and proved; old months let go

**When.** Every five minutes from the opening to the close of a session, and once more at 20:55 (Seoul), after the
after-market.

**What.** The stream itself is no DAG: `data-pipeline stream` runs beside Airflow, receives every trade and writes it
within a second. This DAG does what a service should not do.

* `open_day` notes the watch list in `market.stream_watch`, so that coverage knows whose trades must come, and looks
  whether a line of the service is up.
* `fill_gaps` asks KIS for the trades that the counters say were missed (`market.stream_gap`), about thirty a call, the
  largest gap first. Its calls take a slot of the budget only when nobody else wanted one for a second: another DAG is
  delayed by one slot at most. What it does not reach stays open for the next run.
* `prove_day`, after the close: the trades and what was never printed (auctions, blocks) must add up to the last running
  volume of each code, lie within its daily bar, and make its minute bars. Then the day counts as whole, and the asset
  `market.trade` tells other DAGs.
* `let_old_months_go`, after the close, keeps the warehouse from filling up: trades and books of months older than
  `KEEP_TRADE_MONTHS` (12) and `KEEP_ORDER_BOOK_MONTHS` (1) go, into proved files where `ARCHIVE_FOLDER` names a folder.

**Why.** A trade that the line did not bring shows at once, because the running volume jumps; KIS tells single trades on
their own day only. What is not asked for before midnight is gone.

**When it fails.**

* *open_day is skipped*: nobody runs the service. Start it, or pause this DAG.
* *open_day: UnsupportedDatasetError*: the virtual server has trades and books of KRX only; mend `STREAM_KINDS` and
  `STREAM_VENUES`.
* *open_day: no line of the stream is up*: the service was running this week and is not now. Its log says why.
* *prove_day: IncompleteDataError*: some codes are not whole. `data-pipeline verify --cell CODE DAY` says why, and
  `market.stream_gap` what is lacking, to the share. A second in which more was traded than an answer shows cannot be
  filled; it stays named, and the minute bars still close the day.
* *let_old_months_go: LoadError*: a month is not as it was sealed and stays. `data-pipeline verify` says what differs.
* *SyntheticDataRefusedError*: the connection leads to a sandbox, and the warehouse holds real rows.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from airflow.sdk import DAG, Asset, Param, task

from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.defaults import SOURCE_CONN_ID, TASK_DEFAULTS, stock_codes_param
from data_pipeline.timetables import KrxIntradayTimetable

with DAG(
    dag_id="stream_day",
    schedule=KrxIntradayTimetable(minutes=5, also_at=time(20, 55)),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS | {"retries": 2, "retry_delay": timedelta(seconds=15)},
    params={
        "stock_codes": stock_codes_param("Empty: the watch list."),
        "venues": Param(
            default=[],
            type=["array", "null"],
            items={"type": "string", "enum": ["KRX", "NXT", "UNIFIED"]},
            title="Venues",
            description="Whose trades are expected. Empty: STREAM_VENUES, or else KRX.",
        ),
    },
    tags=["korea", "stream"],
    doc_md=__doc__,
) as dag:

    @task
    def open_day(source_conn_id: str, **context: Any) -> str:
        """Note the watch list, and return how the lines of the service stand."""
        from data_pipeline.operators.streaming import open_stream_day

        return open_stream_day(context, source_conn_id)

    @task(trigger_rule="none_skipped")
    def fill_gaps(source_conn_id: str, **context: Any) -> dict[str, int]:
        """Ask for what the counters say was missed, in spare time."""
        from data_pipeline.operators.streaming import fill_stream_gaps

        return fill_stream_gaps(context, source_conn_id)

    @task(outlets=[Asset("market.trade")])
    def prove_day(source_conn_id: str, **context: Any) -> dict[str, int]:
        """Prove the trades of the day, after the close."""
        from data_pipeline.operators.streaming import prove_stream_day

        return prove_stream_day(context, source_conn_id)

    @task(trigger_rule="all_done", execution_timeout=timedelta(hours=6))  # it reads each row of a month
    def let_old_months_go(**context: Any) -> dict[str, int]:
        """Let months go that are older than what is kept, after the close, whatever became of the day."""
        from data_pipeline.operators.streaming import let_old_months_go

        return let_old_months_go(context)

    proved = prove_day(SOURCE_CONN_ID)
    open_day(SOURCE_CONN_ID) >> fill_gaps(SOURCE_CONN_ID) >> proved >> let_old_months_go()
