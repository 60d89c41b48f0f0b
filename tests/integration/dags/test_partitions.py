"""A session is a partition: a DAG that waits for proven sessions is started by Airflow's own scheduler.

Facts: see ``tests/support/five_sessions.py``; the clock stands on the evening of Friday, 18 September 2026.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest

from data_pipeline.local.dag_runs import PlannedRun
from data_pipeline.local.starting import unpause
from tests.support.five_sessions import CODES, bars, prepare
from tests.support.project import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NOW = "2026-09-18T20:40:00+09:00"
THURSDAY, FRIDAY = "2026-09-17", "2026-09-18"
WAITS = """
from datetime import datetime, timezone
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, PartitionedAssetTimetable

schedule = PartitionedAssetTimetable(assets=Asset("market.daily_bar.proven"))
with DAG("waits", schedule=schedule, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False):
    EmptyOperator(task_id="works")
"""
ANNOUNCE = PlannedRun("proven_sessions", "2026-09-18T20:35:00+09:00")


@pytest.fixture(scope="module")
def source():
    """Nothing is asked of any source; what is stored is announced."""
    return {"MARKET_CLOCK": NOW}


@pytest.fixture(scope="module")
def waiting(airflow, tmp_path_factory):
    """An Airflow that knows the DAG which announces, and one of the user's that waits."""
    folder = tmp_path_factory.mktemp("dags")
    shutil.copy(ROOT / "dags" / "proven_sessions.py", folder)
    (folder / "waits.py").write_text(WAITS, "utf-8")
    more = {"AIRFLOW__CORE__DAGS_FOLDER": str(folder), "AIRFLOW__CORE__PARALLELISM": "1"}
    found = replace(airflow, environment=airflow.environment | more)
    with closing(psycopg2.connect(found.warehouse_url)) as connection, connection, connection.cursor() as cursor:
        prepare(cursor)
    command(found, "dags", "reserialize")
    assert unpause(metadata(found), ["waits"]) == ["waits"]
    return found


def metadata(airflow):
    """The address of Airflow's own database."""
    return airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")


def command(airflow, *words):
    """Run a command of Airflow to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *words], cwd=ROOT, env=airflow.environment, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def store(airflow, *cells):
    """Store the bars of these codes and days of September, as a load would."""
    with closing(psycopg2.connect(airflow.warehouse_url)) as connection, connection, connection.cursor() as cursor:
        bars(cursor, *cells)


def announce(airflow, times):
    """Announce what is new."""
    result = airflow.run(*[ANNOUNCE] * times)
    assert [state for _, state in result.states] == ["success"] * times, result.log[-4000:]


def started(airflow):
    """Let the scheduler look; return the events of each partition so far, and the runs of the waiting DAG."""
    command(airflow, "scheduler", "--num-runs", "3")
    with closing(psycopg2.connect(metadata(airflow))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT partition_key, count(*) FROM asset_event WHERE partition_key IS NOT NULL GROUP BY 1")
        events = dict(cursor.fetchall())
        cursor.execute("SELECT partition_key, count(*) FROM dag_run WHERE dag_id = 'waits' GROUP BY 1")
        return events, dict(cursor.fetchall())


def test_a_waiting_dag_runs_once_for_each_proven_session(waiting):
    """Thursday comes after Friday, which is restated; Wednesday has a hole and never starts anything."""
    store(waiting, *((code, 18) for code in CODES), (CODES[0], 16))
    announce(waiting, 1)
    assert started(waiting) == ({FRIDAY: 1}, {FRIDAY: 1})
    store(waiting, *((code, 17) for code in CODES))
    waiting.execute(f"UPDATE market.daily_bar SET volume = 2 WHERE session = '{FRIDAY}' AND stock_code = '{CODES[0]}'")
    announce(waiting, 2)
    assert started(waiting) == ({THURSDAY: 1, FRIDAY: 2}, {THURSDAY: 1, FRIDAY: 2})
