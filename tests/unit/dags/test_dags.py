"""The DAG files: they load, cost little, and are written by the rules of this house."""

from __future__ import annotations

import ast
import copy
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from data_pipeline.market.dataset_names import WITH_CELLS
from data_pipeline.pools import POOLS
from tests.support.project import ROOT

DAGS = ROOT / "dags"
NAMES = {path.stem for path in DAGS.glob("*.py")}
BY_HAND = {"backfill", "retry_quarantine"}
NOW = {"now", "utcnow", "today"}


@pytest.fixture(scope="module")
def bag():
    """Every DAG of the folder."""
    return DagBag(str(DAGS), bundle_name="dags-folder")


def test_every_file_loads(bag):
    """No import error, and one DAG a file, named like the file."""
    assert bag.import_errors == {}
    assert set(bag.dags) == NAMES
    assert not {"market_reference", "current_prices", "order_books", "minute_bars", "daily_bars", "backfill"} - NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_dag_says_what_to_do_when_it_fails(bag, name):
    """Whoever is woken up finds the answer on the DAG's page, and runs never overlap or pile up."""
    dag = bag.dags[name]
    assert re.match(r"\n### \w+: ", dag.doc_md)
    assert "**When.**" in dag.doc_md
    assert "**What.**" in dag.doc_md
    assert "**When it fails.**" in dag.doc_md
    assert dag.catchup is False
    assert dag.max_active_runs == 1
    assert dag.tags


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_task_fails_at_once_when_trying_again_cannot_help(bag, name):
    """Every task has retries with growing pauses, and the policy that tells the two kinds of errors apart."""
    for task in bag.dags[name].tasks:
        assert task.retries >= 2
        assert task.pool in POOLS
        assert task.on_failure_callback
        assert task.retry_exponential_backoff == 2.0
        assert task.retry_policy is not None
        assert task.owner == "data-pipeline"


def test_a_day_of_the_stream_is_an_asset_once_it_is_proved(bag):
    """Only the task that proves it tells of it, after gaps are filled; a skipped day is not filled."""
    tasks = bag.dags["stream_day"].task_dict
    told = {name: [outlet.name for outlet in task.outlets] for name, task in tasks.items()}
    assert told == {"open_day": [], "fill_gaps": [], "prove_day": ["market.trade"], "let_old_months_go": []}
    assert (tasks["fill_gaps"].upstream_task_ids, tasks["prove_day"].upstream_task_ids) == ({"open_day"}, {"fill_gaps"})
    assert tasks["fill_gaps"].trigger_rule == "none_skipped"
    assert (tasks["let_old_months_go"].upstream_task_ids, tasks["let_old_months_go"].trigger_rule) == (
        {"prove_day"}, "all_done",
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(NAMES - BY_HAND - {"stream_day", "proven_sessions"}))
def test_what_is_loaded_is_an_asset(bag, name):
    """Whoever wants to go on when new rows are there can wait for the dataset's asset."""
    kinds = {
        "DataSourceToPostgresOperator", "FillGapsOperator", "OfficialDailyBarsOperator", "OfficialInstrumentsOperator",
    }  # fmt: skip
    loads = [task for task in bag.dags[name].tasks if task.task_type in kinds]
    assert loads
    for task in loads:
        # heal_gaps is told the dataset of each of its tasks by its plan.
        filled = [*WITH_CELLS] if name == "heal_gaps" else [operator_argument(task, "dataset")]
        assert [outlet.name for outlet in task.outlets] == [f"market.{dataset}" for dataset in filled]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_dag_asks_what_time_it_is(name):
    """Which data is loaded comes from the run, so that a run that is repeated later loads the same."""
    tree = ast.parse((DAGS / f"{name}.py").read_text("utf-8"))
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & NOW


def operator_argument(task, name):
    """What a task was given, mapped or not."""
    return task.partial_kwargs[name] if task.is_mapped else getattr(task, name)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_scheduler_can_read_it(bag, name):
    """A DAG survives being stored and read back, timetable included."""
    stored = json.dumps(DagSerialization.to_dict(bag.dags[name]))
    read = DagSerialization.from_dict(json.loads(stored))
    assert type(read.timetable).__name__ == type(bag.dags[name].timetable).__name__
    assert set(read.task_dict) == set(bag.dags[name].task_dict)


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("market_reference", "07:30 KST"),
        ("daily_bars", "20:30 KST"),
        ("daily_bars_official", "08:30 KST, 1 session(s) later"),
        ("index_bars", "20:35 KST"),
        ("index_bars_official", "08:35 KST, 1 session(s) later"),
        ("investor_flows", "20:50 KST"),
        ("heal_gaps", "21:30 KST"),
        ("order_books", "every 5 min in session"),
        ("current_prices", "every 1 min in session"),
        ("minute_bars", "every 5 min in session, and 20:40 KST"),
        ("stream_day", "every 5 min in session, and 20:55 KST"),
    ],
)
def test_a_dag_runs_when_the_design_says(bag, name, summary):
    """The schedule is the one that operators of the pipeline were told."""
    assert bag.dags[name].timetable.summary == summary


def test_a_proven_session_is_announced_after_whatever_loaded_it(bag):
    """Any load of a dataset with cells starts it, and its partitions belong to assets of their own."""
    dag = bag.dags["proven_sessions"]
    assert [asset.name for asset in dag.timetable.asset_condition.objects] == [f"market.{name}" for name in WITH_CELLS]
    proven = [f"market.{name}.proven" for name in WITH_CELLS]
    assert [asset.name for asset in dag.task_dict["plan"].inlets] == proven
    assert [asset.name for asset in dag.task_dict["announce"].outlets] == proven


def test_the_example_that_waits_for_a_proven_session_loads():
    """It is what the guide shows: one run for each partition."""
    examples = DagBag(str(ROOT / "docs" / "examples"), bundle_name="dags-folder")
    assert examples.import_errors == {}
    (dag,) = examples.dags.values()
    assert type(dag.timetable).__name__ == "PartitionedAssetTimetable"
    guide = (ROOT / "docs" / "how-to" / "run-after-a-proven-session.md").read_text("utf-8")
    source = (ROOT / "docs" / "examples" / "after_a_proven_session.py").read_text("utf-8")
    (schedule,) = re.findall(r"schedule ?= ?(Partitioned.*)", guide)
    assert f"schedule={schedule}" in source


def test_backfill_is_only_started_by_hand(bag):
    """It has no schedule, and its form demands a first day."""
    backfill = bag.dags["backfill"]
    assert backfill.timetable.can_be_scheduled is False
    with pytest.raises(ParamValidationError, match="first"):
        backfill.params.validate()


@pytest.mark.parametrize(
    "change",
    [{"dataset": "order_book"}, {"first": "21.09.2026"}, {"stock_codes": ["5930"]}, {"chunk_size": 0}],
    ids=lambda change: next(iter(change)),
)
def test_the_form_of_backfill_refuses_nonsense(bag, change):
    """A wrong value is refused before a run exists."""
    params = copy.deepcopy(bag.dags["backfill"].params)
    params["first"] = "2026-09-21"
    params.validate()
    with pytest.raises(ParamValidationError, match=next(iter(change))):
        params.update(change)  # each assignment is checked


@cache
def modules_of_dags():
    """What each DAG file makes a process import that has Airflow already, by the file's name; one after the other."""
    code = """
import json, runpy, sys
import airflow.listeners, airflow.timetables.base
from airflow.sdk import DAG, Asset, Param, task
for path in sys.argv[1:]:
    before = {*sys.modules}
    runpy.run_path(path)
    print(json.dumps([path, sorted({*sys.modules} - before)]))
"""
    paths = [str(DAGS / f"{name}.py") for name in sorted(NAMES)]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True)
    return {Path(path).stem: set(modules) for path, modules in map(json.loads, done.stdout.splitlines())}


HEAVY = {"pandas", "numpy", "requests", "urllib3", "sqlalchemy", "psycopg2", "redis", "rich", "fastapi", "cryptography"}
OURS = {"exceptions", "hooks", "market", "notifications", "operators", "pools", "timetables", "trading_calendar"} | {
    "get_provider_info"
}
OURS |= {"calendar_corrections", "calendar_facts", "once_a_day", "shipped", "state_folder"}
"""What the calendar is made of, and where it lies."""


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(NAMES))
def test_loading_a_dag_file_brings_in_nothing_heavy(name):
    """Beyond what Airflow itself imports: no HTTP, no pandas, no database driver, no source, no load, no record."""
    modules = modules_of_dags()[name]
    assert not HEAVY & {one.partition(".")[0] for one in modules}
    assert {one.split(".")[1] for one in modules if one.startswith("data_pipeline.")} <= OURS
