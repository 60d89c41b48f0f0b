"""What `make up` starts, in a folder of its own, for benchmarks that ask the real scheduler."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
from rich.console import Console

from data_pipeline.local.airflow_database import METADATA_DATABASE, METADATA_ROLE
from data_pipeline.local.celery import Workers
from data_pipeline.local.environment import SANDBOX_RATE, airflow_command, sandbox_connection
from data_pipeline.local.home import Home
from data_pipeline.local.processes import Background, wait_until
from data_pipeline.local.stack import Stack, warehouse_of
from data_pipeline.local.up import delete_everything, start_everything, stop_everything
from data_pipeline.warehouse.embedded import EmbeddedPostgres

PATIENCE_S = 180.0
SETTINGS = ("KIS_", "KRX_", "DATA_SOURCE", "MARKET_DB", "COORDINATION", "AIRFLOW")
FEWEST_DAGS = 6
EMPTY_DAG = """from airflow.sdk import DAG, task

with DAG(dag_id="empty", schedule=None):

    @task
    def nothing():
        pass

    nothing()
"""
_BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"

console = Console(stderr=True)


@dataclass(frozen=True)
class LocalAirflow:
    """Airflow's scheduler, its database, the warehouse and the emulated KIS."""

    home: Home
    environ: dict[str, str]
    metadata: Any
    """A connection to Airflow's own database, committing each statement."""
    market: Any
    """A connection to the warehouse, likewise."""
    emulator_url: str

    @property
    def scheduler_pid(self) -> int:
        """The process whose descendants are the tasks."""
        pid = Background(self.home, "scheduler").pid()
        if pid is None:
            raise SystemExit("the scheduler has ended")
        return pid

    def unpause(self, dag_id: str) -> None:
        """Unpause a DAG; one with a schedule makes a run for the newest moment that has come due."""
        self.airflow("dags", "unpause", "--yes", dag_id)

    def await_scheduled_run(self, dag_id: str) -> None:
        """Wait until the run that the scheduler makes for the newest moment has ended well."""
        states = "SELECT DISTINCT state FROM dag_run WHERE dag_id = %s"
        require(
            lambda: ask(self.metadata, states, dag_id) == [("success",)],
            f"the scheduled run of {dag_id} did not succeed",
        )

    def run(
        self, dag_id: str, conf: Mapping[str, object] | None = None, patience: float = PATIENCE_S
    ) -> tuple[str, datetime]:
        """Trigger a DAG, wait until its run has succeeded, and return its id and when it was queued."""
        run_id = f"benchmark__{time.time_ns()}"
        self.airflow("dags", "trigger", dag_id, "--run-id", run_id, "--conf", json.dumps(conf or {}))
        state = "SELECT state, queued_at FROM dag_run WHERE run_id = %s"
        ended = ("success", "failed")
        require(lambda: ask(self.metadata, state, run_id)[0][0] in ended, f"{dag_id} did not end", patience)
        ((how, queued_at),) = ask(self.metadata, state, run_id)
        if how != "success":
            raise SystemExit(f"{dag_id} failed; its logs are in {self.environ['AIRFLOW__LOGGING__BASE_LOG_FOLDER']}")
        return run_id, queued_at

    def airflow(self, *words: str) -> None:
        """Run one command of Airflow's."""
        subprocess.run([airflow_command(), *words], env=self.environ, check=True, capture_output=True)


@contextmanager
def local_airflow(workers: Workers = Workers()) -> Iterator[LocalAirflow]:  # noqa: B008 - frozen
    """Start everything, hand it over, and stop and delete everything; without workers the scheduler runs the tasks."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-dags-"))
    home = Home(folder / "home").prepare()
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        del os.environ[name]
    os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = _bundles(home)
    try:
        for step in start_everything(home, os.environ, workers):
            console.print(f"  {step}", highlight=False)
        server = EmbeddedPostgres(home.postgres)
        metadata_url, warehouse = server.url(METADATA_DATABASE, METADATA_ROLE), warehouse_of(server, {})
        emulator_url = f"http://127.0.0.1:{int((home.run / 'emulator.port').read_text('ascii'))}"
        stack = Stack(home, warehouse, metadata_url, sandbox_connection(emulator_url, SANDBOX_RATE), os.environ)
        with (
            closing(psycopg2.connect(metadata_url)) as metadata,
            closing(psycopg2.connect(warehouse.owner_url)) as market,
        ):
            metadata.autocommit = market.autocommit = True
            require(
                lambda: len(ask(metadata, "SELECT dag_id FROM dag")) > FEWEST_DAGS, "the DAG processor read no DAGs"
            )
            yield LocalAirflow(home, stack.airflow_environment(), metadata, market, emulator_url)
    finally:
        console.print("  stopping", ", ".join(stop_everything(home)), highlight=False)
        delete_everything(home)
        folder.rmdir()


def require(condition: Callable[[], bool], otherwise: str, patience: float = PATIENCE_S) -> None:
    """Wait until the condition holds; end the benchmark with this reason when it does not in time."""
    if not wait_until(condition, patience):
        raise SystemExit(otherwise)


def ask(connection: Any, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of one statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _bundles(home: Home) -> str:
    """Return the repository's DAGs and, beside them, one that does nothing."""
    empty = home.root / "empty-dag"
    empty.mkdir()
    (empty / "empty.py").write_text(EMPTY_DAG, "utf-8")
    bundles = {"dags-folder": {}, "benchmark": {"path": str(empty)}}
    return json.dumps([{"name": name, "classpath": _BUNDLE, "kwargs": given} for name, given in bundles.items()])
