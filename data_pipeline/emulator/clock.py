"""The emulator's market clock: its environment's, or a moment that was pinned, running on or standing still."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import formatdate
from functools import lru_cache

from data_pipeline.market.clock import Clock, in_seoul


class MarketClock:
    """Tells what time it is in the emulated market.

    Args:
        start: The moment at which the clock starts; None follows ``wall``. A moment without a zone is Seoul's.
        frozen: Whether the clock stands still at ``start`` instead of running on in real time.
        rate: Seconds of the market in a second of real time, once it is pinned.
        wall: The market's clock outside the emulator; used while no moment is pinned.
        monotonic: Seconds that only grow; measures how far the clock ran on.
    """

    def __init__(
        self,
        start: datetime | None = None,
        *,
        frozen: bool = False,
        rate: float = 1.0,
        wall: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self.set(start, frozen=frozen, rate=rate)

    def set(self, start: datetime | None, *, frozen: bool = False, rate: float = 1.0) -> None:
        """Pin the clock to ``start``, standing still when ``frozen`` and else running ``rate`` times as fast.

        None goes back to ``wall``; standing still or at another rate it begins at the moment that ``wall`` tells.
        """
        moment = self._wall() if start is None and (frozen or rate != 1.0) else start
        self.rate = rate
        self._start = None if moment is None else in_seoul(moment)
        self._pinned_at = self._monotonic()
        self.frozen = frozen

    def now(self) -> datetime:
        """Return the market's time: aware, in Seoul."""
        if self._start is None:
            return in_seoul(self._wall())
        if self.frozen:
            return self._start
        return self._start + timedelta(seconds=(self._monotonic() - self._pinned_at) * self.rate)


def http_date(moment: datetime) -> str:
    """Return the moment as an HTTP ``Date`` header, which is always GMT and whole seconds."""
    return _http_date(int(moment.timestamp()))


@lru_cache(maxsize=4)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)
