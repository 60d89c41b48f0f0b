"""How much of a quota many processes use together, how often the server rejects them, and what it costs.

Processes and threads call the emulator's gate over loopback HTTP through the real client. Other limiters take the place
of the client's own; the rest of the client stays. `budget_used` is accepted calls over quota x seconds, as the
emulator's log counts them in whole seconds that begin one to two seconds after the start, so it cannot exceed 1;
`rejected` counts the calls rejected from the start to the end, `rejected_share` is their share. `max_wait_s` and the
calls of each process come from the workers that lived to the end; `cpu_ms_per_request` is the CPU of the limiter alone.

Examples:
    python -m benchmarks limiter                                  every case, with the other limiters on both stores
    python -m benchmarks limiter --case jitter-5 --store file     one case, one store
    python -m benchmarks limiter --case killed --seconds 20 --no-peers
    python -m benchmarks limiter --case cold-start --case server-500
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._limiter_cases import CASES
from benchmarks._limiter_crew import BenchmarkError
from benchmarks._limiter_peers import OURS, PEERS, available
from benchmarks._limiter_run import Run, measure, shortened

_PEER_SECONDS = 20
_SHOWN = {
    "case": "case",
    "limiter": "limiter",
    "store": "store",
    "seconds": "s",
    "budget_used": "used",
    "rejected": "rej.",
    "max_wait_s": "wait s",
    "fair": "calls",
    "cpu_ms_per_request": "CPU ms",
}
_COMMON = {*_SHOWN, "processes", "threads", "jitter_ms", "window", "quota", "rejected_share", "per_process_min"}
_COMMON |= {"per_process_max", "client_cpu_ms_per_request", "errors", "emulator_cpu_share"}

OUR_STORES = ("file", "redis")
"""What ``COORDINATION_URL`` accepts in this version."""


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 1 when a run could not be finished."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    # A plain kill stops the workers and servers too, as Ctrl-C does.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows, failed = [], False
    try:
        for run in _runs(options):
            console.print(f"{run.case.name}: {run.limiter} on {run.store}, {run.case.seconds} s ...")
            try:
                rows.append(measure(run))
            except BenchmarkError as error:
                failed = True
                console.print(f"not finished: {error}", markup=False)
    except KeyboardInterrupt:
        failed = True
        console.print("Stopped; these are the runs that were finished.")
    finally:
        signal.signal(signal.SIGTERM, before)
    _print(rows)
    print(json.dumps({"runs": rows}))
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks limiter",
        description=__doc__,
        epilog="cases:\n" + "\n".join(f"  {case.name:13} {case.seconds:4} s  {case.target}" for case in CASES.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--case", action="append", choices=list(CASES), help="one case; may be repeated (every case unless told)")
    add("--seconds", type=_positive, metavar="N", help="length of each run; events keep their share of it")
    add("--processes", type=_positive, metavar="N", help="processes of each run")
    add("--threads", type=_positive, metavar="N", help="threads of each process")
    add(
        "--store",
        choices=["file", "redis", "both"],
        default="both",
        help="where processes share (both unless told)",
    )
    add("--no-peers", action="store_true", help=f"leave the other limiters out (else {_PEER_SECONDS} s each)")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return value


def _runs(options: argparse.Namespace) -> Iterator[Run]:
    stores = ["file", "redis"] if options.store == "both" else [options.store]
    for name in options.case or CASES:
        case = shortened(CASES[name], options.seconds, options.processes, options.threads)
        yield from (Run(case, OURS, store) for store in stores if store in OUR_STORES)
        if not case.peers or options.no_peers:
            continue
        short = shortened(case, options.seconds or _PEER_SECONDS, None, None)
        for limiter, where in (peer for store in stores for peer in PEERS[store]):
            if available(limiter):
                yield Run(short, limiter, where)
            else:
                print(f"{limiter} is left out: pip install -e '.[bench]'", file=sys.stderr)


def _print(rows: Sequence[dict[str, Any]]) -> None:
    caption = "used: share of the quota; rej.: calls rejected; wait: the longest; calls: least and most of a process"
    table = Table(*_SHOWN.values(), title="one budget for many processes", caption=caption)
    for row in rows:
        shown = {**row, "fair": f"{row['per_process_min']}-{row['per_process_max']}"}
        table.add_row(*(str(shown[name]) for name in _SHOWN))
    console = Console()
    console.print(table)
    for row in rows:
        also = ", ".join(f"{name} {value}" for name, value in row.items() if name not in _COMMON)
        if also:
            console.print(f"{row['case']}, {row['limiter']} on {row['store']}: {also}", markup=False)
