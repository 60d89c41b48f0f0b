"""A session's trades of one instrument as a venue's tape: each with the running figures that it leaves behind."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from data_pipeline.market.records import MinuteBar
from data_pipeline.market.venue import Venue
from data_pipeline.sources.mock.noise import mixed
from data_pipeline.sources.mock.prints import BUYER, MINUTE, NOBODY, SELLER, Print, auction_print, minute_prints

_TRADES_A_DAY = 60_000
_BUSY, _QUIET, _LATE = (5, 15), (60, 130), 60
"""Minutes since the open, and up to then hundredths of an average trade's size: the open has many small ones."""
_MOST_A_MINUTE = 1_200
_KEPT = 4
"""Minutes whose trades are kept; they are made again in the same way."""


class Tick(NamedTuple):
    """One trade of a tape: times in milliseconds since midnight in Seoul, prices in won, running figures of the day."""

    at: int
    price: int
    volume: int
    taker: int
    """1 a buyer, -1 a seller, 0 nobody: an auction."""
    cumulative_volume: int
    cumulative_value: int
    sells: int
    buys: int
    sell_volume: int
    buy_volume: int
    open: tuple[int, int]
    """The first price and its time; so too the highest and the lowest one."""
    high: tuple[int, int]
    low: tuple[int, int]
    quotes: tuple[int, int] | None = None
    """The best ask and bid beside it, where they are known for themselves; so too the phase, in three codes."""
    phase: tuple[str, str, str] | None = None


class Tape:
    """The trades of one session at one venue, read by time.

    Nextrade's are made of a part of the exchange's, and the unified tape is both in the order of their time.

    Args:
        key: The noise of this instrument and session.
        bars: Its minutes, oldest first; the exchange's trades add up to them.
        closes: When the closing auction trades.
        tick: The distance of prices, won.
        venue: Whose tape.
    """

    def __init__(
        self, key: int, bars: Sequence[MinuteBar], closes: datetime, tick: int, venue: Venue = Venue.KRX
    ) -> None:
        self.venue = venue
        self._key, self._bars, self._tick, self._closes = key, bars, tick, closes
        self._starts = [_milliseconds(bar.at) for bar in bars]
        self._lot = max(1, sum(bar.volume for bar in bars) // _TRADES_A_DAY)
        self._states: list[Tick | None] = [None]
        self._kept: OrderedDict[int, list[Tick]] = OrderedDict()

    def between(self, since: int, until: int) -> list[Tick]:
        """Return the trades from ``since`` up to ``until``, which is not included, oldest first.

        Args:
            since: Milliseconds since midnight in Seoul, as ``until``.
            until: Where to stop.
        """
        found: list[Tick] = []
        for nth in range(max(bisect_right(self._starts, since) - 1, 0), bisect_left(self._starts, until)):
            found += [tick for tick in self._minute(nth) if since <= tick.at < until]
        return found

    def before(self, until: int, most: int) -> list[Tick]:
        """Return at most so many of the newest trades before ``until``, newest first."""
        found: list[Tick] = []
        nth = bisect_left(self._starts, until)
        while nth and len(found) < most:
            nth -= 1
            found += [tick for tick in reversed(self._minute(nth)) if tick.at < until]
        return found[:most]

    def _minute(self, nth: int) -> list[Tick]:
        if nth not in self._kept:
            # What comes before decides the running figures.
            for earlier in range(len(self._states) - 1, nth + 1):
                self._keep(earlier)
        if nth not in self._kept:
            self._keep(nth)
        self._kept.move_to_end(nth)
        return self._kept[nth]

    def _keep(self, nth: int) -> None:
        ticks = self._running(self._states[nth], self._starts[nth], self._prints(nth))
        self._kept[nth] = ticks
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        if len(self._states) == nth + 1:
            self._states.append(ticks[-1] if ticks else self._states[nth])

    def _prints(self, nth: int) -> list[Print]:
        bar = self._bars[nth]
        if bar.at >= self._closes:
            prints = [auction_print(bar)]
            return [] if self.venue is Venue.NXT else prints
        key = mixed(self._key, nth)
        prints = minute_prints(key, bar, self._wanted(nth), self._tick, opens=nth == 0)
        if self.venue is Venue.KRX:
            return prints
        alternative = [
            one._replace(at=min(one.at + 7, MINUTE - 1), volume=(one.volume + 7) // 8)
            for place, one in enumerate(prints)
            if one.taker != NOBODY and mixed(key, place) & 7 == 0
        ]
        both = [*prints, *alternative] if self.venue is Venue.UNIFIED else alternative
        return sorted(both, key=lambda one: one.at)

    def _wanted(self, nth: int) -> int:
        minute = (self._starts[nth] - self._starts[0]) // MINUTE
        left = (_milliseconds(self._closes) - self._starts[nth]) // MINUTE
        size = next((share for until, share in (_BUSY, _QUIET) if minute < until), 200 if left > _LATE else 60)
        return min(max(self._bars[nth].volume * 100 // (self._lot * size), 2), _MOST_A_MINUTE)

    @staticmethod
    def _running(state: Tick | None, start: int, prints: Sequence[Print]) -> list[Tick]:
        found: list[Tick] = []
        volume, value, sells, buys, sold, bought = state[4:10] if state else (0,) * 6
        opened, high, low = (state.open, state.high, state.low) if state else (None, None, None)
        for one in prints:
            at = start + one.at
            volume, value = volume + one.volume, value + one.price * one.volume
            if one.taker == BUYER:
                buys, bought = buys + 1, bought + one.volume
            elif one.taker == SELLER:
                sells, sold = sells + 1, sold + one.volume
            here = (one.price, at)
            opened = opened or here
            high = here if high is None or one.price > high[0] else high
            low = here if low is None or one.price < low[0] else low
            running = (volume, value, sells, buys, sold, bought)
            found.append(Tick(at, one.price, one.volume, one.taker, *running, opened, high, low))
        return found


def _milliseconds(at: datetime) -> int:
    return 1000 * (at.hour * 3600 + at.minute * 60 + at.second)
