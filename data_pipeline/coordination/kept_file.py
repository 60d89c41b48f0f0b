"""Files that one process of a host downloads and the others read: each fetched once while it is fresh."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from data_pipeline.coordination.store import require_key

log = logging.getLogger(__name__)

_FORMAT = "data_pipeline.kept-file"
_PAUSE = 0.05
Made = tuple[bytes, datetime]
"""A file, and the moment that its server says it is of."""


class KeptFiles:
    """Keeps files in a private folder of this host, each behind a line that says of when it is and its SHA-256.

    A file that is damaged, of another format or not readable counts as absent. Where nothing can be kept, every process
    fetches for itself, and the log says so: keeping saves requests and is needed for nothing.

    Args:
        folder: Made with mode 0700 at the first use; one that others may write to is not used.
        patience: Seconds to wait for a process that is fetching, before fetching as well.
        sleep: Waits that many seconds between two looks.
    """

    def __init__(self, folder: Path, patience: float = 120.0, sleep: Callable[[float], None] = time.sleep) -> None:
        self._folder = folder
        self._patience = patience
        self._sleep = sleep

    def get(self, name: str, is_fresh: Callable[[datetime], bool], fetch: Callable[[], Made]) -> Made:
        """Return the file kept under a name while it is fresh; else fetch it, in one process at a time, and keep it.

        Args:
            name: As :func:`~data_pipeline.coordination.store.require_key` wants it.
            is_fresh: Whether a file of that moment still holds.
            fetch: Fetches the file; its error is raised, and nothing is kept.
        """
        path = self._folder / require_key(name)
        if (kept := _read(path, is_fresh)) is not None:
            return kept
        lock = self._locked(path)
        try:
            if lock is not None and (kept := _read(path, is_fresh)) is not None:
                return kept
            made = fetch()
            if lock is not None:
                _write(path, made)
            return made
        finally:
            if lock is not None:
                os.close(lock)

    def _locked(self, path: Path) -> int | None:
        """Return a lock on a file; None when nothing can be kept, or somebody holds it for too long."""
        try:
            _require_private(self._folder)
            lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            log.warning("%s cannot be kept for other processes: %s", path, error)
            return None
        waited = 0.0
        while not _try_lock(lock):
            if waited >= self._patience:
                log.warning("%s: another process has been fetching it for %.0f s; it is fetched again", path, waited)
                os.close(lock)
                return None
            self._sleep(_PAUSE)
            waited += _PAUSE
        return lock


def _require_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or os.geteuid() not in {0, found.st_uid}:
        raise PermissionError(f"{folder} belongs to somebody else or others may write to it; run chmod 700 on it")


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path, is_fresh: Callable[[datetime], bool]) -> Made | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            head, content = file.readline(1000), file.read()
        said = json.loads(head)
        at = datetime.fromisoformat(said["at"])
        whole = said["format"] == _FORMAT and said["sha256"] == hashlib.sha256(content).hexdigest()
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be used and is fetched again: %s", path, type(error).__name__)
        return None
    if not whole:
        log.warning("%s is damaged and is fetched again", path)
    return (content, at) if whole and at.tzinfo is not None and is_fresh(at) else None


def _write(path: Path, made: Made) -> None:
    """Replace the file as a whole; the caller holds its lock."""
    content, at = made
    head = {"format": _FORMAT, "at": at.isoformat(), "sha256": hashlib.sha256(content).hexdigest()}
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_bytes(json.dumps(head).encode() + b"\n" + content)
        temporary.chmod(0o600)
        temporary.replace(path)
    except OSError as error:
        log.warning("%s cannot be kept for other processes: %s", path, error)
        with suppress(OSError):
            temporary.unlink()
