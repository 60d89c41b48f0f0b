"""Where a task's extra links lead."""

from datetime import date
from types import SimpleNamespace

import pytest

from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.fill_gaps import FillGapsOperator
from data_pipeline.operators.links import PlanLink, QuarantineLink, RowsLink
from data_pipeline.operators.official_daily_bars import OfficialDailyBarsOperator

KEY = SimpleNamespace(dag_id="backfill", run_id="manual__2026-09-22T20:30:00+09:00", task_id="plan")


def link(one, **operator):
    """The address of a link for a task with these arguments."""
    return one.get_link(SimpleNamespace(**operator), ti_key=KEY)


@pytest.mark.parametrize("last", ["2026-09-22", date(2026, 9, 22)])
def test_rows_are_those_of_the_last_session_that_the_task_loaded(last):
    """The page of one dataset on one session."""
    found = link(RowsLink(), dataset="daily_bar", first="2026-09-01", last=last)
    assert found.endswith("/data-pipeline/cell?dataset=daily_bar&session=2026-09-22")


@pytest.mark.parametrize("day", [None, "", "{{ nothing }}", "2026-02-30"])
def test_without_a_day_it_is_the_morning_page(day):
    """Nothing that a form was told enters the address unread."""
    assert link(RowsLink(), dataset="daily_bar", first=day, last=None).endswith("/data-pipeline/")


def test_the_quarantine_is_on_the_morning_page():
    """Its part has a name of its own."""
    assert link(QuarantineLink()).endswith("/data-pipeline/#quarantine")


def test_a_plan_stands_among_the_xcoms_of_its_task():
    """The run's name is quoted, for it has colons and a plus."""
    found = link(PlanLink())
    assert found.endswith("/dags/backfill/runs/manual__2026-09-22T20%3A30%3A00%2B09%3A00/tasks/plan/xcom")


@pytest.mark.parametrize("operator", [DataSourceToPostgresOperator, FillGapsOperator, OfficialDailyBarsOperator])
def test_every_task_that_loads_has_both_links(operator):
    """Airflow shows them beside the task's log."""
    assert [one.name for one in operator.operator_extra_links] == ["Rows and coverage", "Quarantine"]
