"""
### backfill: any range of the past, by hand

**When.** Only when somebody triggers it; the form asks for the dataset, the stock codes and the range.

**What.** `plan` checks the form and cuts the codes into chunks; one `load` task a chunk fetches and loads its part of
the range, in windows of one transaction each. What is in the warehouse already and has not changed is left as it is, so
the same backfill may be run again.

**When it fails.** Clear the failed `load` tasks: windows that were loaded before are fetched again and left unchanged.
*InvalidRequestError* in `plan` is about the form: the range is reversed, holds no session, or reaches beyond the last
session that was final at the run's logical date. *UnsupportedDatasetError* means that this source does not offer the
dataset for the past (KIS's virtual server has no minute bars of past days).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, Param, task

from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.defaults import SOURCE_CONN_ID, TASK_DEFAULTS, stock_codes_param
from data_pipeline.trading_calendar import SEOUL

DATASETS = ["daily_bar", "minute_bar", "trading_session"]

with DAG(
    dag_id="backfill",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params={
        "dataset": Param("daily_bar", type="string", enum=DATASETS, title="Dataset"),
        "stock_codes": stock_codes_param("Empty: every issue that the warehouse lists."),
        "first": Param(type="string", format="date", title="First day", description="Included."),
        "last": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Last day",
            description="Included. Empty: the last session that was final at the run's logical date.",
        ),
        "source_conn_id": Param(
            None,
            type=["null", "string"],
            title="Source connection",
            description="Empty: the connection that the scheduled DAGs use.",
        ),
        "chunk_size": Param(900, type="integer", minimum=1, title="Stock codes in one task"),
    },
    tags=["korea", "by hand"],
    doc_md=__doc__,
):

    @task(show_return_value_in_logs=False)
    def plan(**context: Any) -> list[dict[str, Any]]:
        """Return the codes and the range of each task."""
        from data_pipeline.operators.planning import plan_backfill

        return plan_backfill(context)

    DataSourceToPostgresOperator.partial(
        task_id="load",
        dataset="{{ params.dataset }}",
        source_conn_id=SOURCE_CONN_ID,
        map_index_template="{{ task.first }} to {{ task.last }}, {{ task.stock_codes | length }} codes",
    ).expand_kwargs(plan())
