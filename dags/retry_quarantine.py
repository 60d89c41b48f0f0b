"""
### retry_quarantine: refused rows again, by hand

**When.** Only when somebody triggers it, after the cause was removed: a parser or a threshold was changed, or the list
of instruments was loaded.

**What.** `retry` makes each row in `market.rejected_row` into a record again, checks it as a load does and loads it
when it passes. A row whose cell was loaded meanwhile is settled as `superseded`. The XCom value counts the outcomes.

**When it fails.** Rows that are still refused do not fail the task: they stay in quarantine with their newest reason.
It fails when the warehouse cannot be reached; clear it then. Rows of calls that do not name their session say so: load
their window again with `backfill`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, Param, task

from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.defaults import TASK_DEFAULTS

with DAG(
    dag_id="retry_quarantine",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params={
        "rejected_ids": Param(
            [],
            type=["array", "null"],
            items={"type": "integer"},
            title="Rows",
            description="Numbers (rejected_id), one a line. Empty: every row in quarantine.",
        ),
    },
    tags=["korea", "by hand"],
    doc_md=__doc__,
) as dag:

    @task
    def retry(**context: Any) -> dict[str, int]:
        """Try the rows again."""
        from data_pipeline.operators.retry_quarantine import retry_quarantine

        return retry_quarantine(context["params"]["rejected_ids"] or None)

    retry()
