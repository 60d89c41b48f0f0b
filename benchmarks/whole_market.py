"""How many requests and how long it takes to load the whole market, and how much of the budget is used meanwhile.

Short jobs run in real time: the loading code of the operator in a process of its own, the emulator at 18 calls a second
with 20 to 60 ms of latency, and a Postgres of their own. Long jobs run on a virtual clock, which only waiting moves:
the real client, limiter, parser and fetching threads over a server in the process that has the emulator's gate and the
same latency; their rows are counted and not stored. `heal` fills
1,000 random holes and 50 whole days of a year. `slice-real` and `slice-virtual` are the same work both ways.

`minimum_requests` is what KIS's page sizes allow, `budget_used` is accepted calls over quota x seconds from the first
arrival to the last, `peak_mb` is the peak memory of the loading process (without Airflow, which adds its own).

Examples:
    python -m benchmarks whole_market                                     every job with 2,700 codes, about an hour
    python -m benchmarks whole_market --job prices --job order-books      the short ones
    python -m benchmarks whole_market --job minutes-20-days --codes 100   a part of a long one
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._limiter_figures import quotations, rejected
from benchmarks._market_jobs import JOBS, MINUTES_A_DAY, QUOTA, Job
from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

_SHOWN = {
    "job": "job",
    "codes": "codes",
    "requests": "sent",
    "minimum_requests": "min.",
    "seconds": "s",
    "clock": "clock",
    "budget_used": "used",
    "rejected": "rej.",
    "rows": "rows",
    "peak_mb": "MB",
}


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 1 when a job could not be finished."""
    options = _parser().parse_args(arguments)
    console, rows, failed = Console(stderr=True), [], False
    for name in options.job or JOBS:
        job = JOBS[name]
        codes = min(options.codes or job.codes, job.codes)
        console.print(f"{name}: {codes} codes, {job.clock} clock ...")
        try:
            rows.append(_measured(job, _codes(job, codes)))
        except subprocess.CalledProcessError as error:
            failed = True
            console.print(f"not finished: {error.stderr[-2000:]}", markup=False)
    _print(rows)
    print(json.dumps({"jobs": rows}))
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks whole_market",
        description=__doc__,
        epilog="jobs:\n" + "\n".join(f"  {job.name:16} {job.clock:8} {job.target}" for job in JOBS.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--job", action="append", choices=list(JOBS), help="one job; may be repeated (all unless told)")
    parser.add_argument("--codes", type=_positive, metavar="N", help="fewer stock codes than the job has")
    return parser


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return int(text)


def _codes(job: Job, count: int) -> list[str]:
    """Return listed codes; those of a job with a fixed number of bars trade in every minute of its sessions."""
    market, sessions = SyntheticMarket(), krx_calendar().sessions(job.first, job.last)
    listed = (one.stock_code for one in market.instruments(job.last))
    if not job.full:
        return list(listed)[:count]
    found: list[str] = []
    while len(found) < count:
        code = next(listed)
        if all(len(market.minute_bars(code, session)) >= MINUTES_A_DAY - 10 for session in sessions):
            found.append(code)
    return found


def _measured(job: Job, codes: list[str]) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="data-pipeline-market-")))
        options: dict[str, Any] = {"job": job.name, "codes": codes, "folder": str(folder / "coordination")}
        if job.clock == "virtual":
            return _row(job, codes, _worked(options))
        server = EmbeddedPostgres(folder / "postgres")
        stack.enter_context(server)
        server.create_database("market")
        migrate(server.url("market"))
        emulator = stack.enter_context(EmulatorProcess(rate=QUOTA, latency_ms="20:60", now=job.now))
        report = _worked({**options, "url": emulator.url, "warehouse": server.url("market", "loader")})
        calls = quotations(emulator.requests(), report.pop("since"))
        accepted = [one["arrived"] for one in calls if one["accepted"]]
        used = len(accepted) / (QUOTA * (accepted[-1] - accepted[0] + 1 / QUOTA))
        return _row(job, codes, {**report, "budget_used": round(used, 4), "rejected": rejected(calls)["rejected"]})


def _worked(options: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks._market_worker", json.dumps(options)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def _row(job: Job, codes: list[str], report: dict[str, Any]) -> dict[str, Any]:
    known = {"job": job.name, "codes": len(codes), "clock": job.clock, **report}
    known |= {"minimum_requests": job.minimum_requests(codes), "seconds": round(report["seconds"], 2)}
    return {name: known[name] for name in _SHOWN}


def _print(rows: Sequence[dict[str, Any]]) -> None:
    caption = "sent, min.: requests; used: share of the quota; rej.: calls rejected; MB: peak memory of the task"
    table = Table(*_SHOWN.values(), title="loading the whole market", caption=caption)
    for row in rows:
        table.add_row(*(str(row[name]) for name in _SHOWN))
    console = Console()
    console.print(table)
    for row in rows:
        console.print(f"{row['job']}: {JOBS[row['job']].target}", markup=False, highlight=False)
