"""What the DAGs cost Airflow: parsing each file, a run of `current_prices`, and the memory of a backfill task.

A run is timed from the scheduler to committed rows. Memory is the peak of the task's own process under the scheduler
with LocalExecutor, for ranges of very different size, beside a task that does nothing.

Examples:
    python -m benchmarks dags                 all of it, about ten minutes
    python -m benchmarks dags --repeats 9     each file is parsed nine times
    python -m benchmarks dags --parse-only    without starting Airflow
    python -m benchmarks dags --part memory   the memory alone
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._dags_memory import memory
from benchmarks._dags_parse import parse_costs
from benchmarks._dags_stack import LocalAirflow, ask, local_airflow

PARSE_LIMIT = 1.3
RUN_LIMIT_S = 12.0
MEMORY_LIMIT_MB = 250.0
PARTS = ("parse", "current_prices", "memory")
PARSE_SHOWN = ("dag", "ratio", "file_ms", "empty_file_ms", "warm_ms", "warm_empty_ms", "warm_plain_ms")
RUN_SHOWN = ("seconds", "until_the_load_began_s", "load_s", "rows", "requests")
MEMORY_SHOWN = ("dataset", "codes", "sessions", "rows", "requests", "seconds", "task_mb", "supervisor_mb")


def main(arguments: Sequence[str]) -> int:
    """Measure, print tables, then one JSON object; 0 when every figure is within its limit."""
    options = _parser().parse_args(arguments)
    parts = ["parse"] if options.parse_only else options.part or PARTS
    figures: dict[str, Any] = {}
    if "parse" in parts:
        figures["parse"] = parse_costs(options.repeats)
    if {"current_prices", "memory"} & set(parts):
        with local_airflow() as local:
            local.unpause("market_reference")
            local.await_scheduled_run("market_reference")
            if "current_prices" in parts:
                figures["current_prices"] = _current_prices(local, options.runs)
            if "memory" in parts:
                figures["memory"] = {"limit_mb": MEMORY_LIMIT_MB, **memory(local)}
    _print(figures)
    print(json.dumps(figures))
    return 0 if _within_limits(figures) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks dags", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5, help="how often each file is parsed (default: 5)")
    parser.add_argument("--runs", type=int, default=4, help="how often current_prices is run (default: 4)")
    parser.add_argument("--parse-only", action="store_true", help="do not start Airflow")
    parser.add_argument("--part", action="append", choices=PARTS, help="one part; may be repeated (all unless told)")
    return parser


def _within_limits(figures: dict[str, Any]) -> bool:
    costly = [one["dag"] for one in figures.get("parse", []) if one["ratio"] > PARSE_LIMIT]
    late = figures.get("current_prices", {}).get("seconds", 0) > RUN_LIMIT_S
    large = [one for one in figures.get("memory", {}).get("runs", []) if one["task_mb"] > MEMORY_LIMIT_MB]
    return not (costly or late or large)


def _current_prices(local: LocalAirflow, runs: int) -> dict[str, Any]:
    local.unpause("current_prices")
    local.await_scheduled_run("current_prices")
    seen = [_one_run(local) for _ in range(runs)]
    local.airflow("dags", "pause", "--yes", "current_prices")
    seconds = [one["seconds"] for one in seen]
    return {
        "seconds": round(statistics.median(seconds), 2),
        "first_run_s": round(seconds[0], 2),
        "slowest_s": round(max(seconds), 2),
        "runs": seen,
    }


def _one_run(local: LocalAirflow) -> dict[str, Any]:
    """Return the seconds from the moment the scheduler was given the run until its last rows were committed."""
    run_id, queued_at = local.run("current_prices")
    ((started, finished, rows, requests),) = ask(
        local.market,
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


def _print(figures: dict[str, Any]) -> None:
    console = Console()
    if "parse" in figures:
        title = f"parsing; ratio of whole processes, at most {PARSE_LIMIT}"
        console.print(_table(title, PARSE_SHOWN, figures["parse"]))
    if "current_prices" in figures:
        console.print(_table(f"current_prices; at most {RUN_LIMIT_S} s", RUN_SHOWN, figures["current_prices"]["runs"]))
    if "memory" in figures:
        empty = figures["memory"]["empty_task_mb"]
        title = f"backfill; at most {MEMORY_LIMIT_MB:.0f} MB; an empty task takes {empty} MB"
        console.print(_table(title, MEMORY_SHOWN, figures["memory"]["runs"]))


def _table(title: str, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(*(name.replace("_", " ") for name in names), title=title)
    for row in rows:
        table.add_row(*(str(row[name]) for name in names))
    return table
