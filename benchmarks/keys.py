"""Ten keys at full speed: 2,700 daily pages through the hook into the warehouse, and what that costs one process.

A server of prepared bytes in a process of its own answers daily charts of 100 bars behind the emulator's gate, 18
calls a second and key, after 20 to 60 ms. The loading process is that of a task of `backfill`: the connection's hook,
the plan, client, limiter, parser, checks, proofs and the load into an embedded Postgres. `promised` is what the plan
said before, `CPU` is that of the loading process, user and system, a page. Then the same pages go through parser,
checks, proofs and load without HTTP and limiter (`pages`), beside raw COPY of the same rows into the same empty,
partitioned table: `ratio` is the rate beside that COPY, both the median of the rounds.

Examples:
    python -m benchmarks keys                  ten keys, 2,700 codes, 3 rounds of pages: two minutes
    python -m benchmarks keys --full           3 rounds of ten keys, and of one key with 450 codes
    python -m benchmarks keys --keys 2 --codes 300
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from benchmarks._keys_rows import listed, page, page_bars
from benchmarks._loading_bars import ANSWERED, write_text
from benchmarks._loading_server import TABLES, LoadingServer, loading_server
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.market.origin import SANDBOX
from data_pipeline.warehouse.connect import connect

QUOTA = 18
"""Calls a second of one real key. Source: KIS notice of 2026-04-20 on call limits."""
_SHOWN = {
    "what": "what",
    "pages": "pages",
    "seconds": "s",
    "promised": "promised s",
    "cpu_ms": "CPU ms a page",
    "user_ms": "user",
    "system_ms": "system",
    "used": "quota used",
    "rejected": "rejected",
    "rows_per_s": "rows/s",
    "ratio": "ratio",
}


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 1 when rows are not in the warehouse."""
    options = _parser().parse_args(arguments)
    os.environ["MARKET_CLOCK"] = ANSWERED.isoformat()
    with tempfile.TemporaryDirectory(prefix="data-pipeline-keys-") as folder:
        rows = list(_measured(options, Path(folder), Console(stderr=True)))
    _print(rows)
    print(json.dumps({"runs": rows}))
    return 0 if all(row.pop("whole") for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks keys", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--keys", type=int, default=10, help="app keys (10)")
    add("--codes", type=int, default=2700, help="stock codes, a page each (2,700)")
    add("--threads", type=int, help="threads that ask at once (as many as a task has without FETCH_THREADS)")
    add("--latency-ms", default="20:60", help="how long an answer takes on its way (20:60)")
    add("--rounds", type=int, default=3, help="rounds of pages and COPY (3)")
    add("--full", action="store_true", help="three rounds of the keys, and one key alone")
    return parser


def _measured(options: argparse.Namespace, folder: Path, console: Console) -> Iterator[dict[str, Any]]:
    with loading_server(folder / "postgres") as server:
        bench = Bench(server, options, folder)
        for round_ in range(3 if options.full else 1):
            console.print(f"{options.keys} keys, {options.codes} codes, round {round_ + 1} ...")
            row = bench.keys(options.keys, options.codes)
            console.print(json.dumps(row), markup=False, soft_wrap=True)
            yield row
        if options.full:
            console.print("one key, 450 codes ...")
            yield bench.keys(1, 450)
        console.print(f"{options.codes} pages without HTTP, and COPY, {options.rounds} rounds ...")
        yield bench.pages()


@dataclass
class Bench:
    """The parts of the benchmark on one server."""

    server: LoadingServer
    options: argparse.Namespace
    folder: Path

    def keys(self, keys: int, codes: int) -> dict[str, Any]:
        """Load a page of each code with so many keys."""
        self._prepare(codes, seals=True)
        with _vendor(codes, self.options.latency_ms) as url:
            with tempfile.TemporaryDirectory(dir=self.folder) as state:
                told = _worked(
                    _airflow(url, keys, state), what="keys", codes=codes, threads=self.options.threads,
                    warehouse=self.server.url("loader"),
                )  # fmt: skip
            seen = requests.get(f"{url}/figures", timeout=10).json()
        used = seen["accepted"] / (QUOTA * keys * (seen["seconds"] + 1 / QUOTA / keys))
        row = {"what": f"{keys} keys", "promised": round(told["promised"], 1), "rejected": seen["rejected"]}
        return _row(row | {"used": round(used, 3), "server_cpu_s": round(seen["cpu"], 2)}, codes, told)

    def pages(self) -> dict[str, Any]:
        """Load the same pages without HTTP and limiter, beside COPY of the same rows."""
        codes, text, pages = self.options.codes, self.folder / "text", self.folder / "pages"
        numbers = range(codes)
        write_text(text, (bar for number in numbers for bar in page_bars(number)), SANDBOX)
        pages.write_bytes(b"".join(page(number) + b"\n" for number in numbers))
        rounds, copies = [], []
        for _ in range(self.options.rounds):
            copies.append(self._copied(text, codes))
            self._prepare(codes, seals=True)
            rounds.append(_worked({}, what="pages", codes=codes, pages=str(pages), warehouse=self.server.url("loader")))
        told = sorted(rounds, key=lambda one: float(one["seconds"]))[len(rounds) // 2]
        rate, limit = told["rows"] / told["seconds"], 100 * codes / median(copies)
        row = {"what": "pages", "copy_rows_per_s": round(limit), "ratio": round(rate / limit, 3)}
        return _row(row, codes, told)

    def _copied(self, text: Path, codes: int) -> float:
        self._prepare(codes, seals=False)
        began = time.perf_counter()
        self.server.fill(TABLES["monthly"], text)
        return time.perf_counter() - began

    def _prepare(self, codes: int, *, seals: bool) -> None:
        self.server.empty()
        self.server.seal(wanted=seals)
        with closing(connect(self.server.url("loader"))) as connection, connection:
            keep_list(connection, listed(codes), SANDBOX)
        self.server.settle()


@contextmanager
def _vendor(codes: int, latency: str) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks._keys_server", str(codes), str(QUOTA), latency]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


def _airflow(url: str, keys: int, state: str) -> dict[str, str]:
    """Return the variables that give a process the connection ``kis_default`` with so many keys."""
    first, *more = [(f"{number:036d}", f"{number:0180d}") for number in range(keys)]
    connection = {
        "conn_type": "kis", "login": first[0], "password": first[1], "host": url,
        "extra": {"environment": "real", "more_keys": dict(more)},
    }  # fmt: skip
    return {
        "AIRFLOW_CONN_KIS_DEFAULT": json.dumps(connection),
        "AIRFLOW_HOME": state,
        "COORDINATION_URL": f"file://{state}/coordination",
    }


def _worked(environ: dict[str, str], **options: Any) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks._keys_worker"]
    done = subprocess.run(
        command, input=json.dumps(options), stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **environ}
    )
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def _row(row: dict[str, Any], codes: int, told: dict[str, Any]) -> dict[str, Any]:
    user, system = (1000 * told[name] / codes for name in ("user", "system"))
    return {
        **row,
        "pages": codes,
        "whole": told["rows"] == 100 * codes,
        "seconds": round(told["seconds"], 2),
        "cpu_ms": round(user + system, 2),
        "user_ms": round(user, 2),
        "system_ms": round(system, 2),
        "rows_per_s": round(told["rows"] / told["seconds"]),
    }


def _print(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(*_SHOWN.values(), title="ten keys at full speed")
    for row in rows:
        table.add_row(*(str(row.get(name, "-")) for name in _SHOWN))
    Console(width=140).print(table)
