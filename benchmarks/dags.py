"""What the DAGs cost Airflow: parsing each file, and a run of `current_prices` from the scheduler to committed rows.

Examples:
    python -m benchmarks dags                 both
    python -m benchmarks dags --repeats 9     each file is parsed nine times
    python -m benchmarks dags --parse-only    without starting Airflow
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from rich.console import Console
from rich.table import Table

from benchmarks._dags_parse import parse_costs
from data_pipeline.local.environment import airflow_command
from data_pipeline.local.home import Home
from data_pipeline.local.processes import wait_until
from data_pipeline.local.stack import METADATA_DATABASE, METADATA_ROLE, Stack, warehouse_of
from data_pipeline.local.up import delete_everything, start_everything, stop_everything
from data_pipeline.warehouse.embedded import EmbeddedPostgres

PARSE_LIMIT = 1.3
RUN_LIMIT_S = 12.0
PATIENCE_S = 180.0
SETTINGS = ("KIS_", "DATA_SOURCE", "MARKET_DB", "COORDINATION", "AIRFLOW")


def main(arguments: Sequence[str]) -> int:
    """Measure, print tables, then one JSON object; 0 when every figure is within its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks dags", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=5, help="how often each file is parsed (default: 5)")
    parser.add_argument("--runs", type=int, default=4, help="how often current_prices is run (default: 4)")
    parser.add_argument("--parse-only", action="store_true", help="do not start Airflow")
    options = parser.parse_args(arguments)
    figures: dict[str, Any] = {"parse": parse_costs(options.repeats)}
    if not options.parse_only:
        figures["current_prices"] = _current_prices(options.runs)
    _print(figures)
    print(json.dumps(figures))
    slow = [one["dag"] for one in figures["parse"] if one["ratio"] > PARSE_LIMIT]
    late = figures.get("current_prices", {}).get("seconds", 0) > RUN_LIMIT_S
    return 1 if slow or late else 0


def _current_prices(runs: int) -> dict[str, Any]:
    """Start what `make up` starts, in a folder of its own, run the DAG, and stop everything."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-dags-"))
    home = Home(folder / "home").prepare()
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        del os.environ[name]
    try:
        for step in start_everything(home, os.environ):
            print(f"  {step}")
        return _measured(home, runs)
    finally:
        print("  stopping", ", ".join(stop_everything(home)))
        delete_everything(home)
        folder.rmdir()


def _measured(home: Home, runs: int) -> dict[str, Any]:
    server = EmbeddedPostgres(home.postgres)
    metadata_url = server.url(METADATA_DATABASE, METADATA_ROLE)
    warehouse = warehouse_of(server, {})
    stack = Stack(home, warehouse, metadata_url, _source(home), None)
    environ = stack.airflow_environment()
    with closing(psycopg2.connect(metadata_url)) as metadata, closing(psycopg2.connect(warehouse.owner_url)) as market:
        metadata.autocommit = market.autocommit = True
        _require(lambda: len(_ask(metadata, "SELECT dag_id FROM dag")) >= 6, "the DAG processor read no DAGs")
        for dag_id in ("market_reference", "current_prices"):
            _unpause(metadata, environ, dag_id)
        seen = [_one_run(metadata, market, environ) for _ in range(runs)]
    seconds = [one["seconds"] for one in seen]
    return {
        "seconds": round(statistics.median(seconds), 2),
        "first_run_s": round(seconds[0], 2),
        "slowest_s": round(max(seconds), 2),
        "runs": seen,
    }


def _source(home: Home) -> Any:
    from data_pipeline.local.environment import sandbox_connection
    from data_pipeline.local.stack import SANDBOX_RATE

    port = int((home.run / "emulator.port").read_text("ascii"))
    return sandbox_connection(f"http://127.0.0.1:{port}", SANDBOX_RATE)


def _one_run(metadata: Any, market: Any, environ: dict[str, str]) -> dict[str, Any]:
    """Return the seconds from the moment the scheduler was given the run until its last rows were committed."""
    run_id, queued_at = _run_once(metadata, environ, "current_prices")
    ((started, finished, rows, requests),) = _ask(
        market,
        "SELECT min(started_at), max(finished_at), sum(rows_inserted), sum(requests) FROM market.ingest_run "
        "WHERE dag_id = 'current_prices' AND run_key = %s AND status = 'success'",
        run_id,
    )
    return {
        "seconds": round((finished - queued_at).total_seconds(), 2),
        "until_the_load_began_s": round((started - queued_at).total_seconds(), 2),
        "load_s": round((finished - started).total_seconds(), 2),
        "rows": int(rows),
        "requests": int(requests),
    }


def _unpause(metadata: Any, environ: dict[str, str], dag_id: str) -> None:
    """Unpause a DAG and wait until the run that the scheduler makes for the newest due moment has ended."""
    _airflow(environ, "dags", "unpause", "--yes", dag_id)
    states = "SELECT DISTINCT state FROM dag_run WHERE dag_id = %s"
    _require(lambda: _ask(metadata, states, dag_id) == [("success",)], f"the scheduled run of {dag_id} did not succeed")


def _airflow(environ: dict[str, str], *words: str) -> None:
    subprocess.run([airflow_command(), *words], env=environ, check=True, capture_output=True)


def _run_once(metadata: Any, environ: dict[str, str], dag_id: str) -> tuple[str, Any]:
    """Trigger a DAG, wait until its run has succeeded, and return its id and when it was queued."""
    run_id = f"benchmark__{time.time_ns()}"
    _airflow(environ, "dags", "trigger", dag_id, "--run-id", run_id)
    state = "SELECT state, queued_at FROM dag_run WHERE run_id = %s"
    _require(lambda: _ask(metadata, state, run_id)[0][0] in ("success", "failed"), f"{dag_id} did not end")
    ((ended, queued_at),) = _ask(metadata, state, run_id)
    if ended != "success":
        raise SystemExit(f"{dag_id} failed; its logs are in {environ['AIRFLOW__LOGGING__BASE_LOG_FOLDER']}")
    return run_id, queued_at


def _require(condition: Callable[[], bool], otherwise: str) -> None:
    if not wait_until(condition, PATIENCE_S):
        raise SystemExit(otherwise)


def _ask(connection: Any, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _print(figures: dict[str, Any]) -> None:
    console = Console()
    parse = Table("DAG file", "ratio to an empty DAG", "limit", "file ms", "empty file ms", title="parsing")
    for one in figures["parse"]:
        parse.add_row(one["dag"], str(one["ratio"]), str(PARSE_LIMIT), str(one["file_ms"]), str(one["empty_file_ms"]))
    console.print(parse)
    if "current_prices" in figures:
        table = Table("run", "s", "limit", "until the load began", "load s", "rows", "requests", title="current_prices")
        for number, one in enumerate(figures["current_prices"]["runs"], 1):
            table.add_row(
                str(number), str(one["seconds"]), str(RUN_LIMIT_S), str(one["until_the_load_began_s"]),
                str(one["load_s"]), str(one["rows"]), str(one["requests"]),
            )  # fmt: skip
        console.print(table)
