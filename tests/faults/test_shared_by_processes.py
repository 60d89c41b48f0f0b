"""What one process promises alone, eight promise together, also when some of them are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.coordination.opening import open_store
from data_pipeline.exceptions import CoordinationError
from tests.support.project import python_path

WORKER = Path(__file__).with_name("worker.py")
Worker = subprocess.Popen[str]
Start = Callable[..., Worker]


@pytest.fixture(params=["file", "redis"])
def url(request: Any, tmp_path: Path) -> str:
    """A store of each kind."""
    return str(request.getfixturevalue("redis_url")) if request.param == "redis" else f"{tmp_path.as_uri()}/state"


@pytest.fixture
def start(url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a worker on the test's store and waits until it is ready; kills what is left at the end."""
    workers: list[Worker] = []

    def start_one(task: str, argument: str = "") -> Worker:
        command = [sys.executable, str(WORKER), task, url, str(tmp_path), argument]
        environ = {**os.environ, "PYTHONPATH": python_path()}
        worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ)
        workers.append(worker)
        assert heard(worker) == "ready"
        return worker

    yield start_one
    for worker in workers:
        worker.kill()
        worker.communicate()


def heard(worker: Worker) -> str:
    """The next line that a worker says."""
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


def go(workers: list[Worker]) -> None:
    """Let them begin."""
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()


def results(workers: list[Worker]) -> list[Any]:
    """What they found."""
    return [json.loads(heard(worker)) for worker in workers]


def most_in_a_second(times: list[float]) -> int:
    """The most sends in any sliding second."""
    return max(sum(start <= at < start + 1.0 for at in times) for start in times)


def test_eight_processes_lose_no_change(start: Start, url: str, tmp_path: Path) -> None:
    """Eight processes that each add one a hundred times end at 800."""
    workers = [start("count", "100") for _ in range(8)]
    go(workers)
    assert sum(results(workers)) == 800
    assert open_store(url).read("count") == {"n": 800}


def test_a_process_killed_in_a_change_changes_nothing_and_blocks_nobody(start: Start, url: str) -> None:
    """Kill -9 in the middle of a change leaves the state as it was, and the next one can change it."""
    holder = start("hold")
    go([holder])
    assert heard(holder) == "holding"
    holder.kill()
    holder.wait()
    assert open_store(url).update("count", lambda shared, _: dict(shared)) == {}


@pytest.mark.parametrize("url", ["file"], indirect=True)
def test_a_process_that_stays_in_a_change_is_not_waited_for_for_ever(start: Start, url: str) -> None:
    """The lock of a file is waited for as long as said; nobody gets in meanwhile."""
    holder = start("hold")
    go([holder])
    assert heard(holder) == "holding"
    for touch in (lambda store: store.update("count", lambda *_: None), lambda store: store.read("count")):
        with pytest.raises(CoordinationError, match="stayed locked"):
            touch(open_store(url, patience=0.1))


@pytest.mark.parametrize("url", ["file"], indirect=True)
def test_a_full_disk_is_a_typed_error_and_keeps_the_old_state(start: Start, url: str, tmp_path: Path) -> None:
    """A write that does not fit leaves the old state and no rubbish, and says what to do."""
    open_store(url).update("count", lambda shared, _: shared.update(n=1))
    worker = start("fill")
    go([worker])
    assert "free disk space" in results([worker])[0]
    assert open_store(url).read("count") == {"n": 1}
    assert {path.name for path in (tmp_path / "state").iterdir()} == {"count.json", "count.lock"}


def test_eight_processes_keep_one_budget(start: Start, url: str, tmp_path: Path) -> None:
    """Eight processes of two threads never put more than 40 sends into any second, and each send is counted."""
    workers = [start("acquire", "16") for _ in range(8)]
    go(workers)
    times = sorted(at for each in results(workers) for at in each)
    assert len(times) == 128
    assert most_in_a_second(times) <= 40
    assert TokenBucketRateLimiter(open_store(url), "k", 40.0).sends() == 128


def test_killed_processes_do_not_break_the_budget(start: Start, url: str, tmp_path: Path) -> None:
    """Two of six killed with -9 half way: the others finish, and no second holds too many sends."""
    workers = [start("acquire", "24") for _ in range(6)]
    go(workers)
    while sum(len(path.read_text(encoding="ascii").splitlines()) for path in tmp_path.glob("sent.*")) < 40:
        time.sleep(0.01)
    for worker in workers[:2]:
        worker.send_signal(signal.SIGKILL)
    finished = results(workers[2:])
    assert [len(each) for each in finished] == [24] * 4
    lines = [line for path in tmp_path.glob("sent.*") for line in path.read_text(encoding="ascii").splitlines()]
    assert most_in_a_second([float(line) for line in lines]) <= 40


def test_eight_cold_starts_issue_one_token(start: Start, url: str, tmp_path: Path) -> None:
    """Eight processes without a token ask for one once, and all get the same."""
    workers = [start("token", "quick") for _ in range(8)]
    go(workers)
    assert len(set(results(workers))) == 1
    assert len((tmp_path / "issued").read_text(encoding="ascii").splitlines()) == 1


def test_a_killed_issuer_is_replaced(start: Start, url: str, tmp_path: Path) -> None:
    """Kill -9 while asking: once its lease and the spacing are over, exactly one of the others asks."""
    hanging = start("token", "hang")
    go([hanging])
    assert heard(hanging) == "issuing"
    hanging.kill()
    workers = [start("token", "quick") for _ in range(3)]
    go(workers)
    assert len(set(results(workers))) == 1
    assert len((tmp_path / "issued").read_text(encoding="ascii").splitlines()) == 2


def test_eight_processes_share_one_probe(start: Start, url: str, tmp_path: Path) -> None:
    """When the cooldown is over, one process of eight probes and the others are rejected."""
    breaker = CircuitBreaker(open_store(url), "k", cooldown=0.01)
    for _ in range(5):
        breaker.failure(breaker.before())
    workers = [start("probe") for _ in range(8)]
    go(workers)
    assert sorted(results(workers)) == [False] * 7 + [True]
