"""A backfill's form that is wrong, or only asks for the plan, run by Airflow on the synthetic market.

Facts: the evening of 22 September 2026 (a Tuesday); 005930 is Samsung Electronics, and nothing has the code 999999.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from data_pipeline.local.dag_runs import PlannedRun

pytestmark = pytest.mark.slow

NOW = "2026-09-22T20:40:00+09:00"
FORM: dict[str, Any] = {"dataset": "daily_bar", "stock_codes": ["005930"], "first": "2026-09-21", "last": "2026-09-22"}
WRONG = {
    "code": (FORM | {"stock_codes": ["005930", "999999"]}, "has never seen 999999 listed"),
    "reversed": (FORM | {"first": "2026-09-22", "last": "2026-09-21"}, "the range is reversed"),
}
DRY = FORM | {"dry_run": True}
TASKS = "SELECT task_id, state, try_number FROM task_instance WHERE dag_id = 'backfill' AND run_id = %s ORDER BY 1"
XCOMS = "SELECT key, value FROM xcom WHERE dag_id = 'backfill' AND task_id = 'plan' AND run_id = %s"
RUNS = "SELECT run_id FROM dag_run WHERE dag_id = 'backfill' ORDER BY logical_date"


@pytest.fixture(scope="module")
def source():
    """The synthetic market on the evening of the session."""
    connection = {"conn_type": "mock", "extra": {"now": NOW}}
    return {
        "AIRFLOW_CONN_MOCK_DEFAULT": json.dumps(connection),
        "DATA_SOURCE_CONN_ID": "mock_default",
        "MARKET_CLOCK": NOW,
        "AIRFLOW__API__BASE_URL": "http://127.0.0.1:8080",
    }


@pytest.fixture(scope="module")
def metadata(airflow):
    """Asks Airflow's own database."""
    url = airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")

    def ask(statement, *arguments):
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall()

    return ask


@pytest.fixture(scope="module")
def results(airflow, metadata):
    """Each form, on its own run, after the list of instruments was loaded: how it ended, and the run's name."""
    forms = {**{name: form for name, (form, _) in WRONG.items()}, "dry": DRY}
    first = PlannedRun("market_reference", "2026-09-22T07:30:00+09:00")
    runs = [PlannedRun("backfill", f"2026-09-22T20:3{n}:07+09:00", form) for n, form in enumerate(forms.values())]
    before = metadata(RUNS)  # of other files, which share the database
    done = airflow.run_each(first, *runs)
    assert done[0].states == [("market_reference", "success")], done[0].log[-4000:]
    names = [run for (run,) in metadata(RUNS) if (run,) not in before]
    return {form: (result, run) for form, result, run in zip(forms, done[1:], names, strict=True)}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_form_fails_one_task_once_and_says_why(results, metadata, wrong):
    """The plan, at its first try, though it has retries left; nothing after it runs, and the reason is in the log."""
    result, run = results[wrong]
    assert result.states == [("backfill", "failed")]
    tasks = {task: (state, tries) for task, state, tries in metadata(TASKS, run)}
    assert tasks["plan"] == ("failed", 1)
    assert {state for task, (state, _) in tasks.items() if task != "plan"} <= {"upstream_failed", "skipped"}
    assert WRONG[wrong][1] in result.log
    assert "trying again cannot help" in result.log


def test_a_wrong_form_asks_for_nothing(airflow, results):
    """No load was even begun, nor by the dry run."""
    assert airflow.query("SELECT DISTINCT dataset FROM market.ingest_run WHERE dag_id = 'backfill'") == []


def test_a_dry_run_shows_its_plan_behind_a_link(results, metadata):
    """The task has a link to its XComs, where the plan is a table: whom, what, from when to when, and what it costs."""
    result, run = results["dry"]
    assert result.states == [("backfill", "success")], result.log[-4000:]
    found = dict(metadata(XCOMS, run))
    (row,) = found["plan"]
    assert (row["source"], row["dataset"], row["first"], row["last"], row["rows at most"]) == (
        "mock", "daily_bar", "2026-09-21", "2026-09-22", 2,
    )  # fmt: skip
    link = found["_link_PlanLink"]
    assert link.startswith("http://127.0.0.1:8080/dags/backfill/runs/")
    assert link.endswith("/tasks/plan/xcom")
