"""The default store: one JSON file a key in a private directory, for all processes of one host."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from data_pipeline.coordination.envelope import MOST_BYTES, OldSeal, SealedStateError, open_envelope, wrap
from data_pipeline.coordination.store import StoreAwayError, T, damaged, number, require_key
from data_pipeline.exceptions import CoordinationError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_OTHER_HOST_SECONDS = 60.0
_SEALED_SECONDS = 2 * 86_400.0
"""After that, whatever version 0.1 sealed is over: a token lives for one day, and a count is of one day."""
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
        paths = self._paths(key)
        with _errors(paths.state):
            lock = self._lock(paths.lock)
        try:
            state = self._load(paths.state, lasting=lasting)
            result = change(state, self._clock())
            head = {"boot": self._boot, "host": self._host, "at": self._clock()}
            content = wrap(head, state)
            with _errors(paths.state):
                if lasting or not _overwrite(paths.state, content):
                    _replace(paths, content, durable=lasting)
        finally:
            _unlock(lock)
        return result

    def read(self, key: str, *, lasting: bool = False) -> dict[str, Any]:
        """Return the state last written under ``key``, waiting at most for a write on its way; see the protocol."""
        paths = self._paths(key)
        if lasting:  # replaced as a whole, so there is nothing to wait for
            return self._load(paths.state, lasting=True)
        with _errors(paths.state):
            lock = self._lock(paths.lock, shared=True)
        try:
            return self._load(paths.state, lasting=False)
        finally:
            _unlock(lock)

    def _paths(self, key: str) -> _Paths:
        known = self._known.get(key)
        if known is None:
            base = str(self._directory / require_key(key))
            known = self._known[key] = _Paths(f"{base}.json", f"{base}.lock", f"{base}.tmp")
        return known

    def _lock(self, path: str, *, shared: bool = False) -> int | None:
        """Return a lock that is held; None when only a look is wanted and nobody ever wrote here."""
        if shared:
            try:
                lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
        else:
            lock = self._open_lock(path)
        try:
            self._wait_for(lock, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
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

    def _wait_for(self, lock: int, path: str, kind: int) -> None:
        waited, pause = 0.0, 0.0005
        while not _try_lock(lock, kind):
            if waited >= self._lock_timeout:
                raise StoreAwayError(f"{path} stayed locked by another process for {waited:.1f} s")
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

    def _load(self, path: str, *, lasting: bool) -> dict[str, Any]:
        with _errors(path):
            found = _contents(path)
        if found is None:
            return {}
        content, written_at = found
        envelope = open_envelope(content, path)
        if not (lasting or self._is_of_this_boot(envelope, written_at, path)):
            return {}
        try:
            return self._old_seal.state(envelope, path)
        except SealedStateError:
            if time.time() - written_at > _SEALED_SECONDS:
                return {}
            raise

    def _is_of_this_boot(self, envelope: dict[str, Any], written_at: float, path: str) -> bool:
        if envelope.get("boot") != self._boot:
            host = envelope.get("host")
            if not isinstance(host, str):
                raise damaged(path, "it does not say which host wrote it")
            if host != self._host and abs(time.time() - written_at) < _OTHER_HOST_SECONDS:
                raise CoordinationError(f"{path} is in use by host {host!r}; a file:// store serves one host only")
            return False
        # Where the system does not tell its boots apart, a time that lies ahead comes from an earlier one.
        return bool(self._boot) or number(envelope, "at", 0.0, path) <= self._clock()


class _Paths(NamedTuple):
    state: str
    lock: str
    temporary: str


@contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CoordinationError(
            f"The shared state {path} cannot be used ({error.strerror or error}), so no call is sent. Make it writable "
            "for this user, free disk space, or set COORDINATION_URL to another file:///directory"
        ) from error


def _contents(path: str) -> tuple[bytes, float] | None:
    """Return what a file holds, up to one byte more than any state, and when it was written; None without a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(descriptor)
        return os.read(descriptor, min(found.st_size, MOST_BYTES) + 1), found.st_mtime
    finally:
        os.close(descriptor)


def _try_lock(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(lock: int | None) -> None:
    if lock is not None:
        # Closing alone would leave the lock with a child that was forked in between.
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def _overwrite(path: str, content: bytes) -> bool:
    """Put content that fits into the file as it lies there; False when it does not fit.

    One write within one page, which a kill cannot cut in two, is several times cheaper than a new file. Blanks fill the
    rest, so the file never needs more room. The caller holds the lock, and readers wait for it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        size = os.fstat(descriptor).st_size
        if not len(content) <= size <= _PAGE:
            return False
        if os.pwrite(descriptor, content.ljust(size), 0) != size:
            raise OSError(errno.EIO, "a part of the state was not written")
        return True
    finally:
        os.close(descriptor)


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
