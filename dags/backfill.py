"""
### backfill: any range of the past, by hand

**When.** Only when somebody triggers it; the form asks for the dataset, the stock codes and the range. Tick `dry_run`
to see what it would cost: the link *Plan* of the task `plan` leads to a table of requests, time at the current quota
and rows, which its log says too.

**What.** `plan` checks the form, looks up once what is not stored yet, and decides which source is asked for what; each
`load` task does a part of that plan, a chunk of stock codes or a year of market days, with the fewest requests and one
transaction for each window, and logs a percentage and the time at which it will be done. `report` lists what of the
plan is still not stored, and fails if that is anything. A task that was killed or cleared asks again only for what is
not stored; tick `refetch` to ask for everything.

With the source `auto`, daily bars come from KRX if the connection `krx_default` has a key and whole market days cost
fewer calls, within the calls that the key has left today; everything else comes from KIS. Sessions of minutes on which
nothing was traded, by the day's volume, are remembered in `market.no_data` and not asked for again, so load daily bars
before minutes. `trading_session` brings some weeks a day, because KIS wants one such call a day.

The dataset `instrument` fills in the lists of past sessions (KRX has them from 2010 on, at three calls each; KIS has
none): names, boards, shares, and the instruments that have left since, which `daily_bar` then loads too. Like
`trading_session` it takes no stock codes; one task loads a calendar year.

**When it fails.** Read the log of `report`: it names the codes and sessions that are not there and the load tasks
that failed. Clear the failed `load` tasks; `report` is cleared with them.

* *InvalidRequestError* in `plan` is about the form: an unknown code, a range that is reversed, holds no session, or
  reaches beyond the last session that was final when the run was made, or more than 5 million requests without
  `confirm_large`.
* *UnsupportedDatasetError* means that this source does not offer the dataset, or not so far back (KIS has minute bars
  of one year). Nothing was asked.
* *DailyQuotaError* in a `load` task: KRX was asked alone, and the calls of its key are spent; clear the task after
  midnight (Seoul). With the source `auto` the rest goes to KIS in the same task.
* *InvalidRequestError: too many tasks* means that `chunk_size` is too small for so many stock codes; the message says
  which one will do.
* *IncompleteDataError* in a `load` task: some windows failed and the others are loaded; the message names them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, Param, task

from data_pipeline.market.dataset_names import WITH_CELLS, WITH_PAST
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.assets import loaded_asset
from data_pipeline.operators.defaults import SOURCE_CONN_ID, TASK_DEFAULTS, stock_codes_param
from data_pipeline.operators.fill_gaps import FillGapsOperator
from data_pipeline.operators.links import PlanLink

with DAG(
    dag_id="backfill",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=SEOUL),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params={
        "dataset": Param(
            "daily_bar",
            type="string",
            enum=list(WITH_PAST),
            title="Dataset",
            description="What to fill; load daily bars before minutes.",
        ),
        "stock_codes": stock_codes_param("Empty: every instrument that the warehouse lists."),
        "first": Param(
            type="string", format="date", title="First day", description="Included, for example 2024-01-02."
        ),
        "last": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Last day",
            description="Included. Empty: the last session that was final when the run was made.",
        ),
        "source": Param(
            "auto",
            type="string",
            enum=["auto", "kis", "krx", "mock"],
            title="Source",
            description="auto: that of the scheduled DAGs, and KRX for lists, and for daily bars where it is cheaper.",
        ),
        "source_conn_id": Param(
            None,
            type=["null", "string"],
            title="Source connection",
            description="Only this connection, whatever the source above. Empty: as the source says.",
        ),
        "chunk_size": Param(
            900,
            type="integer",
            minimum=1,
            title="Stock codes in one task",
            description="Fewer means more tasks, each of which fails and is tried again by itself.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only say what it would cost: see the link Plan of the task plan.",
        ),
        "refetch": Param(False, type="boolean", title="Ask again", description="Also for what is stored already."),
        "confirm_large": Param(
            False, type="boolean", title="Confirm", description="Needed when it takes more than 5 million requests."
        ),
    },
    tags=["korea", "by hand"],
    doc_md=__doc__,
) as dag:

    @task(show_return_value_in_logs=False)
    def plan(source_conn_id: str, **context: Any) -> list[dict[str, Any]]:
        """Return what each load task does."""
        from data_pipeline.operators.filling import plan_backfill

        return plan_backfill(context, source_conn_id)

    # Where the plan failed, only that fails: the report is not reached, and the run is a failed one.
    @task(trigger_rule="all_done_min_one_success")
    def report(planned: list[dict[str, Any]] | None, **context: Any) -> int:
        """Say what of the plan is still not there, and fail when that is anything."""
        from data_pipeline.operators.filling import report_backfill

        return report_backfill(context, planned)

    planned = plan(SOURCE_CONN_ID)
    planned.operator.operator_extra_links = (PlanLink(),)
    load = FillGapsOperator.partial(
        task_id="load",
        outlets=[loaded_asset(name) for name in WITH_CELLS],
        execution_timeout=None,  # a year of minutes takes longer than any other task may
        map_index_template="{{ task.dataset }} {{ task.first }} to {{ task.last }}"
        "{% if task.stock_codes %}, {{ task.stock_codes | length }} codes from {{ task.stock_codes | first }}"
        "{% endif %}, {{ task.source_conn_id }}",
    ).expand_kwargs(planned)
    load >> report(planned)
