"""The default store: one JSON file a key in a private directory, for all processes of one host."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from data_pipeline.coordination.envelope import MOST_BYTES, OldSeal, SealedStateError, open_envelope, wrap
from data_pipeline.coordination.store import StoreAwayError, T, damaged, number, require_key
from data_pipeline.exceptions import CoordinationError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_OTHER_HOST_SECONDS = 60.0
_SEALED_SECONDS = 2 * 86_400.0
"""After that, whatever version 0.1 sealed is over: a token lives for one day, and a count is of one day."""
_ABSENT = -1
"""In place of the descriptor of a file that is not there."""
_PAGE, _ROOM = 4096, 1024
"""Bytes that one write changes at once, and the steps in which a file grows."""


class FileStore:
    """Shared state in files, locked with ``flock``; it satisfies :class:`~data_pipeline.coordination.store.Store`.

    A file holds the id of the boot in which it was written, because its times count from that boot: after a restart
    of the host it is dropped (lasting states are kept, for their own times are wall-clock times). A file that another
    host wrote within the last minute is refused: hosts do not share a clock.

    Args:
        directory: Made with mode 0700 at the first use. One that others may write to is refused.
        clock: Seconds that every process of this host agrees on; ``time.monotonic`` is CLOCK_MONOTONIC on Linux.
        fernet_key: One Fernet key, or several with commas as Airflow writes them, newest first; it opens what version
            0.1 sealed and seals nothing.
        lock_timeout: Seconds to wait for the lock of a key before a :class:`CoordinationError`.
        sleep: Waits that many seconds between two looks at a lock.
        boot_id: What tells this boot of the host from others; None asks the kernel.

    Raises:
        ConfigurationError: The Fernet key is not one.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        clock: Callable[[], float] = time.monotonic,
        *,
        fernet_key: str | None = None,
        lock_timeout: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
        boot_id: str | None = None,
    ) -> None:
        self._directory = Path(directory).absolute()
        self._clock = clock
        self._old_seal = OldSeal(fernet_key)
        self._lock_timeout = lock_timeout
        self._sleep = sleep
        self._boot = _kernel_boot_id() if boot_id is None else boot_id
        self._host = platform.node()
        self._known: dict[str, _Paths] = {}
        self._checked = False

    def now(self) -> float:
        """Return seconds since some moment at or before this boot of the host."""
        return self._clock()

    def location(self, key: str) -> str:
        """Return the path of the file that holds ``key``."""
        return self._paths(key).state

    def update(self, key: str, change: Callable[[dict[str, Any], float], T], *, lasting: bool = False) -> T:
        """Change the state of ``key`` by a function and return what it returns; see the protocol."""
        paths, file = self._paths(key), _ABSENT
        lock = self._lock(paths)
        try:
            file = _opened(paths.state, os.O_RDONLY if lasting else os.O_RDWR)
            state, size = self._load(file, paths.state, lasting=lasting)
            result = change(state, self._clock())
            content = wrap({"boot": self._boot, "host": self._host, "at": self._clock()}, state)
            try:
                if lasting or not _overwrite(file, size, content):
                    _replace(paths, content, durable=lasting)
            except OSError as error:
                raise _unusable(paths.state, error) from error
        finally:
            _close(file)
            _unlock(lock)
        return result

    def read(self, key: str, *, lasting: bool = False) -> dict[str, Any]:
        """Return the state last written under ``key``, waiting at most for a write on its way; see the protocol."""
        paths, file = self._paths(key), _ABSENT
        # A lasting state is replaced as a whole, so there is nothing to wait for.
        lock = None if lasting else self._lock(paths, shared=True)
        try:
            file = _opened(paths.state, os.O_RDONLY)
            return self._load(file, paths.state, lasting=lasting)[0]
        finally:
            _close(file)
            _unlock(lock)

    def _paths(self, key: str) -> _Paths:
        known = self._known.get(key)
        if known is None:
            base = str(self._directory / require_key(key))
            known = self._known[key] = _Paths(f"{base}.json", f"{base}.lock", f"{base}.tmp")
        return known

    def _lock(self, paths: _Paths, *, shared: bool = False) -> int | None:
        """Return a lock that is held; None when only a look is wanted and nobody ever wrote here."""
        try:
            lock = os.open(paths.lock, os.O_RDONLY | os.O_CLOEXEC) if shared else self._open_lock(paths.lock)
        except OSError as error:
            if shared and isinstance(error, FileNotFoundError):
                return None
            raise _unusable(paths.state, error) from error
        try:
            self._wait_for(lock, paths, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        except BaseException:
            os.close(lock)
            raise
        return lock

    def _open_lock(self, path: str) -> int:
        if not self._checked:
            self._check_directory()
        # Opened anew each time: flock belongs to the open file, so this excludes threads as well as processes.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            self._check_directory()
            return os.open(path, flags, 0o600)

    def _wait_for(self, lock: int, paths: _Paths, kind: int) -> None:
        waited, pause = 0.0, 0.0005
        while not _try_lock(lock, kind, paths.state):
            if waited >= self._lock_timeout:
                raise StoreAwayError(f"{paths.lock} stayed locked by another process for {waited:.1f} s")
            self._sleep(pause)
            waited, pause = waited + pause, min(pause * 2, 0.01)

    def _check_directory(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._directory.stat()
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or os.geteuid() not in {0, found.st_uid}:
            raise CoordinationError(
                f"{self._directory} belongs to somebody else or others may write to it; run chmod 700 on it, or set "
                "COORDINATION_URL to a file:///directory of this user alone"
            )
        self._checked = True

    def _load(self, file: int, path: str, *, lasting: bool) -> tuple[dict[str, Any], int]:
        """Return the state in an open file, and the bytes that it holds; empty without a file."""
        if file == _ABSENT:
            return {}, 0
        content = _contents(file, path)
        envelope = open_envelope(content, path)
        if not (lasting or self._is_of_this_boot(envelope, file, path)):
            return {}, len(content)
        try:
            return self._old_seal.state(envelope, path), len(content)
        except SealedStateError:
            if time.time() - os.fstat(file).st_mtime > _SEALED_SECONDS:
                return {}, len(content)
            raise

    def _is_of_this_boot(self, envelope: dict[str, Any], file: int, path: str) -> bool:
        if envelope.get("boot") != self._boot:
            host = envelope.get("host")
            if not isinstance(host, str):
                raise damaged(path, "it does not say which host wrote it")
            if host != self._host and abs(time.time() - os.fstat(file).st_mtime) < _OTHER_HOST_SECONDS:
                raise CoordinationError(f"{path} is in use by host {host!r}; a file:// store serves one host only")
            return False
        # Where the system does not tell its boots apart, a time that lies ahead comes from an earlier one.
        return bool(self._boot) or number(envelope, "at", 0.0, path) <= self._clock()


class _Paths(NamedTuple):
    state: str
    lock: str
    temporary: str


def _unusable(path: str, error: OSError) -> CoordinationError:
    return CoordinationError(
        f"The shared state {path} cannot be used ({error.strerror or error}), so no call is sent. Make it writable "
        "for this user, free disk space, or set COORDINATION_URL to another file:///directory"
    )


def _opened(path: str, flags: int) -> int:
    """Return an open file; ``_ABSENT`` stands for one that is not there."""
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        return _ABSENT
    except OSError as error:
        raise _unusable(path, error) from error


def _close(file: int) -> None:
    if file != _ABSENT:
        os.close(file)


def _contents(file: int, path: str) -> bytes:
    """Return what a file holds, up to one byte more than any state."""
    try:
        content = os.read(file, _PAGE)
        return content if len(content) < _PAGE else content + os.read(file, MOST_BYTES + 1 - _PAGE)
    except OSError as error:
        raise _unusable(path, error) from error


def _try_lock(lock: int, kind: int, path: str) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise _unusable(path, error) from error
    return True


def _unlock(lock: int | None) -> None:
    if lock is not None:
        # Closing alone would leave the lock with a child that was forked in between.
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def _overwrite(file: int, size: int, content: bytes) -> bool:
    """Put content that fits into an open file of this size as it lies there; False when it does not fit.

    One write within one page, which a kill cannot cut in two, is several times cheaper than a new file. Blanks fill the
    rest, so the file never needs more room. The caller holds the lock, and readers wait for it.
    """
    if not len(content) <= size <= _PAGE:
        return False
    if os.pwrite(file, content.ljust(size), 0) != size:
        raise OSError(errno.EIO, "a part of the state was not written")
    return True


def _replace(paths: _Paths, content: bytes, *, durable: bool) -> None:
    """Replace the file as a whole; the caller holds its lock, so the one temporary name is its own."""
    room = len(content) if durable else len(content) + -len(content) % _ROOM
    try:
        _write(paths.temporary, content.ljust(room), durable=durable)
        os.rename(paths.temporary, paths.state)  # noqa: PTH104 - called forty times a second; Path costs more than it
    except OSError:
        with suppress(OSError):
            Path(paths.temporary).unlink()
        raise


def _write(path: str, content: bytes, *, durable: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        if os.write(descriptor, content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _kernel_boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
