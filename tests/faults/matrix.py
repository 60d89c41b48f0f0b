"""The fault matrix: what is broken, how often, and what is promised of it. Each row is one test of this folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

FULL = bool(os.environ.get("FULL"))
"""Whether all tries are made: `make faults FULL=1`."""
FIGURES = os.environ.get("FAULT_FIGURES")
"""A file that gets a line for each row, as JSON; none without it."""


@dataclass(frozen=True)
class Row:
    """One row of the matrix."""

    fault: str
    promise: str
    full: int
    """Tries with ``FULL``."""
    usual: int
    """Tries of every commit; ``SEEDS`` chooses which."""

    @property
    def tries(self) -> int:
        """How often the fault is tried now."""
        return self.full if FULL else self.usual


STORES = ("file", "Redis")
SAFE = "a typed transient error or none; after the next try every row is there, once"
UNSENT = f"no call is sent; {SAFE}"
QUOTA = "never more calls in a second than the quota; after the next try every row is there, once"

ROWS = {
    "killed_backfill": Row(
        "backfill: kill -9", "none lost; at most 2 % of the requests are asked again, on the mean", 200, 10
    ),
    "stream_killed": Row(
        "live stream on a real socket: kill -9 of the service",
        "each share is stored or named; after filling every trade is there, once, and the day is proved", 200, 10,
    ),
    "killed_mid_commit": Row("backfill: kill -9 beside each step of a commit", "none lost, none twice", 40, 4),
    "database_killed": Row("database: kill -9 of all of it, or of one session's process", SAFE, 20, 2),
    "database_stopped": Row("database: stopped", SAFE, 20, 2),
    "database_frozen": Row("database: SIGSTOP for good", "given up; " + SAFE, 5, 1),
    "connection_cut": Row("database: connection cut at any byte", SAFE, 100, 10),
    "commit_cut": Row("database: connection cut after COMMIT", "a success, once, and said to be one", 100, 10),
    "black_hole": Row("database: black hole", "given up; " + SAFE, 20, 2),
    "disk_full": Row("database: disk full", SAFE, 10, 2),
    "log_disk_full": Row("database: disk of its log full", SAFE, 3, 1),
    **{f"store_flushed[{kind}]": Row(f"store ({kind}): flushed", QUOTA, 10, 1) for kind in STORES},
    **{f"store_corrupted[{kind}]": Row(f"store ({kind}): corrupted", UNSENT, 10, 1) for kind in STORES},
    **{f"store_stalled[{kind}]": Row(f"store ({kind}): stands still for two seconds", QUOTA, 10, 1) for kind in STORES},
    **{f"store_read_only[{kind}]": Row(f"store ({kind}): read-only", UNSENT, 10, 1) for kind in STORES},
    "store_killed": Row("store (Redis): kill -9, started again empty", QUOTA, 10, 1),
    "clock_jump": Row("this host's clock set by an hour or a day, forward or back", QUOTA, 12, 4),
    "server_clock_jump": Row("the Redis server's clock set by an hour or a day, forward or back", QUOTA, 12, 4),
    "token_revoked": Row("KIS: token revoked", "one new token is asked for; every row is there, once", 10, 2),
    "quota_halved": Row("KIS: quota halved", "the rejected calls are sent again; every row is there, once", 5, 1),
    "server_restarted": Row("KIS: server restarted, tokens forgotten", SAFE, 10, 1),
    "two_backfills": Row("two backfills at once", "both succeed; every row is there, once", 10, 1),
    "two_heals": Row("two heals at once", "both succeed; every row is there, once", 10, 1),
    "two_migrations": Row("two migrations at once", "both succeed; every migration is made once", 5, 1),
    "two_runs": Row("two `run` at once", "one runs, the other is told of it", 1, 1),
    "scheduler_killed": Row(
        "Airflow: kill -9 of the scheduler",
        "its workers end; after `up` the run goes on; every row is there, once", 3, 1,
    ),
    "worker_killed": Row(
        "Airflow: kill -9 of a task's process", "the task is tried again; every row is there, once", 10, 1
    ),
    "celery_worker_killed": Row(
        "Celery: kill -9 of one of three workers and all it started",
        "the others take its tasks; at most 1 % of the requests are asked again; every row is there, once", 3, 1,
    ),
    "celery_broker_away": Row(
        "Celery: the broker killed and away for 30 s", "tasks wait and spend no try; every row is there, once", 3, 1
    ),
    "celery_scheduler_restarted": Row(
        "Celery: kill -9 of the scheduler", "after `up` the run goes on; every row is there, once", 3, 1
    ),
}  # fmt: skip


@dataclass
class Tally:
    """Counts how the tries of one row ended."""

    name: str
    figure: str = ""
    """What else was seen."""
    survived: int = 0
    lost: list[str] = field(default_factory=list)
    """What became of each try that did not survive."""
    left_out: bool = False

    @property
    def row(self) -> Row:
        """Its row of the matrix."""
        return ROWS[self.name]

    @contextmanager
    def one(self, what: object = "") -> Iterator[None]:
        """Make one try, which survives when nothing in it is wrong; ``what`` tells it from the others."""
        try:
            yield
        except AssertionError as error:
            self.lost.append(f"{what}: {error}")
        else:
            self.survived += 1

    def skip(self, reason: str) -> NoReturn:
        """Leave the row out."""
        self.figure, self.left_out = reason, True
        pytest.skip(reason)

    def settle(self, seconds: float) -> None:
        """Write the row's line, and fail when a promise was broken."""
        tries = self.survived + len(self.lost)
        line = {
            "name": self.name, "fault": self.row.fault, "promise": self.row.promise, "tries": tries,
            "survived": self.survived, "figure": self.figure, "seconds": round(seconds, 1),
        }  # fmt: skip
        if FIGURES:
            with Path(FIGURES).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        assert not self.lost, f"{self.row.fault}: {len(self.lost)} of {tries} did not survive:\n" + "\n".join(self.lost)
        assert tries or self.left_out, f"{self.row.fault}: never tried"


def tallied(name: str) -> Iterator[Tally]:
    """Hand over the tally of one row, and settle it."""
    tally, began = Tally(name), time.monotonic()
    yield tally
    tally.settle(time.monotonic() - began)
