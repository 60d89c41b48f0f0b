"""Stops an embedded Postgres whose last user was killed, by a process beside the server.

Whoever leaves in an orderly way stops the server. A process that is killed cannot, so the first user starts this one
beside the server. It waits until nobody uses the server, stops it unless ``start()`` wants it to stay, and ends.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

PROGRAM = "data_pipeline.warehouse.keeper_process"
EVERY_S = 0.5
TRIES = 20
"""So often it looks for its place, which others look at for a moment only."""
BACKGROUND = '"$@" </dev/null >/dev/null 2>&1 & echo'
"""Run a program so that it outlives its caller and never becomes the caller's zombie."""


def require_keeper(directory: Path) -> None:
    """Return once a keeper waits in this folder, or is on its way."""
    with ExitStack() as held:
        if not _locked(directory / "keeper.lock", held, fcntl.LOCK_SH, os.O_CREAT):
            return
    package = str(Path(__file__).resolve().parents[2])
    command = ["/bin/sh", "-c", BACKGROUND, "sh", sys.executable, "-m", PROGRAM, str(directory)]
    subprocess.run(command, cwd=package, start_new_session=True, stdout=subprocess.DEVNULL, check=True)  # noqa: S603


def keep(directory: Path, stop: Callable[[], None], sleep: Callable[[float], None] = time.sleep) -> None:
    """Call ``stop`` and return as soon as nobody uses the server of this folder; at once beside another keeper.

    Args:
        directory: The server's folder; when it is deleted, nothing is stopped.
        stop: Stops the server unless it is to stay; nobody can start it meanwhile.
        sleep: Waits that many seconds.
    """
    place = ExitStack()
    for _ in range(TRIES):
        if _locked(directory / "keeper.lock", place, flags=os.O_CREAT):
            break
        sleep(EVERY_S / TRIES)
    else:
        return
    while (directory / "users.lock").exists():
        with ExitStack() as alone:
            # In this order a user who leaves meanwhile is never told that somebody else is still there.
            if _locked(directory / "start.lock", alone) and _locked(directory / "users.lock", alone):
                stop()
                place.close()  # first, so that the next user finds no keeper that is about to end
                return
        sleep(EVERY_S)


def _locked(path: Path, held: ExitStack, how: int = fcntl.LOCK_EX, flags: int = 0) -> bool:
    try:
        lock = os.open(path, flags | os.O_RDWR, 0o600)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    held.callback(os.close, lock)
    return True
