"""How much memory a backfill task takes inside Airflow, whatever the range, beside a task that does nothing."""

from __future__ import annotations

import json
import threading
import urllib.request
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from typing_extensions import Self

from benchmarks._dags_stack import LocalAirflow, ask, console
from data_pipeline.local.environment import sandbox_connection
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar

POLL_S = 0.02
CODES = 50
RATE = 150
"""Calls a second here: more rows on their way than at KIS's 18, and sooner done."""
FAST = "kis_fast"
_PATIENCE_S = 900.0


class Range(NamedTuple):
    """What one run of `backfill` loads for the same instruments."""

    dataset: str
    first: date
    last: date


def ranges() -> list[Range]:
    """Return ranges of very different size that share no session, the smallest first."""
    last = krx_calendar().last_final_session(datetime.now(SEOUL))
    sessions = krx_calendar().sessions(krx_calendar().first_day, last)
    return [
        Range("minute_bar", sessions[-1], sessions[-1]),
        Range("minute_bar", sessions[-21], sessions[-2]),
        Range("daily_bar", sessions[-4930], sessions[-1]),
    ]


def memory(local: LocalAirflow) -> dict[str, Any]:
    """Run each range through the scheduler, in one task each, and return the peak memory of the task's process.

    ``task_mb`` is the peak resident memory of the process that runs the task (VmHWM), pages shared with the scheduler
    that it was forked from included; ``supervisor_mb`` is that of the process of Airflow's that watches it.
    """
    _let_it_run_fast(local)
    local.unpause("backfill")
    local.unpause("empty")
    codes = [code for (code,) in ask(local.market, _LONG_LISTED, CODES)]
    with PeakMemory(local.scheduler_pid) as peaks:
        empty_run, _ = local.run("empty")
        empty = peaks.of(_task(local, empty_run, "nothing")[0])
        console.print("  an empty task took", empty, "MB", highlight=False)
        runs = [_measured(local, peaks, one, codes) for one in ranges()]
    return {"empty_task_mb": empty[0], "empty_supervisor_mb": empty[1], "runs": runs}


def _measured(local: LocalAirflow, peaks: PeakMemory, one: Range, codes: list[str]) -> dict[str, Any]:
    conf = {
        "dataset": one.dataset,
        "stock_codes": codes,
        "first": one.first.isoformat(),
        "last": one.last.isoformat(),
        "source_conn_id": FAST,
        "chunk_size": len(codes),
    }
    run_id, _ = local.run("backfill", conf, _PATIENCE_S)
    pid, seconds = _task(local, run_id, "load")
    ((rows, requests),) = ask(local.market, _LOADED, run_id)
    task, supervisor = peaks.of(pid)
    console.print("  ", one.dataset, one.first, one.last, task, "MB", highlight=False)
    return {
        "dataset": one.dataset,
        "codes": len(codes),
        "sessions": len(krx_calendar().sessions(one.first, one.last)),
        "rows": int(rows),
        "requests": int(requests),
        "seconds": round(seconds, 1),
        "task_mb": task,
        "supervisor_mb": supervisor,
    }


_LONG_LISTED = """
    SELECT stock_code FROM market.instrument
    WHERE market = 'KOSPI' AND security_group = 'ST' AND listed_on < '2001-01-01' AND delisted_on IS NULL AND NOT halted
    ORDER BY stock_code LIMIT %s
"""
_LOADED = "SELECT sum(rows_inserted), sum(requests) FROM market.ingest_run WHERE run_key = %s AND status = 'success'"
_INSTANCE = """
    SELECT pid, extract(epoch FROM end_date - start_date)::float FROM task_instance
    WHERE run_id = %s AND task_id = %s
"""


def _task(local: LocalAirflow, run_id: str, task_id: str) -> tuple[int, float]:
    ((pid, seconds),) = ask(local.metadata, _INSTANCE, run_id, task_id)
    return int(pid), float(seconds)


def _let_it_run_fast(local: LocalAirflow) -> None:
    connection = sandbox_connection(local.emulator_url, RATE).as_json()
    local.airflow("connections", "add", FAST, "--conn-json", connection)
    body = json.dumps({"rate": 2 * RATE}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{local.emulator_url}/emulator/limits", body, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


class PeakMemory:
    """Watches the descendants of one process, every few milliseconds, for as long as the ``with`` block lasts.

    Args:
        root: The process, which is ours.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._peaks: dict[int, tuple[float, int]] = {}
        """Megabytes and the parent of each process seen, the last one that had this id."""
        self._rounds = threading.Semaphore(0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def of(self, pid: int) -> tuple[float, float]:
        """Return the peak of a process and of its parent, MB."""
        peak, parent = self._peaks[pid]
        return peak, self._peaks[parent][0]

    def next_children(self, pid: int) -> list[int]:
        """Wait until all descendants have been looked at once more, and return the children of one of them."""
        for _ in range(2):  # the round that is under way may have passed it already
            while self._rounds.acquire(blocking=False):
                pass
            self._rounds.acquire()
        return [child for child, (_, parent) in self._peaks.items() if parent == pid]

    def _watch(self) -> None:
        while not self._over.wait(POLL_S):
            waiting = [self._root]
            while waiting:
                parent = waiting.pop()
                for pid in _children(parent):
                    waiting.append(pid)
                    with suppress(OSError, StopIteration):  # it has ended meanwhile
                        self._peaks[pid] = (_peak_mb(pid), parent)
            self._rounds.release()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text("ascii").split())
    return found


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace").splitlines()
    return round(int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 1024, 1)
