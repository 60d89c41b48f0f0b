"""How the live service keeps up: seconds from receiving to committing, processor and memory, nothing lost or doubled.

A server on this machine fires trades of 41 codes over a real WebSocket, the service runs in a process of its own and
writes into an embedded Postgres. Bad networks are played in virtual time by ``tests/unit/stream`` (``-m slow`` for a
thousand seeds).
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from benchmarks._stream_replay import replayed
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

CODES = 41
"""What one app key registers."""
Case = tuple[str, float, dict[str, Any]]
"""Its name, trades a second of all codes together, and what else is said of it."""
CASES: tuple[Case, ...] = (
    ("8,200/s", 8200.0, {}),
    ("1,000/s", 1000.0, {}),
    ("killed -9 every 5 s, 1,000/s", 1000.0, {"kill_s": 5.0}),
)
REPLAY_SPEED = 300.0
"""Times real time at which the stored day is sent."""


def main(arguments: Sequence[str]) -> int:
    """Print a table and one JSON object; 1 when a trade was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks stream", description=__doc__)
    parser.add_argument("--full", action="store_true", help="half an hour of the first case, or of the one of --only")
    parser.add_argument("--only", default="", help="one case, by the beginning of its name (default: all)")
    parser.add_argument("--seconds", type=float, default=60.0, help="the same for so long; others take 60 at most")
    parser.add_argument("--each", type=float, default=4100.0, help="a second of each key, of one and of two (4100)")
    options = parser.parse_args(arguments)
    seconds = 1800.0 if options.full else options.seconds
    told = {}
    with tempfile.TemporaryDirectory(prefix="stream-") as folder, EmbeddedPostgres(Path(folder, "postgres")) as server:
        keys: tuple[Case, ...] = (("keys: one", options.each, {}), ("keys: two", 2 * options.each, {"keys": 2}))
        for name, rate, how in (*CASES, *keys):
            if not name.startswith(options.only):
                continue
            long = bool(options.only) or name == "8,200/s"
            told[name] = _case(server, Path(folder), rate, seconds if long else min(seconds, 60.0), **how)
            print(f"{name:30} {_line(told[name])}", flush=True)
        replay = _replay(server, Path(folder), full=options.full) if "replay".startswith(options.only) else {}
    one, two = (told.get(name, {}).get("rows_s") for name in ("keys: one", "keys: two"))
    times = round(two / one, 3) if one and two else None
    if times:
        print(f"{'keys: two beside one':30} {times} times as many rows a second")
    print(json.dumps({**told, "two_keys": times, "replay": replay}))
    right = all(one["unnamed"] == 0 == one["doubled"] for one in told.values())
    return 0 if right and replay.get("same", True) else 1


def _replay(server: EmbeddedPostgres, folder: Path, *, full: bool) -> dict[str, Any]:
    told = replayed(server, folder, REPLAY_SPEED, 100_000 if full else 20_000)
    rows = "the same rows" if told["same"] else "OTHER ROWS"
    print(f"{'replay, 5 codes':30} {told['records']:,} trades at {told['times']} times real time: {rows}", flush=True)
    return told


def _case(
    server: EmbeddedPostgres, folder: Path, rate: float, seconds: float, kill_s: float = 0.0, keys: int = 1
) -> dict[str, Any]:
    database = f"stream_{time.monotonic_ns()}"
    server.create_database(database)
    migrate(server.url(database, "owner"))
    began = str(time.time())
    with _running("_stream_cannon", str(rate), str(seconds), str(keys * CODES), began) as cannon:
        url = _said(cannon)
        words = (url, server.url(database, "loader"), began, str(keys * CODES), str(folder / database), str(keys))
        run = _killed_again_and_again if kill_s else _run_once
        worker, fired = run(cannon, words, kill_s)
    with closing(psycopg2.connect(server.url(database, "owner"))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT stock_code, count(*), sum(volume), max(cumulative_volume) FROM market.trade GROUP BY 1")
        stored = {str(code): (int(count), int(volume), int(last)) for code, count, volume, last in cursor.fetchall()}
        cursor.execute("SELECT stock_code, sum(missed_volume) FROM market.stream_gap GROUP BY 1")
        gaps = {str(code): int(volume) for code, volume in cursor.fetchall()}
    lost = sum(total - stored.get(code, (0, 0, 0))[1] for code, (total, _) in fired.items())
    # After the last kill nothing may follow in which a gap could show; up to there each share is stored or named.
    unnamed = sum(last - volume - gaps.get(code, 0) for code, (_, volume, last) in stored.items())
    return {
        "fired": sum(count for _, count in fired.values()), "stored": sum(count for count, *_ in stored.values()),
        "lost_shares": lost, "named_shares": sum(gaps.values()), "unnamed": max(unnamed, 0),
        "doubled": max(-unnamed, 0), **_figures(worker, seconds),
    }  # fmt: skip


def _run_once(cannon: Any, words: Sequence[str], _: float) -> tuple[dict[str, Any], dict[str, Any]]:
    with _running("_stream_worker", *words) as worker:
        fired = json.loads(_said(cannon))
        _wait_until_stored(words[1], sum(count for _, count in fired.values()))
        worker.stdin.write("stop\n")
        worker.stdin.flush()
        return json.loads(_said(worker)), fired


def _wait_until_stored(database: str, rows: int) -> None:
    """Wait until all that was fired is there, or nothing has come for five seconds."""
    stored, since = -1, time.monotonic()
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        while time.monotonic() < since + 5.0:
            cursor.execute("SELECT count(*) FROM market.trade")
            ((now,),) = cursor.fetchall()
            connection.rollback()
            stored, since = (now, time.monotonic()) if now != stored else (stored, since)
            if stored >= rows:
                return
            time.sleep(0.5)


def _killed_again_and_again(cannon: Any, words: Sequence[str], kill_s: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Kill the service every few seconds; what the store keeps of connects is emptied, so that it may begin again."""
    ended = False
    while not ended:
        with _running("_stream_worker", *words) as worker:
            try:
                worker.wait(kill_s + 8.0)  # a new lease is taken after six seconds
            except subprocess.TimeoutExpired:
                worker.send_signal(signal.SIGKILL)
        for file in Path(words[4]).glob("*"):
            file.unlink()
        ended = bool(cannon.poll() is not None or _ready(cannon))
    fired = json.loads(_said(cannon))
    return {"cpu_s": 0.0, "span_s": 0.0, "memory_mb": [], "lags_ms": [], "stored": 0}, fired


def _ready(process: Any) -> bool:
    import select

    return bool(select.select([process.stdout], [], [], 0)[0])


def _figures(worker: dict[str, Any], seconds: float) -> dict[str, Any]:
    memory = [size for _, size in worker["memory_mb"]]
    settled = [size for at, size in worker["memory_mb"] if at > min(300.0, seconds / 2)]
    span, stored = worker["span_s"] or None, worker["stored"] or None
    return {
        "p50_ms": percentile(worker["lags_ms"], 0.5), "p99_ms": percentile(worker["lags_ms"], 0.99),
        "rows_s": span and round(worker["stored"] / span, 1), "cpu": span and round(worker["cpu_s"] / span, 3),
        "row_us": stored and round(1e6 * worker["cpu_s"] / stored, 1), "memory_mb": round(max(memory, default=0.0), 1),
        "memory_growth_mb": round(settled[-1] - settled[0], 1) if settled else None,
    }  # fmt: skip


def percentile(lags: Sequence[tuple[int, int]], share: float) -> int | None:
    """Return milliseconds, of milliseconds and rows; every record of a batch counts as old as its oldest one."""
    seen, rows = 0, sum(count for _, count in lags)
    for lag, count in lags:
        seen += count
        if seen >= share * rows:
            return lag
    return None


def _line(told: dict[str, Any]) -> str:
    return (
        f"fired {told['fired']:>9,}  stored {told['stored']:>9,}  named {told['named_shares']:>9,} shares  "
        f"unnamed {told['unnamed']}  doubled {told['doubled']}  p50 {told['p50_ms']} ms  p99 {told['p99_ms']} ms  "
        f"{told['rows_s']} rows a second  cpu {told['cpu']} of a core, {told['row_us']} us a row  "
        f"memory {told['memory_mb']} MB, grows {told['memory_growth_mb']} MB"
    )


@contextmanager
def _running(module: str, *words: str) -> Any:
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _said(process: Any) -> str:
    line = process.stdout.readline()
    if not line:
        raise SystemExit("a process of the benchmark ended without a word")
    return str(line).strip()
