"""
### heal_gaps: fills exactly what is missing

**When.** 21:30 (Seoul) on every session of the exchange, an hour after `daily_bars`.

**What.** `plan` tries rows in quarantine again that nobody has tried yet, once each. Then it reads from
`market.coverage` which daily bars and which sessions of minute bars are missing, up to the run's session; one `load`
task a chunk of codes asks for just those, with the fewest requests and at most `most_requests` of them: the newest
sessions first, older ones wait for the next run. The log of `plan` says how long that takes. Sessions of minutes on
which nothing was traded, by the day's volume, are remembered in `market.no_data`, so that they are not asked again. A
bar that did not come is, every evening; see `unproven_empty` in the reference of coverage for what becomes of it.
`report` lists what is still missing and why.

**When it fails.** Clear the failed `load` tasks, or wait: the next run tries again. *IncompleteDataError* names the
windows that failed; nothing is remembered as empty when the source failed. What stays missing without a failure is
what the source cannot serve: instruments that it no longer knows, minutes further back than it has (KIS: one year).
`report` names them every evening; another source may fill them, by `backfill`.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from airflow.sdk import DAG, Asset, Param, task

from data_pipeline.market.dataset_names import WITH_CELLS
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.defaults import HEAL_REQUESTS, SOURCE_CONN_ID, TASK_DEFAULTS, session_param
from data_pipeline.operators.fill_gaps import FillGapsOperator
from data_pipeline.timetables import KrxSessionTimetable

with DAG(
    dag_id="heal_gaps",
    schedule=KrxSessionTimetable(time(21, 30)),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params={
        "session": session_param(),
        "most_requests": Param(
            HEAL_REQUESTS,
            type="integer",
            minimum=1,
            title="Requests at most",
            description="The newest sessions come first; older ones wait for the next run.",
        ),
    },
    tags=["korea", "coverage"],
    doc_md=__doc__,
) as dag:

    @task(show_return_value_in_logs=False)
    def plan(source_conn_id: str, **context: Any) -> list[dict[str, Any]]:
        """Return the codes that lack sessions, by dataset and in chunks."""
        from data_pipeline.operators.filling import plan_healing

        return plan_healing(context, source_conn_id)

    @task(trigger_rule="all_done")
    def report(source_conn_id: str, **context: Any) -> dict[str, int]:
        """Say what is still missing and why; fail when a load task failed."""
        from data_pipeline.operators.filling import report_healing

        return report_healing(context, source_conn_id)

    load = FillGapsOperator.partial(
        task_id="load",
        source_conn_id=SOURCE_CONN_ID,
        map_index_template="{{ task.dataset }}{% if task.stock_codes %}, {{ task.stock_codes | length }} codes from "
        "{{ task.stock_codes | first }}{% endif %}",
        outlets=[Asset(f"market.{name}") for name in WITH_CELLS],
    ).expand_kwargs(plan(SOURCE_CONN_ID))
    load >> report(SOURCE_CONN_ID)
