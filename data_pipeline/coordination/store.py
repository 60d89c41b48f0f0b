"""What a store of shared state must do, and how one is opened from ``COORDINATION_URL``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from data_pipeline.exceptions import ConfigurationError, CoordinationError

T = TypeVar("T")

_HUGE = 1e300


class Store(Protocol):
    """Small JSON states, each under a key, shared by every process that opens the same store.

    Every method raises :class:`CoordinationError` when the store cannot be reached, is full, is damaged or stays
    locked; a caller must then send nothing. Trying again later can help.
    """

    def now(self) -> float:
        """Return seconds on a clock that all sharers agree on and that wall-clock jumps do not move.

        Only differences mean anything; the clock may restart when the host does.
        """
        ...

    def transaction(self, key: str, *, secret: bool = False) -> AbstractContextManager[dict[str, Any]]:
        """Hold the state of ``key`` alone, among all threads and processes, to change it in place.

        The state is empty when nobody wrote it yet. Leaving the block writes it as a whole; leaving it by an exception
        changes nothing. Keep the block short and never wait for the network inside. Transactions on one key do not
        nest. A ``secret`` state is readable by its owner only, is encrypted when the store has a key for that,
        outlives a restart of the host, and counts as empty when it cannot be decrypted.
        """
        ...

    def update(self, key: str, change: Callable[[dict[str, Any], float], T], *, secret: bool = False) -> T:
        """Change the state of ``key`` by a function and return what it returns.

        ``change`` gets the state, to be changed in place, and the time of :meth:`now`. It may be called again when
        somebody else was faster, so it has no other effect; raising changes nothing. See :meth:`transaction`.
        """
        ...

    def read(self, key: str, *, secret: bool = False) -> dict[str, Any]:
        """Return the state last written under ``key`` without waiting for anybody; empty when there is none."""
        ...

    def location(self, key: str) -> str:
        """Return where the state of ``key`` lies, for a message to a person."""
        ...


def hashed(app_key: str) -> str:
    """Return the name under which an app key's state is kept: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(app_key.encode()).hexdigest()[:16]


def open_store(url: str | None = None, environ: Mapping[str, str] = os.environ) -> Store:
    """Return the store that ``COORDINATION_URL`` names; nothing is created before its first use.

    Args:
        url: ``file:///absolute/directory``. None reads ``COORDINATION_URL``; when that is empty too, the directory is
            ``data-pipeline/coordination`` under ``XDG_STATE_HOME`` or ``~/.local/state``.
        environ: Where settings are read. ``AIRFLOW__CORE__FERNET_KEY`` encrypts secret states when it is set.

    Raises:
        ConfigurationError: The URL or the Fernet key is not usable; the message names the variable.
    """
    from data_pipeline.coordination.file import FileStore

    wanted = url or environ.get("COORDINATION_URL") or ""
    directory = _directory_of(wanted) if wanted else _default_directory(environ)
    return FileStore(directory, fernet_key=environ.get("AIRFLOW__CORE__FERNET_KEY") or None)


def _directory_of(url: str) -> Path:
    parts = urlsplit(url)
    path = unquote(parts.path)
    usable = parts.scheme == "file" and parts.netloc in {"", "localhost"} and not parts.query and not parts.fragment
    if not usable or not path.startswith("/") or "\0" in path or not path.strip("/"):
        # The URL is not repeated: one of another scheme may hold a password.
        raise ConfigurationError(
            f"COORDINATION_URL must be file:///absolute/directory, not a URL with scheme {parts.scheme!r}; "
            "leave it empty for the default directory"
        )
    return Path(path)


def _default_directory(environ: Mapping[str, str]) -> Path:
    state = Path(environ.get("XDG_STATE_HOME", ""))
    # The XDG base directory specification: a relative path is invalid and is to be ignored.
    if not state.is_absolute():
        state = _home(environ) / ".local" / "state"
    return state / "data-pipeline" / "coordination"


def _home(environ: Mapping[str, str]) -> Path:
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        home = Path()
    if not home.is_absolute():
        raise ConfigurationError("There is no home directory: set COORDINATION_URL to file:///absolute/directory")
    return home


def damaged(location: str, what: str) -> CoordinationError:
    """Return the error for a state that this package cannot have written."""
    return CoordinationError(
        f"{location}: {what}. It is damaged or belongs to something else, so no call is sent. "
        "Stop the runs that use it, look at it, and delete it; it is made anew"
    )


def number(state: Mapping[str, Any], name: str, default: float, location: str) -> float:
    """Return a finite number out of a shared state, or ``default`` when it is not there.

    Raises:
        CoordinationError: Something else stands there.
    """
    value = state.get(name, default)
    # JSON knows neither infinity nor a limit: 1e400 reads as infinity, and 400 digits as an int beyond any float.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_HUGE < value < _HUGE:
        raise damaged(location, f"{name} is not a number")
    return float(value)
