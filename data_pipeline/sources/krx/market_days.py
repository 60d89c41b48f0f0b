"""Whole market days, fetched once and kept small, so that many questions about one session cost its calls once."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from sys import intern

from data_pipeline.market.records import DailyBar
from data_pipeline.market.rejections import Rejection, set_aside
from data_pipeline.sources.krx.endpoints import Endpoint

MOST_ROWS = 1_000_000
"""Bars kept at most, about 65 MB: a year of the whole market."""
_FIGURES = 7


class MarketBars:
    """The bars of one market on one session, 64 bytes each.

    Args:
        session: The day.
        bars: All of them, each code once, in any order.
        wrong: The rows of it that cannot become bars.
    """

    def __init__(self, session: date, bars: Iterable[DailyBar], wrong: Sequence[Rejection] = ()) -> None:
        ordered = sorted(bars, key=lambda bar: bar.stock_code)
        self._session = session
        self._wrong = wrong
        self._codes = [intern(bar.stock_code) for bar in ordered]
        self._figures = array("q")
        for bar in ordered:
            self._figures.extend(
                (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trading_value, bar.change),
            )

    def __len__(self) -> int:
        return len(self._codes)

    def __iter__(self) -> Iterator[DailyBar]:
        return (self._bar(position) for position in range(len(self._codes)))

    def get(self, stock_code: str) -> DailyBar | None:
        """Return the bar of one code; None when the market has none."""
        position = bisect_left(self._codes, stock_code)
        found = position < len(self._codes) and self._codes[position] == stock_code
        return self._bar(position) if found else None

    def set_aside(self, codes: Collection[str] | None = None) -> set[str]:
        """Hand over the wrong rows of these codes (None: of all) and of unknown ones, and return whose they are.

        A kept market day does so for everybody who asks, because the rows are missing for each of them.

        Raises:
            PayloadError: There is such a row, and nobody collects them.
        """
        wrong = [row for row in self._wrong if codes is None or row.stock_code is None or row.stock_code in codes]
        set_aside(wrong)
        return {row.stock_code for row in wrong if row.stock_code is not None}

    def _bar(self, position: int) -> DailyBar:
        figures = self._figures[position * _FIGURES : (position + 1) * _FIGURES]
        return DailyBar(self._codes[position], self._session, *figures)


class MarketDays:
    """Keeps the market days asked for most recently, up to a number of rows; safe among threads, none is fetched twice.

    Args:
        fetch: Asks for one market on one session.
        most_rows: How many bars are kept; the market day unused for longest goes first.
    """

    def __init__(self, fetch: Callable[[Endpoint, date], MarketBars], most_rows: int = MOST_ROWS) -> None:
        self._fetch = fetch
        self._most_rows = most_rows
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Endpoint, date], MarketBars] = OrderedDict()
        self._rows = 0

    def get(self, endpoint: Endpoint, session: date) -> MarketBars:
        """Return one market day, fetched when it is not kept; an error of the fetch is raised and nothing is kept."""
        key = (endpoint, session)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._fetch(endpoint, session)
                self._rows += len(self._kept[key])
            self._kept.move_to_end(key)
            while self._rows > self._most_rows and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._rows -= len(oldest)
            return self._kept[key]
