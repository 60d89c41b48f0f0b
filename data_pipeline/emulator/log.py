"""What the emulator was asked: a ring of requests and counters that never forget."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

REJECTED = ("EGW00201", "EGW00215", "429")


@dataclass(frozen=True, slots=True)
class Entry:
    """One request; it holds no key, secret or token, only the hash of the app key."""

    number: int
    """Counts from 1 since the start or the last DELETE."""
    arrived: float
    """When the gate saw it, seconds of the machine's monotonic clock."""
    market_time: str
    """The emulated market's time, ISO 8601 with its zone."""
    method: str
    path: str
    """Without the query."""
    tr_id: str
    key: str
    """The hash of the app key; empty when none was sent."""
    stock_codes: str
    """The codes asked for, joined by commas."""
    status: int
    """HTTP status; 0 when the connection was dropped or left hanging."""
    code: str
    """The server's own code (msg_cd or error_code)."""
    accepted: bool
    """False when it was one too many (EGW00201, EGW00215, and 429 at KRX)."""
    fault: str
    """The kind of fault that was played; empty for none."""
    milliseconds: float
    """From its arrival at the gate to its answer."""


class RequestLog:
    """Keeps the newest ``size`` entries and counts all of them."""

    def __init__(self, size: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)
        self.clear()

    def clear(self) -> None:
        """Forget every entry and count from zero."""
        self._entries.clear()
        self.total = 0
        self._keys: dict[str, Counter[str]] = {}
        self._paths: dict[str, Counter[str]] = {}
        self._codes: Counter[str] = Counter()
        self._seconds: dict[int, Counter[str]] = {}

    def add(self, entry: Entry) -> None:
        """Keep one entry and count it."""
        self.total += 1
        self._entries.append(entry)
        outcome = "accepted" if entry.accepted else "rejected"
        self._keys.setdefault(entry.key, Counter())[outcome] += 1
        self._paths.setdefault(entry.path, Counter())[outcome] += 1
        self._seconds.setdefault(int(entry.arrived), Counter())[outcome] += 1
        self._codes[entry.code or str(entry.status)] += 1

    def entries(self, *, since: int = 0, limit: int = 1000, **wanted: str | bool | None) -> list[dict[str, Any]]:
        """Return up to ``limit`` entries numbered above ``since``, oldest first, whose fields equal those wanted.

        ``path`` matches the end of the path and ``stock_code`` any code of the request; None matches everything.
        """
        found = []
        for entry in self._entries:
            if entry.number > since and _matches(entry, wanted):
                found.append(asdict(entry))
                if len(found) >= limit:
                    break
        return found

    def summary(self) -> dict[str, Any]:
        """Return the counters: accepted and rejected in all, per key, path and second, and how often each code came."""
        totals: Counter[str] = Counter()
        for counter in self._keys.values():
            totals.update(counter)
        return {
            "total": self.total,
            "accepted": totals["accepted"],
            "rejected": totals["rejected"],
            "per_key": _plain(self._keys),
            "per_path": _plain(self._paths),
            "per_second": _plain(self._seconds),
            "per_code": dict(self._codes),
            "first_arrived": min(self._seconds, default=None),
            "last_arrived": max(self._seconds, default=None),
        }


@lru_cache(maxsize=256)
def key_hash(app_key: str) -> str:
    """Return the name under which the log and the gate know an app key; the key cannot be read back from it."""
    return hashlib.sha256(app_key.encode()).hexdigest()[:16]


def _matches(entry: Entry, wanted: dict[str, str | bool | None]) -> bool:
    for name, value in wanted.items():
        if value is None:
            continue
        if name == "path":
            if not entry.path.endswith(str(value)):
                return False
        elif name == "stock_code":
            if value not in entry.stock_codes.split(","):
                return False
        elif getattr(entry, name) != value:
            return False
    return True


def _plain(counters: dict[Any, Counter[str]]) -> dict[str, dict[str, int]]:
    return {str(name): {"accepted": c["accepted"], "rejected": c["rejected"]} for name, c in counters.items()}
