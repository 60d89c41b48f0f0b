"""The four documented reads, each of which may repeat its answer for a while."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.records import ChartData, CurrentPrice, OrderBook, PriceType, StockInfo
from data_pipeline.settings import text, value
from data_pipeline.settings.hidden import Hidden

if TYPE_CHECKING:
    from data_pipeline.client.cache import AnswerCache
    from data_pipeline.client.cache_places import Place

T = TypeVar("T")
R = TypeVar("R", CurrentPrice, OrderBook, ChartData, StockInfo)

_KINDS = {"price": CurrentPrice, "orderbook": OrderBook, "chart": list[ChartData], "stock_info": StockInfo}
"""What each read answers, by the word in the name of its variable."""


class Reads:
    """The cache of one source's ``get_*`` calls; nothing is imported or connected for whoever keeps nothing.

    Args:
        ttl: Seconds for which an answer may be repeated, by ``price``, ``orderbook``, ``chart`` and ``stock_info``; one
            that is missing or 0 is off.
        of: Whose answers they are: two sources that may differ in an answer differ in this.
        url: ``memory``, or the Redis for all processes; empty means memory.
        place: Where answers lie, in place of what ``url`` names.
        wall: Real time in seconds since 1970 (UTC).

    Raises:
        ConfigurationError: The URL cannot be used.
    """

    def __init__(
        self,
        ttl: Mapping[str, float] | None = None,
        of: str = "",
        url: str = "",
        place: Place | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._of = of
        kept = {name: seconds for name, seconds in (ttl or {}).items() if seconds}
        self._place = place or (_place(url) if kept else None)
        self._caches = {name: self._cache(name, seconds, wall) for name, seconds in kept.items()}

    def price(self, stock_code: str, make: Callable[[], CurrentPrice]) -> CurrentPrice:
        """Return a price that may be as old as ``KIS_CACHE_TTL_PRICE``; ``age_seconds`` says how old it is."""
        return _aged(*self._get("price", stock_code, make))

    def book(self, stock_code: str, make: Callable[[], OrderBook]) -> OrderBook:
        """Return a book that may be as old as ``KIS_CACHE_TTL_ORDERBOOK``."""
        return _aged(*self._get("orderbook", stock_code, make))

    def chart(
        self, stock_code: str, period: PriceType, count: int, make: Callable[[], list[ChartData]]
    ) -> list[ChartData]:
        """Return bars that may be as old as ``KIS_CACHE_TTL_CHART``, newest first."""
        bars, age = self._get("chart", f"{stock_code}:{PriceType(period).value}:{count}", make)
        return [_aged(bar, age) for bar in bars] if age else list(bars)

    def info(self, stock_code: str, make: Callable[[], StockInfo]) -> StockInfo:
        """Return what an instrument is; it may be as old as ``KIS_CACHE_TTL_STOCK_INFO``."""
        return _aged(*self._get("stock_info", stock_code, make))

    def clear(self) -> int:
        """Forget every answer of this source, for all who share them, and return how many there were.

        Raises:
            CoordinationError: The Redis is away; trying again can help.
        """
        return self._place.clear(f"{self._of}:") if self._place else 0

    def close(self) -> None:
        """Let go of connections; closing twice is safe."""
        if self._place:
            self._place.close()

    def _get(self, name: str, key: str, make: Callable[[], T]) -> tuple[T, float]:
        cache = self._caches.get(name)
        return (make(), 0.0) if cache is None else cache.get(key, make)

    def _cache(self, name: str, seconds: float, wall: Callable[[], float]) -> AnswerCache[Any]:
        from data_pipeline.client.cache import AnswerCache

        if self._place is None:
            raise ConfigurationError(f"there is no place for answers of {name}")
        return AnswerCache(self._place, f"{self._of}:{name}", seconds, _KINDS[name], wall)


def cache_ttl(environ: Mapping[str, str]) -> dict[str, float]:
    """Return the seconds of each read that the variables ``KIS_CACHE_TTL_*`` turn on; empty when they are not set.

    Raises:
        ConfigurationError: One of them is no number of seconds.
    """
    found = {name: value(environ, f"KIS_CACHE_TTL_{name.upper()}") for name in _KINDS}
    return {name: seconds for name, seconds in found.items() if seconds}


def cache_url(environ: Mapping[str, str]) -> str:
    """Return where answers are kept: ``CACHE_URL``, else the Redis of ``COORDINATION_URL``, else nothing (memory)."""
    shared = text(environ, "COORDINATION_URL")
    return text(environ, "CACHE_URL") or (shared if urlsplit(shared).scheme in {"redis", "rediss"} else Hidden(""))


def address_name(address: str) -> str:
    """Return a short name of a server's address, so that the answers of two servers are never taken for each other."""
    return hashlib.sha256(address.encode()).hexdigest()[:12]


def _place(url: str) -> Place:
    from data_pipeline.client.cache_places import MemoryPlace, RedisPlace

    return RedisPlace(url) if url not in ("", "memory") else MemoryPlace()


def _aged(record: R, age: float) -> R:
    return replace(record, age_seconds=round(age, 3)) if age else record
