"""One process of the multi-process tests: ``worker.py TASK URL DIRECTORY [ARGUMENT]``, a store and a folder.

It prints ``ready``, waits for a line on standard input, does its task, and prints one JSON value.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.token import Token, TokenManager
from data_pipeline.client.token_seal import TokenSeal
from data_pipeline.coordination.opening import open_store
from data_pipeline.exceptions import CircuitOpenError, CoordinationError


def count(url: str, directory: str, times: str) -> int:
    """Add one that often."""
    store = open_store(url)
    for _ in range(int(times)):
        store.update("count", lambda shared, _: shared.update(n=shared.get("n", 0) + 1))
    return int(times)


def acquire(url: str, directory: str, sends: str) -> list[float]:
    """Acquire that many slots in two threads and return when."""
    limiter = TokenBucketRateLimiter(open_store(url), "k", 40.0, queue_timeout=60.0)
    times: list[float] = []

    def run() -> None:
        for _ in range(int(sends) // 2):
            times.append(limiter.acquire())
            with (Path(directory) / f"sent.{os.getpid()}").open("a", encoding="ascii") as log:
                log.write(f"{times[-1]!r}\n")

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def hold(url: str, directory: str, _argument: str) -> None:
    """Change the state, and stay inside the transaction for ever."""

    def stay(shared: dict[str, Any], _: float) -> None:
        shared["n"] = 999
        print("holding", flush=True)
        signal.pause()

    open_store(url).update("count", stay)


def token(url: str, directory: str, behaviour: str) -> str:
    """Return the shared token; whoever issues writes a line to the file ``issued``."""

    def issue() -> Token:
        with (Path(directory) / "issued").open("a", encoding="ascii") as log:
            log.write(f"{os.getpid()}\n")
        if behaviour == "hang":
            print("issuing", flush=True)
            signal.pause()
        time.sleep(0.3)
        return Token(f"token-of-{os.getpid()}", time.time() + 86_400)

    return TokenManager(open_store(url), TokenSeal("k", "a-secret"), issue, lease=1.0, spacing=1.5).get()


def probe(url: str, directory: str, _argument: str) -> bool:
    """Return whether this process was given the probe."""
    try:
        return CircuitBreaker(open_store(url), "k", cooldown=0.01).before().probe is not None
    except CircuitOpenError:
        return False


def fill(url: str, directory: str, _argument: str) -> str:
    """Return the error of a write that does not fit, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    try:
        open_store(url).update("count", lambda shared, _: shared.update(text="x" * 5000))
    except CoordinationError as error:
        return str(error)
    return "written"


if __name__ == "__main__":
    tasks: dict[str, Any] = {task.__name__: task for task in (count, acquire, hold, token, probe, fill)}
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(tasks[sys.argv[1]](*sys.argv[2:])), flush=True)
