"""What tasks tell Airflow's assets, with Airflow's own accessors."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.bases.operator import BaseOperator
from airflow.sdk.execution_time.context import OutletEventAccessors

from data_pipeline.market.dataset_names import WITH_CELLS
from data_pipeline.operators.assets import loaded_asset, proven_asset, tell_load
from data_pipeline.operators.proven_sessions import AnnounceSessionsOperator

SESSIONS = {
    day: {"rows": 2, "source": "kis", "stage": "provisional", "digest": "0" * 16}
    for day in ("2026-09-21", "2026-09-22")
}


@pytest.fixture
def context() -> Any:
    """What a task is given of which it tells assets."""
    return {"outlet_events": OutletEventAccessors()}


def test_a_load_says_what_it_brought(context: Any) -> None:
    """Source, days and counts, and of none of the other datasets that the task might have been about."""
    mine = Asset("my_company.report")
    task = BaseOperator(task_id="load", outlets=[*map(loaded_asset, WITH_CELLS), mine])
    tell_load(task, context, "daily_bar", "kis", [date(2026, 9, 22), date(2026, 9, 21)], {"inserted": 2})
    assert task.outlets == [loaded_asset("daily_bar"), mine]
    assert context["outlet_events"][loaded_asset("daily_bar")].extra == {
        "dataset": "daily_bar", "source": "kis", "first": "2026-09-21", "last": "2026-09-22", "inserted": 2,
    }  # fmt: skip


def test_a_load_without_that_outlet_tells_nobody(context: Any) -> None:
    """An operator in a DAG of one's own may have other outlets, or none."""
    task = BaseOperator(task_id="load", outlets=[Asset("my_company.report")])
    tell_load(task, context, "daily_bar", "kis", [], {"inserted": 2})
    assert [outlet.name for outlet in task.outlets] == ["my_company.report"]
    assert list(context["outlet_events"]) == []


def test_each_session_is_a_partition_of_its_dataset_alone(context: Any) -> None:
    """The day is the key; what is known of it stands in the event."""
    proven = [proven_asset(name) for name in WITH_CELLS]
    task = AnnounceSessionsOperator(task_id="announce", dataset="minute_bar", sessions=SESSIONS, outlets=proven)
    assert task.execute(context) == ["2026-09-21", "2026-09-22"]
    told = context["outlet_events"][proven_asset("minute_bar")]
    assert task.outlets == [proven_asset("minute_bar")]
    assert (told.partition_keys, told.extra) == (
        {"2026-09-21", "2026-09-22"},
        {"dataset": "minute_bar", "sessions": SESSIONS},
    )
