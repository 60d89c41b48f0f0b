"""`data-pipeline run`: load the last finished session through Airflow, then say what is there and what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from data_pipeline.local.dag_runs import write_plan
from data_pipeline.local.families import Family
from data_pipeline.local.home import Home
from data_pipeline.local.locks import alone
from data_pipeline.local.output import write_json
from data_pipeline.local.plan import HISTORY_SESSIONS, RunPlan, make_plan, market_evening
from data_pipeline.local.processes import LEFT_BEHIND_S
from data_pipeline.local.report import Gap, Loaded, gap_table, gaps, last_run_id, loaded_since, loaded_table
from data_pipeline.local.stack import Stack, local_stack
from data_pipeline.settings.chosen import real_source
from data_pipeline.warehouse.connect import connect

VENDORS = {
    "kis": "Korea Investment & Securities",
    "krx": "Korea Exchange, official figures",
    "": "KIS emulator, synthetic data (no vendor's key is set)",
}
WITHOUT_KIS = (
    "There is no KIS key, so order books, minutes and present prices are left out, and the newest session is the last "
    "one that KRX has published. Set KIS_APP_KEY and KIS_APP_SECRET for them."
)
REFRESH = 0.25
LIVELY = (
    "The emulator tells three things wrongly the first time, so that the morning page has something to show: a value "
    "that a check refuses and a second answer heals, a volume that is restated later, and a bar of a closed day, which "
    "stays in quarantine."
)
SUMMARY = "summary.json"
"""The tables of a run, for programs."""
ONE_PROCESS = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS": "data_pipeline.hooks.metadata.PATIENT",
}
"""What the process that runs the DAGs is told besides."""
LABELS = {
    "market_reference": "instruments",
    "daily_bars": "today's bars, whole market",
    "daily_bars_official": "official bars, whole market",
    "backfill": "history of the watch list",
    "order_books": "order books of the watch list",
}


def run(
    home: Home,
    environ: Mapping[str, str],
    now: datetime,
    console: Console,
    *,
    as_json: bool = False,
    lively: bool = False,
) -> int:
    """Run the pipeline once; return 0 only when everything expected is in the warehouse.

    Args:
        home: The installation's folder.
        environ: Credentials and addresses, as documented in ``.env.example``.
        now: An aware time; "today" is the last session that is final at this moment.
        console: Where progress and tables go.
        as_json: Whether the tables are printed once more as one JSON object, for programs.
        lively: Whether a market that is made up has something of everything, a wrong row that is healed among it.

    Raises:
        BusyError: Another `run` of this installation is at work.
        ConfigurationError: A part did not start; the message names its log.
    """
    with alone(home.prepare(), "run", "`data-pipeline run`"):
        code = _run_alone(home, environ, now, console, lively=lively)
        if as_json:
            write_json({**json.loads((home.run / SUMMARY).read_text("utf-8")), "complete": code == 0})
        return code


def _run_alone(home: Home, environ: Mapping[str, str], now: datetime, console: Console, *, lively: bool) -> int:
    vendor = real_source(environ)
    plan = make_plan(now, vendor, environ, lively=lively)
    console.print(f"[bold]Session {plan.session:%Y-%m-%d (%a)}[/bold] from {VENDORS[vendor]}")
    if plan.official:
        console.print(WITHOUT_KIS, soft_wrap=True)
    if plan.lively:
        console.print(LIVELY, soft_wrap=True)
    began = time.monotonic()
    with (
        console.status("Starting Postgres, the warehouse and Airflow's database ..."),
        local_stack(home, environ, market_evening(now), lively=plan.lively) as stack,
    ):
        ready_s = time.monotonic() - began
        with closing(connect(stack.warehouse.reader_url)) as connection:
            return _load_and_report(stack, plan, connection, console, ready_s)


def _load_and_report(stack: Stack, plan: RunPlan, connection: Any, console: Console, ready_s: float) -> int:
    with connection:
        before = last_run_id(connection)
    began = time.monotonic()
    succeeded = _run_dags(stack, plan, connection, console, before)
    pipeline_s = time.monotonic() - began
    with connection:
        loaded, found = loaded_since(connection, before), gaps(connection, plan)
    _write_summary(stack.home, loaded, found, ready_s, pipeline_s)
    rate = (stack.source.extra or {}).get("rate_limit")  # KRX has none
    console.print(loaded_table(loaded, float(str(rate)) if rate else None))
    console.print(gap_table(found))
    console.print(f"Ready in {ready_s:.1f} s, loaded in {pipeline_s:.1f} s.")
    missing = sum(gap.missing for gap in found)
    if not succeeded:
        console.print(f"[red]A DAG run failed.[/red] Read {stack.home.logs / 'run.log'}")
    if missing:
        console.print(
            f"[red]{missing:,} rows are missing.[/red] Read {stack.home.logs / 'run.log'}, then run it again."
        )
    if succeeded and not missing:
        console.print('Everything expected is there. Look at it: [bold].venv/bin/data-pipeline sql "..."[/bold]')
    return 0 if succeeded and not missing else 1


def _write_summary(
    home: Home, loaded: Sequence[Loaded], found: Sequence[Gap], ready_s: float, pipeline_s: float
) -> None:
    """Leave the tables as JSON in ``run/summary.json``, for programs."""
    summary = {
        "loaded": [asdict(one) for one in loaded],
        "gaps": [asdict(gap) for gap in found],
        "ready_s": round(ready_s, 2),
        "pipeline_s": round(pipeline_s, 2),
    }
    (home.run / SUMMARY).write_text(json.dumps(summary), "utf-8")


def _run_dags(stack: Stack, plan: RunPlan, connection: Any, console: Console, before: int) -> bool:
    """Run the DAGs in one process of their own, showing progress; True when all succeeded."""
    plan_file, events = stack.home.run / "plan.json", stack.home.run / "events.jsonl"
    family = Family(stack.home, "run")
    family.end(LEFT_BEHIND_S)  # of a `run` that was killed
    runs = plan.dag_runs()
    write_plan(plan_file, runs)
    events.unlink(missing_ok=True)
    totals = {"backfill": len(plan.codes) * HISTORY_SESSIONS, "order_books": len(plan.codes)}
    log_file = stack.home.logs / "run.log"
    log_file.touch(mode=0o600)
    with log_file.open("wb") as log, _progress(console) as progress:
        bars = {run.dag_id: progress.add_task(LABELS[run.dag_id], start=False, total=None) for run in runs}
        child = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, "-m", "data_pipeline.local.dag_runs", str(plan_file), str(events), "--stop-with-stdin"],
            env={**dag_environment(stack.airflow_environment()), **family.mark, **ONE_PROCESS},
            stdin=subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            while child.poll() is None:
                _show(progress, bars, totals, events, connection, before)
                time.sleep(REFRESH)
        finally:
            if child.poll() is None:
                child.terminate()
            child.communicate()
            family.end(LEFT_BEHIND_S)
        _show(progress, bars, totals, events, connection, before)
    return child.returncode == 0


def dag_environment(airflow: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of `run`'s DAGs: Airflow's, with one retry where the user named no number."""
    return {**airflow, "TASK_RETRIES": airflow.get("TASK_RETRIES") or "1"}


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description:30}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console,
    )  # fmt: skip


def _show(
    progress: Progress, bars: Mapping[str, Any], totals: Mapping[str, int], events: Path, connection: Any, before: int
) -> None:
    """Update the progress bars from what is committed to the warehouse."""
    rows: Counter[str] = Counter()
    with connection:
        loaded = loaded_since(connection, before)
    for one in loaded:
        rows[one.dag_id] += one.rows
    for dag_id, state in _states(events).items():
        task = bars[dag_id]
        progress.start_task(task)
        ended = state != "running"
        total = rows[dag_id] if ended else totals.get(dag_id)
        progress.update(task, completed=rows[dag_id], total=total)
        if ended:
            progress.stop_task(task)


def _states(events: Path) -> dict[str, str]:
    if not events.exists():
        return {}
    lines = [json.loads(line) for line in events.read_text("utf-8").splitlines()]
    return {line["dag_id"]: line["state"] for line in lines}
