"""From a new environment with a stock Airflow to the first rows: the four commands of the how-to, without a clone."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import closing

import psycopg2
import pytest
from dotenv import dotenv_values

from tests.support.project import ROOT

TIMEOUT_S = 300


class Elsewhere:
    """An environment that knows nothing of the clone, and a user's shell in it."""

    def __init__(self, folder):
        self.venv, self.home = folder / "venv", folder / "user"
        self.home.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.environ = {
            "PATH": f"{self.venv / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "AIRFLOW_HOME": str(self.home / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW_CONN_MOCK_DEFAULT": '{"conn_type": "mock"}',
            "DATA_SOURCE_CONN_ID": "mock_default",
        }

    def run(self, *words, code=0):
        """Run a command to its end and return what it printed."""
        done = subprocess.run(words, cwd=self.home, env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def elsewhere(built, tmp_path_factory):
    """A new environment into which pip put the wheel and a stock Airflow, held to the versions of the lock."""
    folder = tmp_path_factory.mktemp("elsewhere")
    lock = (ROOT / "data_pipeline" / "requirements.txt").read_text("utf-8")
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(re.findall(r"^([a-z0-9][^\\\n]*?) *\\?$", lock, re.MULTILINE)))
    made = Elsewhere(folder)
    subprocess.run([os.path.realpath(sys.executable), "-m", "venv", made.venv], check=True)
    wanted = f"korean-market-pipeline[airflow] @ {built.wheel.as_uri()}"
    # pip is set up by the user's own home, wherever its index is.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [made.venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--constraint", constraints, wanted]
    subprocess.run(command, cwd=folder, env=environ, check=True)
    return made


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_four_commands_lead_from_nothing_to_rows(elsewhere, unknown):
    """Install, migrate, put the DAGs in place, trigger: the run succeeds, and the reader sees what was loaded."""
    unknown.run("ALTER ROLE ann CREATEROLE")
    unknown.run("GRANT CREATE ON DATABASE managed TO ann")
    environ = elsewhere.environ
    environ["MARKET_DB_URL"] = unknown.url()
    elsewhere.run("data-pipeline", "migrate")
    kept = dotenv_values(elsewhere.home / ".local/state/data-pipeline/home/logins.env")
    environ.update(kept)
    elsewhere.run("data-pipeline", "airflow", "install", "--dags-folder", str(elsewhere.home / "airflow" / "dags"))
    elsewhere.run("airflow", "db", "migrate")
    with (elsewhere.home / "airflow.log").open("wb") as log:
        airflow = subprocess.Popen(
            ["airflow", "standalone"], cwd=elsewhere.home, env=environ, stdout=log, stderr=log, start_new_session=True,
            executable=elsewhere.venv / "bin" / "airflow",
        )  # fmt: skip
        try:
            until(lambda: "market_reference" in elsewhere.run("airflow", "dags", "list", "--output", "json"))
            elsewhere.run("airflow", "dags", "unpause", "market_reference", "--yes")
            elsewhere.run("airflow", "dags", "trigger", "market_reference", "--run-id", "by-hand")
            state = until(lambda: ended(elsewhere))
            doctor = last_line(elsewhere.run("data-pipeline", "doctor", "--airflow", "--json"))
        finally:
            os.killpg(airflow.pid, 15)
            airflow.wait(60)
    assert state == "success"
    assert [one for one in doctor["findings"] if not one["fine"]] == []
    with closing(psycopg2.connect(kept["MARKET_READER_URL"])) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM market.instrument")
        (count,) = cursor.fetchone() or (0,)
    assert count > 1000
    site = next((elsewhere.venv / "lib").glob("python*/site-packages/data_pipeline"))
    shipped = {".py", ".pyc", ".json", ".sql", ".txt", ".typed", ".html", ".css", ".js"}
    assert {path.suffix for path in site.rglob("*") if path.is_file()} <= shipped


def last_line(printed):
    """The JSON that a command prints below what it logs."""
    return json.loads(printed.splitlines()[-1])


def ended(elsewhere):
    """The state of the run once it has ended."""
    runs = last_line(elsewhere.run("airflow", "dags", "list-runs", "market_reference", "--output", "json"))
    (state,) = [run["state"] for run in runs if run["run_id"] == "by-hand"]
    return state if state in ("success", "failed") else None


def until(found):
    """Ask again until there is an answer."""
    last = time.monotonic() + TIMEOUT_S
    while time.monotonic() < last:
        if answer := found():
            return answer
    raise AssertionError(f"nothing within {TIMEOUT_S} s")
