"""
### proven_sessions: makes every proven session a partition that your own DAGs can wait for

**When.** After each load of daily bars, minute bars, index bars or investor flows, whichever DAG it came from. One run
at a time: loads that end meanwhile are looked at by the next.

**What.** `plan` compares the seals of the warehouse with what the assets `market.<dataset>.proven` were told before,
and lets pass only sessions every cell of which is settled by a proof. `announce` tells the asset of each that is new or
was restated since; its partition key is the day, as `2026-09-22`. A DAG on `PartitionedAssetTimetable` runs once for
each.

**Why.** An event of `market.daily_bar` says that rows came. It does not say of which session, nor that nothing is
missing, and a session that is filled a week later would look like today's.

**When it fails.** Clear the failed tasks, or wait for the next load: what was not announced is planned again. A
*TransientError* is the warehouse being away, and is tried again automatically.

The last 45 days and what the triggering load was about are looked at. For sessions that were loaded by the command
`data-pipeline backfill`, or while this DAG was paused, trigger it with `first`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from airflow.sdk import DAG, Param, task

from data_pipeline.market.dataset_names import WITH_CELLS
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.assets import loaded_asset, proven_asset
from data_pipeline.operators.defaults import TASK_DEFAULTS
from data_pipeline.operators.proven_sessions import AnnounceSessionsOperator
from data_pipeline.pools import QUOTES_POOL

PROVEN = [proven_asset(name) for name in WITH_CELLS]

with DAG(
    dag_id="proven_sessions",
    schedule=reduce(or_, (loaded_asset(name) for name in WITH_CELLS)),
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS | {"pool": QUOTES_POOL, "execution_timeout": timedelta(minutes=30)},
    params={
        "first": Param(
            None,
            type=["null", "string"],
            format="date",
            title="First day",
            description="Announce what is proven since then. Empty: the last 45 days and what was just loaded.",
        ),
    },
    tags=["korea", "coverage"],
    doc_md=__doc__,
) as dag:

    @task(inlets=PROVEN, show_return_value_in_logs=False)
    def plan(**context: Any) -> list[dict[str, Any]]:
        """Return the sessions that are proven and were not announced as they are now."""
        from data_pipeline.operators.proven_sessions import plan_announcements

        return plan_announcements(context)

    AnnounceSessionsOperator.partial(
        task_id="announce",
        map_index_template="{{ task.dataset }}, {{ task.sessions | length }} from {{ task.sessions | first }}",
        outlets=PROVEN,
    ).expand_kwargs(plan())
