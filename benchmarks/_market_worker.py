"""One job of the whole-market benchmark in a process of its own: ``python -m benchmarks._market_worker OPTIONS``.

``OPTIONS`` is a JSON object; the report is one JSON line.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from benchmarks._market_clock import VirtualClock
from benchmarks._market_jobs import JOBS, QUOTA, Job
from benchmarks._market_server import MARKET_EVENING, CheapServer
from data_pipeline.coordination.file import FileStore
from data_pipeline.datasets import Dataset, find_dataset
from data_pipeline.emulator.process import APP_KEY, APP_SECRET
from data_pipeline.engine.fetching import THREADS, fetched, until
from data_pipeline.engine.load_windows import load_windows
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.windows import most_rows_of, units
from data_pipeline.market.clock import market_now
from data_pipeline.market.window import Window
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.warehouse.connect import connect


def main() -> None:
    """Do the job and report it."""
    options = json.loads(sys.argv[1])
    job: Job = JOBS[options["job"]]
    report = _real(job, options) if job.clock == "real" else _virtual(job, options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**report, "peak_mb": round(peak, 1)}), flush=True)


def _real(job: Job, options: dict[str, Any]) -> dict[str, Any]:
    source = KISDataSource(_settings(options["url"]), FileStore(Path(options["folder"])), clock=market_now)
    total: Counter[str] = Counter()
    with source, closing(connect(options["warehouse"])) as connection:
        # As in a run every minute of a day: the token is there, and nothing else.
        _warm_up(source)
        sent, began = source.requests_sent, time.monotonic()
        for _, counts in load_windows(
            connection, source, find_dataset(job.dataset), job.windows(options["codes"]), Run()
        ):
            total.update(counts)
        seconds = time.monotonic() - began
    rows = total["inserted"] + total["updated"] + total["unchanged"]
    return {"seconds": seconds, "rows": rows, "requests": source.requests_sent - sent, "since": began}


def _virtual(job: Job, options: dict[str, Any]) -> dict[str, Any]:
    with VirtualClock(THREADS) as clock:
        server = CheapServer(QUOTA, MARKET_EVENING, clock.monotonic, clock.sleep)
        store = FileStore(Path(options["folder"]), clock=clock.monotonic, boot_id="virtual")
        source = KISDataSource(
            _settings("http://127.0.0.1:9"), store, server, clock=server.market_time, sleep=clock.sleep
        )
        dataset, rows, room = find_dataset(job.dataset), 0, _Room()
        began = clock.monotonic()
        with source:
            units = _units(dataset, source, job, options["codes"], room)
            for unit, count in fetched(units, _Fetch(dataset, source), THREADS, room.is_full):
                room.rows -= unit.rows
                rows += count
        seconds = clock.monotonic() - began
        spread = server.arrivals[-1] - server.arrivals[0] + 1 / QUOTA
    used = round(len(server.arrivals) / (QUOTA * spread), 4)
    requests = source.requests_sent
    return {"seconds": seconds, "rows": rows, "requests": requests, "budget_used": used, "rejected": server.rejected}


@dataclass
class _Room:
    """How many rows are on their way."""

    rows: int = 0

    def is_full(self) -> bool:
        # As many as `load_windows` allows; with fewer, some threads have no work and the clock waits for them.
        return self.rows >= 100_000


@dataclass(frozen=True)
class _Unit:
    window: Window
    rows: int


@dataclass(frozen=True)
class _Fetch:
    dataset: Dataset
    source: KISDataSource

    def __call__(self, unit: _Unit, stop: Event) -> int:
        return len(list(until(stop, self.dataset.ask(self.source, unit.window))))


def _units(dataset: Dataset, source: KISDataSource, job: Job, codes: list[str], room: _Room) -> Iterator[_Unit]:
    for window in job.windows(codes):
        for part in units(dataset, source, window):
            unit = _Unit(part, most_rows_of(dataset, source, part))
            room.rows += unit.rows
            yield unit


def _settings(url: str) -> KisSettings:
    return KisSettings(APP_KEY, APP_SECRET, environment="sandbox", base_url=url, rate_limit=float(QUOTA))


def _warm_up(source: KISDataSource) -> None:
    """Have the token issued and a connection made for each thread."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: list(source.price_snapshots(["005930"])), range(THREADS)))


if __name__ == "__main__":
    main()
