"""The benchmark of the DAGs: how it reads the memory of a process, and which ranges it loads."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks._dags_memory import PeakMemory, ranges
from data_pipeline.market.trading_calendar import krx_calendar

GREEDY = """
import sys
held = bytearray(64 << 20)
print("held", flush=True)
del held
sys.stdin.readline()
"""


def test_the_peak_of_a_grandchild_is_seen_after_it_was_given_back():
    """A process two steps below the watched one held 64 MB and freed them: its peak stays, its parent's is smaller."""
    start = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {GREEDY!r}]).returncode)"
    child = subprocess.Popen([sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    with PeakMemory(os.getpid()) as peaks:
        assert child.stdout.readline() == "held\n"
        (below,) = peaks.next_children(child.pid)
        child.communicate("\n")
    task, supervisor = peaks.of(below)
    assert task > 64
    assert 0 < supervisor < 64
    assert child.returncode == 0


def test_the_ranges_are_of_very_different_size():
    """One session and twenty others of minutes, and the twenty years of days that fifty pages of a hundred hold."""
    small, large, days = ranges()
    sessions = [krx_calendar().sessions(one.first, one.last) for one in (small, large, days)]
    assert [len(one) for one in sessions] == [1, 20, 4930]
    assert not set(sessions[0]) & set(sessions[1])
    assert -(-len(sessions[2]) // 100) == 50
