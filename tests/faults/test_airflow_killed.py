"""Parts of a real Airflow are killed under `data-pipeline up`."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import psutil
import psycopg2
import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.local.environment import airflow_command
from data_pipeline.local.home import Home
from data_pipeline.local.keyless import running_emulator
from data_pipeline.local.opened import forget_gone_runs
from data_pipeline.local.processes import Background, wait_until
from data_pipeline.local.stack import SANDBOX_RATE
from data_pipeline.market.window import Window
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from tests.faults.matrix import Tally
from tests.faults.rig import NEVER, Point, Work
from tests.support.database import CLOCK
from tests.support.installation import command_in, ended, new_home

pytestmark = pytest.mark.timeout(1200)

WITHIN_S = 120.0
CODES = ["005930", "000660", "035420", "005380", "000270"]
FORM = {"dataset": "daily_bar", "first": "2021-01-04", "stock_codes": CODES}
"""Five years of five instruments: about seventy calls at eighteen a second, in few windows."""


@pytest.fixture(scope="module")
def up(market_time: str) -> Iterator[Home]:
    """An installation whose Airflow runs."""
    with new_home() as home:
        command = command_in(home)
        starting = command("up")
        try:
            code, said = ended(starting)
            assert code == 0, said
            yield home
        finally:
            starting.kill()
            ended(command("down"))


def rows(url: str, query: str, *values: Any) -> list[Any]:
    """What a database answers."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def know_instruments(up: Home, url: str) -> None:
    """Load the list of instruments, without which nothing can be asked for."""
    now = datetime.fromisoformat(CLOCK)
    work = Work(url, running_emulator(up), up.root.joinpath("coordination").as_uri(), (), SANDBOX_RATE)
    with work.source(Point(NEVER), clock=lambda: now) as source, closing(connect(url)) as connection:
        load_window(connection, source, DATASETS["instrument"], Window((), now.date(), now.date()), Run())


def test_worker_killed(tally: Tally, up: Home) -> None:
    """A load's process is killed in the midst of its window."""
    server = EmbeddedPostgres(up.postgres)
    warehouse, metadata = server.url(), server.url("airflow", "airflow")
    environ = psutil.Process(Background(up, "scheduler").pid()).environ()
    know_instruments(up, server.url("market", "loader"))
    with tally.one():
        trigger = [airflow_command(), "dags", "trigger", "backfill", "--run-id", "killed", "--conf", json.dumps(FORM)]
        done = subprocess.run(trigger, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        query = "SELECT process FROM market.ingest_run WHERE status = 'running' AND dag_id = 'backfill'"
        assert wait_until(lambda: bool(rows(warehouse, query)), WITHIN_S), "the backfill did not begin"
        (process,) = rows(warehouse, query)[0]
        os.kill(int(process.split()[-2]), 9)
        tried = "SELECT max(try_number), max(state) FROM task_instance WHERE run_id = 'killed' AND try_number > 0"
        seen = f"{tried} AND state IN ('up_for_retry', 'failed') OR try_number > 1"
        assert wait_until(lambda: rows(metadata, seen)[0][0] is not None, WITHIN_S), "the task still counts as running"
        state = rows(metadata, seen)[0][1]
        assert state != "failed", "the task is not tried again"
        tally.figure = f"the task is {state}"
        forget_gone_runs(server.url("market", "loader"))
        assert rows(warehouse, f"{query} AND process = %s", process) == []


def test_scheduler_killed(tally: Tally, up: Home) -> None:
    """What it left running ends within seconds, and `up` starts another one, which schedules."""
    scheduler = Background(up, "scheduler")
    with tally.one():
        began = time.monotonic()
        psutil.Process(scheduler.pid()).kill()
        assert wait_until(lambda: not scheduler.family.members(), WITHIN_S), "its workers run on"
        tally.figure = f"its workers ended within {time.monotonic() - began:.0f} s"
        code, said = ended(command_in(up)("up"))  # it waits until Airflow schedules
        assert code == 0, said
        assert scheduler.pid() is not None
