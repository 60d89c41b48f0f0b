"""Where answers that may be repeated lie: in the memory of one process, or in Redis for all."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

from data_pipeline.exceptions import ConfigurationError, CoordinationError

logger = logging.getLogger(__name__)

MOST_BYTES = 2**22
"""What is larger is not kept, and nothing larger is read."""
LOCK_SECONDS = 10.0
"""How long one may make an answer before others make their own."""
PATIENCE = 0.03
"""Seconds for a server's answer: with what goes on around it, one that is away costs a call less than 50 ms."""
REST_SECONDS = 5.0
"""How long a server that did not answer is not asked again."""
_MOST_ANSWERS = 1024
_PREFIX = "data-pipeline-cache:"
_LOCK_MS = int(LOCK_SECONDS * 1000)
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"
_AWAY: Any = object()


class Lock(Protocol):
    """The right to make one answer; it is waited for only so long."""

    def acquire(self, wait: bool = True) -> bool:
        """Return once it is held, its time is over, or the place is away; False only without waiting."""

    def release(self) -> None:
        """Let the next one make; without effect for whoever does not hold it."""


class Place(Protocol):
    """Keeps bytes under keys for a while. No method but ``clear`` raises."""

    failures: int
    """How often it did not answer; counts up."""

    def get(self, key: str) -> bytes | None:
        """Return what is kept; None without, and when the place is away."""

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for that long, if the place is there."""

    def lock(self, key: str) -> Lock:
        """Return the lock of a key."""

    def clear(self, prefix: str) -> int:
        """Forget every key with this beginning, and return how many there were.

        Raises:
            CoordinationError: The place is away; trying again can help.
        """

    def close(self) -> None:
        """Let go of connections; closing twice is safe."""


class MemoryPlace:
    """The memory of this process: the newest 1,024 answers.

    Args:
        clock: Seconds that never run backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures = 0
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._locks: WeakValueDictionary[str, _MemoryLock] = WeakValueDictionary()
        self._guard = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return what is kept; None without."""
        with self._guard:
            until, value = self._kept.get(key, (0.0, b""))
        return value if self._clock() < until else None

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for that long; the oldest one goes when there are too many."""
        with self._guard:
            self._kept[key] = (self._clock() + seconds, value)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_ANSWERS:
                self._kept.popitem(last=False)

    def lock(self, key: str) -> Lock:
        """Return the lock of a key among the threads of this process."""
        with self._guard:
            # setdefault of a weak dictionary may lose what nobody holds yet.
            found = self._locks.get(key) or _MemoryLock()
            self._locks[key] = found
        return _Held(found)

    def clear(self, prefix: str) -> int:
        """Forget every key with this beginning, and return how many there were."""
        with self._guard:
            gone = [key for key in self._kept if key.startswith(prefix)]
            for key in gone:
                del self._kept[key]
        return len(gone)

    def close(self) -> None:
        """Do nothing: there is no connection."""


class _MemoryLock:
    def __init__(self) -> None:
        self.lock = threading.Lock()


class _Held:
    """One thread's hold of a lock."""

    def __init__(self, shared: _MemoryLock) -> None:
        self._shared = shared
        self._held = False

    def acquire(self, wait: bool = True) -> bool:
        self._held = self._shared.lock.acquire(timeout=LOCK_SECONDS) if wait else self._shared.lock.acquire(False)
        return self._held or wait

    def release(self) -> None:
        if self._held:
            self._held = False
            self._shared.lock.release()

    def locked(self) -> bool:
        return self._shared.lock.locked()


class RedisPlace:
    """A Redis (or Valkey) for all processes; one that is dead or silent costs a call at most 50 ms and no answer.

    After a failure it is not asked for ``REST_SECONDS``, and the log says so. The look-up of the server's name is not
    bounded by this: give an address where names are slow.

    Args:
        url: ``redis://[:password@]host[:port][/db]`` or ``rediss://`` for TLS.
        clock: Seconds that never run backwards.
        sleep: Waits that many seconds.

    Raises:
        ConfigurationError: The URL cannot be used; it is not repeated.
    """

    def __init__(
        self, url: str, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self.failures = 0
        self.clock = clock
        self.sleep = sleep
        self._rests_until = clock()
        self._errors: Any = redis.exceptions.RedisError
        self._client: Any = None
        with contextlib.suppress(ValueError, redis.exceptions.RedisError):
            self._client = redis.Redis.from_url(
                url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
            )
        if self._client is None:  # raised out here, it has no context that would repeat the address
            raise ConfigurationError("CACHE_URL must be memory, redis://[:password@]host[:port][/db], or rediss://")

    def __repr__(self) -> str:
        return f"RedisPlace({self.failures} failures)"

    def get(self, key: str) -> bytes | None:
        """Return what is kept, up to the most bytes; None without, and when the server is away."""
        found = self.ask(lambda client: client.getrange(_PREFIX + key, 0, MOST_BYTES))
        return None if found is _AWAY or not found else bytes(found)

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for that long, if the server is there and it is not too large."""
        if len(value) <= MOST_BYTES:
            self.ask(lambda client: client.set(_PREFIX + key, value, px=max(1, int(seconds * 1000))))

    def lock(self, key: str) -> Lock:
        """Return the lock of a key among all processes."""
        return _RedisLock(self, _PREFIX + key)

    def clear(self, prefix: str) -> int:
        """Forget every key with this beginning, and return how many there were."""
        pattern = _PREFIX + "".join(f"\\{one}" if one in "*?[]\\^-" else one for one in prefix) + "*"
        gone, cursor = 0, 0
        while True:
            found = self.ask(partial(_scanned, cursor, pattern))
            removed = 0 if found is _AWAY or not found[1] else self.ask(partial(_unlinked, found[1]))
            if found is _AWAY or removed is _AWAY:
                raise CoordinationError(
                    "the cache did not answer, so it is not known to be empty: see that the Redis of CACHE_URL (or "
                    "COORDINATION_URL) runs, and try again"
                )
            cursor, gone = found[0], gone + removed
            if not cursor:
                return gone

    def close(self) -> None:
        """Close every connection; the next question opens one again."""
        self._client.close()

    def ask(self, command: Callable[[Any], Any]) -> Any:
        """Return the server's answer to a command; a mark of its own while the server is away."""
        if self.clock() < self._rests_until:
            return _AWAY
        try:
            return command(self._client)
        except self._errors as error:
            if str(error).startswith("WRONGTYPE"):  # somebody else's value; the next one replaces it
                return None
            self._rest(type(error).__name__)
            return _AWAY

    def _rest(self, why: str) -> None:
        self.failures += 1
        self._rests_until = self.clock() + REST_SECONDS
        logger.warning("the cache is away (%s): for %.0f s every answer is asked for anew", why, REST_SECONDS)


def _scanned(cursor: int, pattern: str, client: Any) -> Any:
    return client.scan(cursor, match=pattern, count=1000)


def _unlinked(keys: list[bytes], client: Any) -> Any:
    return client.unlink(*keys)


class _RedisLock:
    """The right to make one answer, which lapses by itself."""

    def __init__(self, place: RedisPlace, key: str) -> None:
        self._place = place
        self._key = f"{key}:lock"
        self._token = uuid.uuid4().hex
        self._held = False

    def acquire(self, wait: bool = True) -> bool:
        began, pause = self._place.clock(), 0.002
        while True:
            found = self._place.ask(lambda client: client.set(self._key, self._token, nx=True, px=_LOCK_MS))
            self._held = found is not _AWAY and bool(found)
            over = found is _AWAY or self._place.clock() - began >= LOCK_SECONDS
            if self._held or (wait and over):
                return True
            if not wait:
                return False
            self._place.sleep(pause)
            pause = min(pause * 1.5, 0.005)

    def release(self) -> None:
        if self._held:
            self._held = False
            self._place.ask(lambda client: client.eval(_RELEASE, 1, self._key, self._token))

    def locked(self) -> bool:
        return self._held
