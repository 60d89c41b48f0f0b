"""Locks between the commands of one installation; the system takes them back when a process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from data_pipeline.exceptions import BusyError
from data_pipeline.local.home import Home


@contextmanager
def alone(home: Home, name: str, command: str) -> Iterator[None]:
    """Run a block that two commands of one installation must not run at once.

    Args:
        home: The installation's folder, prepared.
        name: What must not happen twice.
        command: What the second one is told is running.

    Raises:
        BusyError: Another process is doing it; the message says which and since when.
    """
    lock = _open(home, name)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"{os.pread(lock, 200, 0).decode() or 'another command'} works in {home.root}: wait until it has ended "
                "or give this one a folder of its own (DATA_PIPELINE_HOME)"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{command} (pid {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S %Z')})".encode(), 0)
        yield
    finally:
        os.close(lock)


@contextmanager
def in_turn(home: Home, name: str) -> Iterator[None]:
    """Run a short block that commands of one installation run one after the other."""
    lock = _open(home, name)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _open(home: Home, name: str) -> int:
    return os.open(home.run / f"{name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
