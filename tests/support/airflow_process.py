"""A warehouse, Airflow's metadata database and a way to run DAGs in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from data_pipeline.local.dag_runs import PlannedRun, write_plan
from data_pipeline.local.environment import postgres_connection_json
from tests.support.database import copied
from tests.support.project import ROOT

EVENING = "2026-09-22T20:40:00+09:00"
"""When the synthetic market of the operator's tests stands: a Tuesday after the day is final."""


BEGINS = "---- the next run begins ----"
EACH = f"""
import sys
from data_pipeline.local.dag_runs import main
for plan in sys.argv[2:]:
    print({BEGINS!r}, flush=True)
    main(plan, sys.argv[1])
"""


@dataclass(frozen=True)
class Result:
    """What running DAGs left behind."""

    states: list[tuple[str, str]]
    """Each DAG that was run, and how its run ended, in order."""
    log: str


@dataclass(frozen=True)
class Airflow:
    """An Airflow installation that loads into one warehouse."""

    folder: Path
    environment: dict[str, str]
    warehouse_url: str

    def run(self, *runs: PlannedRun) -> Result:
        """Run DAGs one after another in one process; a failed run ends the list."""
        plan, events = self.folder / "plan.json", self.folder / "events.jsonl"
        events.unlink(missing_ok=True)
        write_plan(plan, list(runs))
        command = [sys.executable, "-m", "data_pipeline.local.dag_runs", str(plan), str(events)]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, check=False, capture_output=True, text=True, timeout=600
        )
        lines = [json.loads(line) for line in events.read_text().splitlines()] if events.exists() else []
        states = [(line["dag_id"], line["state"]) for line in lines if line["state"] != "running"]
        return Result(states, done.stdout + done.stderr)

    def run_each(self, *runs: PlannedRun) -> list[Result]:
        """Run DAGs in one process, since starting Airflow is what costs; each has its own result, failed or not."""
        plans, events = [], self.folder / "each.jsonl"
        events.unlink(missing_ok=True)
        for number, run in enumerate(runs):
            plans.append(self.folder / f"each-{number}.json")
            write_plan(plans[-1], [run])
        command = [sys.executable, "-c", EACH, str(events), *map(str, plans)]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, check=False, text=True, timeout=240,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        logs = done.stdout.split(BEGINS)[1:]
        assert len(logs) == len(runs), done.stdout
        lines = [json.loads(line) for line in events.read_text().splitlines()]
        states = [(line["dag_id"], line["state"]) for line in lines if line["state"] != "running"]
        return [Result([state], log) for state, log in zip(states, logs, strict=True)]

    def log_files(self) -> str:
        """Everything that Airflow wrote into its log folder."""
        files = (self.folder / "logs").rglob("*.log")
        return "\n".join(path.read_text("utf-8", "replace") for path in files)

    def query(self, sql, *arguments):
        """Rows of the warehouse."""
        with closing(psycopg2.connect(self.warehouse_url)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall()

    def execute(self, *statements):
        """Change the warehouse as its owner."""
        with closing(psycopg2.connect(self.warehouse_url)) as connection, connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@pytest.fixture(scope="session")
def airflow_home(server, tmp_path_factory):
    """Airflow's variables, with its metadata database migrated."""
    folder = tmp_path_factory.mktemp("airflow")
    server.create_database("airflow", "airflow")
    metadata_url = server.url("airflow", "airflow").replace("postgresql://", "postgresql+psycopg2://", 1)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment = kept | {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_url,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return environment


@pytest.fixture(scope="module")
def airflow(request, server, airflow_home, tmp_path_factory):
    """An Airflow with an empty warehouse for each test file; the file's SOURCE says where the data comes from."""
    folder = tmp_path_factory.mktemp("airflow_of_one_file")
    with copied(server) as database:
        environment = airflow_home | {
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
            "AIRFLOW_CONN_MARKET_DB": postgres_connection_json(database.url("loader")),
            "COORDINATION_URL": (folder / "coordination").as_uri(),
        }
        yield Airflow(folder, environment | request.getfixturevalue("source"), database.url("owner"))


@pytest.fixture
def warehouse(server, contents):
    """A warehouse for one test, and the connections to it and to the market."""
    with copied(server, contents) as database, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_MARKET_DB", postgres_connection_json(database.url("owner")))
        patch.setenv("AIRFLOW_CONN_MOCK_DEFAULT", json.dumps({"conn_type": "mock", "extra": {"now": EVENING}}))
        with database.connect("owner") as connection:
            yield connection
