"""Answers that may be repeated for a while, for interactive calls; what loads rows never asks here."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Generic, Literal, TypeVar

import msgspec
from dogpile.cache import CacheRegion, register_backend
from dogpile.cache.api import NO_VALUE, CacheBackend, CachedValue

from data_pipeline.client.cache_places import Place

T = TypeVar("T")

VERSION: Literal[1] = 1
_SKEW = timedelta(minutes=1)
"""How far ahead another host's clock may be; an answer from later than that is nobody's of ours."""


class Kept(msgspec.Struct, Generic[T], forbid_unknown_fields=True):
    """What lies in the cache, as JSON."""

    version: Literal[1]
    key: str
    """The key under which it was kept, so that bytes that were moved are no answer."""
    fetched_at: datetime
    """When the answer was asked for; UTC."""
    value: T


class AnswerCache(Generic[T]):
    """One kind of answer: each is repeated for ``ttl`` seconds after it was asked for, never longer.

    Whoever misses makes the answer while others of the same place wait for it, up to the life of the place's lock; then
    they make their own. What is no answer of this version is a miss. A place that is away is a miss, too, and an error
    of the making is raised and nothing is kept.

    Args:
        place: Where answers lie.
        name: What the keys of this kind begin with.
        ttl: Seconds, above 0.
        kind: The type of an answer; what lies in the place must be of it.
        wall: Real time in seconds since 1970 (UTC).
    """

    def __init__(self, place: Place, name: str, ttl: float, kind: Any, wall: Callable[[], float] = time.time) -> None:
        self._place = place
        self._name = name
        self._life = timedelta(seconds=ttl)
        self._wall = wall
        self._decode = msgspec.json.Decoder(Kept[kind]).decode
        # Its own limit of age is off: dogpile would hand out what is too old while somebody makes a new one.
        self._region = CacheRegion().configure(_BACKEND, expiration_time=-1, arguments={"cache": self})

    def get(self, key: str, make: Callable[[], T]) -> tuple[T, float]:
        """Return the answer kept under ``key``, or a new one, and its age in seconds: 0 for a new one.

        Safe among threads and processes.
        """
        new: list[Kept[T]] = []

        def create() -> Kept[T]:
            new.append(Kept(VERSION, self._key(key), self._now(), make()))
            return new[0]

        # A place that failed during this call is not asked again: one call waits for it once.
        failures = self._place.failures
        kept: Kept[T] = self._region.get_or_create(
            self._key(key), create, should_cache_fn=lambda _: self._place.failures == failures
        )
        return kept.value, 0.0 if new else max(0.0, (self._now() - kept.fetched_at).total_seconds())

    def find(self, key: str) -> Kept[T] | None:
        """Return what is kept under a whole key and young enough; None without."""
        found = self._place.get(key)
        try:
            kept = None if found is None else self._decode(found)
            usable = kept is not None and kept.key == key and -_SKEW <= self._now() - kept.fetched_at < self._life
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):  # whatever bytes somebody else wrote
            return None
        return kept if usable else None

    def keep(self, key: str, kept: Kept[T]) -> None:
        """Keep an answer for what is left of its life."""
        left = (kept.fetched_at + self._life - self._now()).total_seconds()
        if left > 0:
            self._place.put(key, msgspec.json.encode(kept), left)

    def lock(self, key: str) -> Any:
        """Return the lock of whoever makes the answer under a whole key."""
        return self._place.lock(key)

    def _key(self, key: str) -> str:
        return f"{self._name}:{key}"

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), timezone.utc)


class _Backend(CacheBackend):
    """What dogpile sees of a cache of one kind."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self._cache: AnswerCache[Any] = arguments["cache"]

    def get(self, key: str) -> Any:
        kept = self._cache.find(key)
        return NO_VALUE if kept is None else CachedValue(kept, {"ct": kept.fetched_at.timestamp(), "v": _DOGPILE})

    def set(self, key: str, value: Any) -> None:
        self._cache.keep(key, value.payload)

    def get_mutex(self, key: str) -> Any:
        return self._cache.lock(key)


_DOGPILE = 2
"""The version that dogpile marks its values with."""
_BACKEND = "data_pipeline.answers"
register_backend(_BACKEND, __name__, _Backend.__name__)  # type: ignore[no-untyped-call]
