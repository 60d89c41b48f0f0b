"""How many calls a second this machine can handle, so that a plan promises no more than that."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

TRIP_S = 0.04
"""Seconds that an answer takes on its way, which a thread waits for."""
TRIED_S = 0.2
"""Seconds for which the machine is tried, long enough to be interrupted as often as the work itself."""
CALL, ROW = 8.0, 0.07
"""What one call, and one row of it from the answer to the commit, cost: in pieces of work as ``piece_of_work`` does
them. Measured with ``python -m benchmarks keys``; docs/decisions/ten-keys.md has the figures."""


@dataclass(frozen=True)
class Pace:
    """What the processes of this machine can do."""

    piece: float
    """Seconds that one piece of work takes."""
    threads: int
    """Threads of one process that ask at once."""
    processes: int = 1
    """How many processes work side by side."""

    def calls_a_second(self, rows: float) -> float:
        """Return how many calls a second are possible when each brings so many rows."""
        work = self.piece * (CALL + ROW * rows)
        return self.processes * min(1 / work, self.threads / (TRIP_S + work))


def this_machine(threads: int, tasks: int = 1, clock: Callable[[], float] = time.perf_counter) -> Pace:
    """Return what this machine can do, as busy as it is now; it is tried out for a moment.

    Args:
        threads: Threads of one process that ask at once.
        tasks: Processes that there may be; no more than there are cores count.
        clock: Seconds that only grow.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Pace(piece_of_work(clock), threads, max(1, min(tasks, cores)))


def piece_of_work(clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how many seconds a fixed piece of work takes now, on the average."""
    page = json.dumps([{f"field{number}": str(number * row) for number in range(13)} for row in range(100)])
    began, done, taken = clock(), 0, 0.0
    while taken < TRIED_S:
        sum(int(row["field7"]) for row in json.loads(page))
        done, taken = done + 1, clock() - began
    return taken / done
