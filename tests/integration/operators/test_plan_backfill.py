"""What the plan of a backfill refuses, on a warehouse that lists 6,500 made-up instruments; nothing is ever asked.

Facts: 22 September 2025 to 22 September 2026 hold 244 sessions, twelve times twenty and four; twenty sessions of
minutes are 64 calls of KIS and four are 13, so an instrument takes 781 and all of them 5,076,500.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError, UnsupportedDatasetError
from data_pipeline.market.dataset_names import WITH_PAST
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.filling import plan_backfill, report_backfill

ISSUES = """
    INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, halted, managed,
        liquidation, preferred, source)
    SELECT to_char(n, 'FM000000'), 'KR7' || to_char(n, 'FM000000') || '003', 'issue', 'KOSPI', 'ST', '2026-09-22',
        '2020-01-02', false, false, false, false, 'kis-sandbox' FROM generate_series(1, 6500) n
"""
FORM = {"dataset": "minute_bar", "first": "2025-09-22", "last": "2026-09-22", "stock_codes": [], "chunk_size": 900}
ONE_DAY = FORM | {"dataset": "daily_bar", "first": "2026-09-21", "last": "2026-09-21"}


told: dict[str, Any] = {}
"""What the task ``plan`` has pushed as XComs, by name."""


@pytest.fixture
def plan(warehouse, tmp_path):
    """The plan of a form on the evening of 22 September 2026, for a server that is not there."""
    with warehouse, warehouse.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('kis-sandbox')")
        cursor.execute(ISSUES)
    extra = {"environment": "real", "base_url": "http://127.0.0.1:9", "master_url": "http://127.0.0.1:9"}
    connection = {"conn_type": "kis", "login": "K" * 36, "password": "S" * 180, "extra": extra}
    os.environ["AIRFLOW_CONN_KIS_DEFAULT"] = json.dumps(connection)
    os.environ["COORDINATION_URL"] = tmp_path.as_uri()
    run = SimpleNamespace(run_after=datetime(2026, 9, 22, 21, 0, tzinfo=SEOUL), run_type="scheduled")
    told.clear()
    task = SimpleNamespace(xcom_push=told.__setitem__)
    return lambda form, **more: plan_backfill({"params": form, "dag_run": run, "ti": task, **more}, "kis_default")


def test_a_dry_run_shows_its_plan_as_a_table(plan):
    """One source is asked for a bar of two instruments on one day, a request each; the link of the task leads there."""
    assert plan(ONE_DAY | {"stock_codes": ["000001", "000002"], "dry_run": True}) == []
    ((row,),) = told.values()
    assert {name: row[name] for name in ("source", "dataset", "first", "last", "requests", "rows at most")} == {
        "source": "kis-sandbox", "dataset": "daily_bar", "first": "2026-09-21", "last": "2026-09-21", "requests": 2,
        "rows at most": 2,
    }  # fmt: skip
    assert list(told) == ["plan"]


@pytest.mark.slow
def test_more_than_five_million_requests_want_confirming(plan, caplog):
    """A dry run tells the cost; the real one is refused until it is confirmed, then each instrument is planned once."""
    caplog.set_level("INFO")
    assert plan(FORM | {"dry_run": True}) == []
    assert "6,500 instruments, 5,076,500 requests, about 3 days, 6:20:28" in caplog.text
    with pytest.raises(InvalidRequestError, match=r"5,076,500 requests, more than 5,000,000; tick 'confirm_large'"):
        plan(FORM)
    entries = plan(FORM | {"confirm_large": True})
    assert len(entries) == 159  # half an hour at 18 a second holds 41 instruments of 781 calls
    assert len({code for entry in entries for code in entry["stock_codes"]}) == 6500


@pytest.mark.thorough
def test_more_tasks_than_airflow_maps_are_refused_with_the_chunk_size_that_will_do(plan):
    """6,500 codes by six are 1,084 tasks; by seven they are 929."""
    with pytest.raises(
        InvalidRequestError, match=r"too many tasks: .*into 1,084, and 1,000 .*make chunk_size 7 or more"
    ):
        plan(ONE_DAY | {"chunk_size": 6})
    assert len(plan(ONE_DAY | {"chunk_size": 7})) == 929


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            {"dataset": "order_book"},
            InvalidRequestError,
            f"dataset must be one of {', '.join(WITH_PAST)}",
        ),
        ({"dataset": "trades"}, InvalidRequestError, "not 'trades'"),
        ({"stock_codes": ["000001", "999999"]}, InvalidRequestError, "has never seen 999999 listed"),
        ({"stock_codes": "5930"}, InvalidRequestError, "six characters"),
        ({"last": "2026-09-20"}, InvalidRequestError, "the range is reversed"),
        ({"last": "2026-09-23"}, InvalidRequestError, "is beyond 2026-09-22"),
        ({"first": "2026-09-19", "last": "2026-09-20"}, InvalidRequestError, "no session of the exchange"),
        ({"first": "21.09.2026"}, InvalidRequestError, "first must be a date"),
        (
            {"dataset": "minute_bar", "first": "2025-09-19"},
            UnsupportedDatasetError,
            "has minute_bar from 2025-09-22 on",
        ),
    ],
    ids=["no past", "unknown", "code", "malformed", "reversed", "future", "weekend", "date", "reach"],
)
def test_a_wrong_wish_is_refused_with_its_reason(plan, change, error, words):
    """Whatever has passed the form, or went around it, the plan refuses before any call."""
    with pytest.raises(error, match=words):
        plan(ONE_DAY | change)


def test_without_a_last_day_it_is_the_last_final_one_when_the_run_came_due(plan):
    """At 21:00 of the 22nd that is the 22nd, although the run's logical date is the midnight before it."""
    form = ONE_DAY | {"last": None, "stock_codes": ["000001"]}
    (entry,) = plan(form, logical_date=datetime(2026, 9, 22, tzinfo=SEOUL))
    assert (entry["first"], entry["last"]) == ("2026-09-21", "2026-09-22")


class Loads(SimpleNamespace):
    """The task instance of the report, which is told how the load tasks ended."""

    def get_task_states(self, **_):
        """Their states by name."""
        return {self.run_id: self.states}


def report(form, planned, **states):
    """What the report of a form says of a plan."""
    return report_backfill({"params": form, "ti": Loads(dag_id="backfill", run_id="run", states=states)}, planned)


def test_the_report_reads_the_plan_and_what_is_stored(plan, caplog):
    """Nothing was loaded: the codes of the plan are named, and no other."""
    form = ONE_DAY | {"stock_codes": ["000001", "000002"], "chunk_size": 1}
    with pytest.raises(IncompleteDataError, match=r"1 load tasks failed \(load_1\) and 2 instruments lack sessions"):
        report(form, plan(form), load_0="success", load_1="failed")
    assert "daily_bar of 000002 is not there: 2026-09-21" in caplog.text
    assert "000003" not in caplog.text


def test_the_report_of_an_empty_plan_is_good(plan):
    """Everything was there when it was planned, and no load task ran."""
    assert report(ONE_DAY, [], load="skipped") == 0


def test_the_report_of_an_empty_plan_still_tells_of_a_failed_task(plan):
    """Whatever failed, it is never passed over."""
    with pytest.raises(IncompleteDataError, match=r"1 load tasks failed \(load\)"):
        report(ONE_DAY, [], load="failed")


def test_without_a_plan_the_report_fails(plan):
    """The plan failed, so nobody knows what is lacking."""
    with pytest.raises(IncompleteDataError, match="there is no plan"):
        report(ONE_DAY, None)
