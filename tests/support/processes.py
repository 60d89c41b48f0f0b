"""The pipes of a process that a test has started."""

from __future__ import annotations

from subprocess import Popen
from typing import AnyStr


def read_line(process: Popen[AnyStr]) -> AnyStr:
    """Wait for one line of what it writes; empty once it has ended."""
    assert process.stdout is not None
    return process.stdout.readline()


def close_input(process: Popen[AnyStr]) -> None:
    """End what it reads."""
    assert process.stdin is not None
    process.stdin.close()
