"""The default store: one JSON file a key in a private directory, for all processes of one host."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import platform
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_pipeline.coordination.store import damaged
from data_pipeline.exceptions import ConfigurationError, CoordinationError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

logger = logging.getLogger(__name__)

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MOST_BYTES = 1_000_000
_OTHER_HOST_SECONDS = 60.0
_FORMAT = "data_pipeline.coordination"


class FileStore:
    """Shared state in files, locked with ``flock``; it satisfies :class:`~data_pipeline.coordination.store.Store`.

    A file holds the id of the boot in which it was written, because its times count from that boot: after a restart
    of the host it is dropped (secret states are kept, their times are wall-clock times). A file that another host
    wrote within the last minute is refused: hosts do not share a clock.

    Args:
        directory: Made with mode 0700 at the first use. One that others may write to is refused.
        clock: Seconds that every process of this host agrees on; ``time.monotonic`` is CLOCK_MONOTONIC on Linux.
        fernet_key: One Fernet key, or several with commas as Airflow writes them, newest first; None keeps secret
            states in plain text under mode 0600.
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
        self._directory = os.path.abspath(directory)
        self._clock = clock
        self._fernet = _fernet(fernet_key) if fernet_key else None
        self._lock_timeout = lock_timeout
        self._sleep = sleep
        self._boot = _kernel_boot_id() if boot_id is None else boot_id
        self._host = platform.node()
        self._prepared = False

    def now(self) -> float:
        """Return seconds since some moment at or before this boot of the host."""
        return self._clock()

    def location(self, key: str) -> str:
        """Return the path of the file that holds ``key``."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"a key is 1 to 100 of A-Z a-z 0-9 . _ - and begins with a letter or digit, not {key!r}")
        return f"{self._directory}/{key}.json"

    @contextmanager
    def transaction(self, key: str, *, secret: bool = False) -> Iterator[dict[str, Any]]:
        """Hold the state of ``key`` alone to change it in place; see the protocol."""
        path = self.location(key)
        with self._errors(path):
            lock = self._lock(key)
        try:
            state = self._load(path, secret=secret)
            before = json.dumps(state)
            yield state
            after = json.dumps(state, allow_nan=False)
            if after != before:
                self._save(path, after, secret=secret)
        finally:
            # Closing alone would leave the lock with a child that was forked in between.
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)

    def read(self, key: str, *, secret: bool = False) -> dict[str, Any]:
        """Return the state last written under ``key``; files are replaced as a whole, so no lock is needed."""
        return self._load(self.location(key), secret=secret)

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CoordinationError(
                f"The shared state {path} cannot be used ({error.strerror or error}), so no call is sent. Make it "
                "writable for this user, free disk space, or set COORDINATION_URL to another file:///directory"
            ) from error

    def _lock(self, key: str) -> int:
        self._prepare()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        # Opened anew each time: flock belongs to the open file, so this excludes threads as well as processes.
        lock = os.open(f"{self._directory}/{key}.lock", flags, 0o600)
        waited, pause = 0.0, 0.0005
        try:
            while not _try_lock(lock):
                if waited >= self._lock_timeout:
                    raise CoordinationError(f"{self._directory}/{key}.lock stayed locked for {waited:.1f} s")
                self._sleep(pause)
                waited, pause = waited + pause, min(pause * 2, 0.01)
        except BaseException:
            os.close(lock)
            raise
        return lock

    def _prepare(self) -> None:
        if self._prepared and os.path.isdir(self._directory):
            return
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        found = os.stat(self._directory)
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or os.geteuid() not in {0, found.st_uid}:
            raise CoordinationError(
                f"{self._directory} belongs to somebody else or others may write to it; run chmod 700 on it, or set "
                "COORDINATION_URL to a file:///directory of this user alone"
            )
        self._prepared = True

    def _load(self, path: str, *, secret: bool) -> dict[str, Any]:
        with self._errors(path):
            try:
                with open(path, "rb") as file:
                    content = file.read(_MOST_BYTES + 1)
                    written_at = os.fstat(file.fileno()).st_mtime
            except FileNotFoundError:
                return {}
        envelope = _parse(content, path)
        if secret:
            return self._unseal(envelope, path)
        if self._is_of_this_boot(envelope, written_at, path):
            return _state(envelope.get("state"), path)
        return {}

    def _is_of_this_boot(self, envelope: dict[str, Any], written_at: float, path: str) -> bool:
        if envelope.get("boot") != self._boot:
            host = envelope.get("host")
            if host != self._host and abs(time.time() - written_at) < _OTHER_HOST_SECONDS:
                raise CoordinationError(f"{path} is in use by host {host!r}; a file:// store serves one host only")
            return False
        at = envelope.get("at")
        if isinstance(at, bool) or not isinstance(at, (int, float)):
            raise damaged(path, "it does not say when it was written")
        # Where the system does not tell its boots apart, a time that lies ahead comes from an earlier one.
        return bool(self._boot) or at <= self._clock()

    def _unseal(self, envelope: dict[str, Any], path: str) -> dict[str, Any]:
        sealed = envelope.get("sealed")
        if self._fernet is None and sealed is None:
            return _state(envelope.get("state"), path)
        from cryptography.fernet import InvalidToken

        try:
            if self._fernet is None or not isinstance(sealed, str):
                raise InvalidToken
            plain = self._fernet.decrypt(sealed.encode())
        except InvalidToken:
            logger.warning("%s was written under another Fernet key or none; it counts as empty", path)
            return {}
        return _state(json.loads(plain), path)

    def _save(self, path: str, state: str, *, secret: bool) -> None:
        if secret and self._fernet is not None:
            body = f'"sealed": {json.dumps(self._fernet.encrypt(state.encode()).decode())}'
        else:
            body = f'"state": {state}'
        head = json.dumps({"format": _FORMAT, "boot": self._boot, "host": self._host, "at": self._clock()})
        with self._errors(path):
            _replace(path, f"{head[:-1]}, {body}}}\n".encode(), durable=secret)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _replace(path: str, content: bytes, *, durable: bool) -> None:
    """Replace the file as a whole; the caller holds its lock, so the one temporary name is its own."""
    temporary = f"{path}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(content)
            if durable:
                file.flush()
                os.fsync(descriptor)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _parse(content: bytes, path: str) -> dict[str, Any]:
    if len(content) > _MOST_BYTES:
        raise damaged(path, "it is larger than any state")
    try:
        envelope = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise damaged(path, "it is not JSON") from None
    if not isinstance(envelope, dict) or envelope.get("format") != _FORMAT:
        raise damaged(path, f"it is not marked {_FORMAT}")
    return envelope


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _state(state: Any, path: str) -> dict[str, Any]:
    if not isinstance(state, dict):
        raise damaged(path, "it holds no state")
    return state


def _kernel_boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _fernet(keys: str) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
    except ValueError:
        raise ConfigurationError(
            "AIRFLOW__CORE__FERNET_KEY is not a Fernet key (32 bytes in URL-safe base64); make one with "
            "cryptography.fernet.Fernet.generate_key() or leave it empty"
        ) from None
