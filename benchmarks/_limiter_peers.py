"""The limiters that are measured, each in the place of the real client's own, and the meter around them."""

from __future__ import annotations

import importlib.util
import inspect
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_pipeline.client.rate_limit import TokenBucketRateLimiter

OURS = "data-pipeline"
PEERS = {
    "file": (("pyrate-limiter", "sqlite"), ("limits", "memory"), ("token-bucket-20", "memory")),
    "redis": (("pyrate-limiter", "redis"), ("limits", "redis")),
}
"""What a user of either store would choose instead; ``memory`` is one limiter a process."""
_MODULES = {"pyrate-limiter": ("pyrate_limiter",), "limits": ("limits",), "token-bucket-20": ()}
_POLL_SECONDS = 0.01


class Meter:
    """Adds up the CPU seconds spent inside the limiter and keeps the longest wait for a slot; safe among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = threading.local()
        self.reset()

    def reset(self) -> None:
        """Forget what was measured so far."""
        self.cpu = self.longest = 0.0
        self._asking: dict[int, float] = {}

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with the meter around it; calls within calls are measured once."""

        def metered(*arguments: Any, **options: Any) -> Any:
            if getattr(self._inside, "busy", False):
                return function(*arguments, **options)
            self._inside.busy = True
            cpu, began = time.thread_time(), time.monotonic()
            self._asking[threading.get_ident()] = began
            try:
                return function(*arguments, **options)
            finally:
                self._inside.busy = False
                self._note(time.thread_time() - cpu, time.monotonic() - began if name == "acquire" else 0.0)

        return metered

    def longest_wait(self, now: float) -> float:
        """Return the longest wait in seconds; one that still lasts counts as far as it came."""
        with self._lock:
            return max([self.longest, *(now - since for since in self._asking.values())])

    def _note(self, cpu: float, wait: float) -> None:
        with self._lock:
            self._asking.pop(threading.get_ident(), None)
            self.cpu += cpu
            self.longest = max(self.longest, wait)


def available(limiter: str) -> bool:
    """Return whether what this limiter needs is installed (the extra ``bench``)."""
    return all(importlib.util.find_spec(name) is not None for name in _MODULES[limiter])


def install(limiter: str, store: str, folder: Path, url: str, quota: int, meter: Meter) -> None:
    """Put a limiter into the client and the meter around it; only for a process that does nothing else.

    The rest of the client, with its retries and its breaker, stays the same for all of them.
    """
    wait = None if limiter == OURS else _peer(limiter, store, folder, url, quota)
    for name, function in inspect.getmembers(TokenBucketRateLimiter, inspect.isfunction):
        if not name.startswith("_"):
            place = function if wait is None else _in_place_of(name, wait)
            setattr(TokenBucketRateLimiter, name, meter.wrap(name, place))


def _in_place_of(name: str, wait: Callable[[], None]) -> Callable[..., float]:
    def replaced(*_: Any, **__: Any) -> float:
        if name == "acquire":
            wait()
        return 0.0

    return replaced


def _peer(limiter: str, store: str, folder: Path, url: str, quota: int) -> Callable[[], None]:
    if limiter == "pyrate-limiter":
        return _pyrate(store, folder, url, quota)
    return _limits(store, url, quota) if limiter == "limits" else TokenBucket(quota).acquire


def _pyrate(store: str, folder: Path, url: str, quota: int) -> Callable[[], None]:
    from pyrate_limiter import Duration, Limiter, Rate, RedisBucket, SQLiteBucket

    rates = [Rate(quota, Duration.SECOND)]
    bucket: Any
    if store == "redis":
        import redis

        bucket = RedisBucket.init(rates, redis.Redis.from_url(url), "benchmark")
    else:
        # Its lock among processes needs the package filelock; without it, SQLite's own locks are all there is.
        lock = importlib.util.find_spec("filelock") is not None
        bucket = SQLiteBucket.init_from_file(rates, db_path=str(folder / "pyrate.sqlite"), use_file_lock=lock)
    limiter = Limiter(bucket)

    def acquire() -> None:
        limiter.try_acquire("benchmark")

    return acquire


def _limits(store: str, url: str, quota: int) -> Callable[[], None]:
    from limits import RateLimitItemPerSecond
    from limits.storage import storage_from_string
    from limits.strategies import MovingWindowRateLimiter

    limiter = MovingWindowRateLimiter(storage_from_string(url if store == "redis" else "memory://"))
    item = RateLimitItemPerSecond(quota)

    def acquire() -> None:
        while not limiter.hit(item, "benchmark"):
            time.sleep(_POLL_SECONDS)

    return acquire


class TokenBucket:
    """The bucket of most clients: it holds a second's quota, refills evenly and knows one process only."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._held, self._at = float(rate), clock()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take one and return 0, or return the seconds until there is one."""
        with self._lock:
            now = self._clock()
            self._held = min(self._rate, self._held + (now - self._at) * self._rate)
            self._at = now
            if self._held < 1:
                return (1 - self._held) / self._rate
            self._held -= 1
            return 0.0

    def acquire(self) -> None:
        """Wait until one can be taken."""
        while (wait := self.take()) > 0:
            time.sleep(wait)
