"""Which process is which: known by its number and its start, so that a number that is given again misleads nobody."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path

import psutil

PROC = Path("/proc")


def start_of(pid: int) -> str | None:
    """Return what tells this process from a later one of the same number; None when it has ended, or is a zombie.

    On Linux it counts from the start of the machine, so that setting the clock does not change it.
    """
    try:
        fields = (PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return None if (PROC / "self" / "stat").exists() else _without_proc(pid)
    except ProcessLookupError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def myself() -> str:
    """Return this process as :func:`is_gone` reads it: where it runs, its number and its start."""
    return f"{_place()} {os.getpid()} {start_of(os.getpid())}"


def is_gone(process: str) -> bool | None:
    """Return whether a process that :func:`myself` described has ended; None when it runs where nobody here can see."""
    place, _, rest = process.rpartition(" ")[0].rpartition(" ")
    if place != _place():
        return None
    return start_of(int(rest)) != process.rpartition(" ")[2]


@lru_cache(maxsize=1)
def _place() -> str:
    """Return this machine since its last start, and the container in it: numbers of processes hold nowhere else."""
    boot, numbers = PROC / "sys" / "kernel" / "random" / "boot_id", PROC / "self" / "ns" / "pid"
    since = boot.read_text("ascii").strip() if boot.exists() else "-"
    return f"{socket.gethostname()}/{since}/{numbers.readlink().name if numbers.is_symlink() else '-'}".replace(
        " ", "_"
    )


def _without_proc(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.Error:
        return None
