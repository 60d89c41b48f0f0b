"""What a store of shared state must do, and how its keys and values are checked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from data_pipeline.exceptions import CoordinationError

T = TypeVar("T")


class StoreAwayError(CoordinationError):
    """The store does not answer at present, or stays locked; it may be back within seconds."""


_HUGE = 1e300
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Store(Protocol):
    """Small JSON states, each under a key, shared by every process that opens the same store.

    Every method raises :class:`CoordinationError` when the store cannot be reached, is full, is damaged or stays
    locked; a caller must then send nothing. Trying again later can help. A key that :func:`require_key` does not
    accept is a ``ValueError``.
    """

    def now(self) -> float:
        """Return seconds on a clock that all sharers agree on and that wall-clock jumps do not move.

        Only differences mean anything; the clock may restart when the host does.
        """
        ...

    def update(self, key: str, change: Callable[[dict[str, Any], float], T], *, lasting: bool = False) -> T:
        """Change the state of ``key`` by a function, alone among all threads and processes; return what it returns.

        ``change`` gets the state, to be changed in place (empty when nobody wrote it yet), and the time of :meth:`now`.
        It is written as a whole; raising changes nothing. ``change`` may be called again when somebody else was faster
        or an answer was lost, even after its first result was stored: it has no other effect, finds that out where it
        matters, and never waits. Updates do not nest. A ``lasting`` state outlives a restart of the host. Every sharer
        can read every state, so a secret in one is sealed by whoever puts it there.
        """
        ...

    def read(self, key: str, *, lasting: bool = False) -> dict[str, Any]:
        """Return the state last written under ``key``; empty when there is none."""
        ...

    def location(self, key: str) -> str:
        """Return where the state of ``key`` lies, for a message to a person."""
        ...


def hashed(app_key: str) -> str:
    """Return the name under which an app key's state is kept: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(app_key.encode()).hexdigest()[:16]


def require_key(key: str) -> str:
    """Return the key unchanged.

    Raises:
        ValueError: It cannot name a state.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"a key is 1 to 100 of A-Za-z0-9._- and begins with a letter or digit, not {key!r}")
    return key


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
