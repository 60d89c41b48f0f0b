"""The jobs of the whole-market benchmark: what is loaded, the minimum of requests, and what should be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

from benchmarks._market_heal import fewest_requests, healing_windows
from data_pipeline.datasets import find_dataset
from data_pipeline.engine.windows import windows_of
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Window

FRIDAY = date(2026, 11, 20)
MINUTES_A_DAY = 381
QUOTA = 18


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of work on many codes."""

    name: str
    dataset: str
    first: date
    codes: int
    clock: str
    """real: the emulator and Postgres in real time; virtual: a server in the process, on a clock moved by waiting."""
    target: str
    """What should be reached with 2,700 codes."""
    full: bool = False
    """Whether each code must have a bar in every minute, for the requests to be known beforehand."""
    heals: bool = False
    """Whether only holes are filled."""
    now: str = "2026-11-20T20:30"
    last: date = FRIDAY

    def minimum_requests(self, stock_codes: Sequence[str]) -> int:
        """Return the fewest requests that KIS's page sizes allow for these codes."""
        if self.heals:
            return fewest_requests(stock_codes, self.first, self.last)
        codes = len(stock_codes)
        days = len(krx_calendar().sessions(self.first, self.last))
        if self.dataset == "price_snapshot":
            return ceil(codes / 30)
        rows = {"order_book": 1, "minute_bar": days * MINUTES_A_DAY, "daily_bar": days}[self.dataset]
        page = {"order_book": 1, "minute_bar": 120, "daily_bar": 100}[self.dataset]
        return codes * ceil(rows / page)

    def windows(self, codes: Sequence[str]) -> list[Window]:
        """Return the windows, as the operator cuts them."""
        if self.heals:
            return healing_windows(codes, self.first, self.last)
        return list(windows_of(find_dataset(self.dataset), codes, self.first, self.last, 50_000))


_MONTH = date(2026, 10, 26)
JOBS = {
    job.name: job
    for job in (
        Job("prices", "price_snapshot", FRIDAY, 2700, "real", "90 requests, <= 5.3 s", now="2026-11-20T14:30"),
        Job("order-books", "order_book", FRIDAY, 2700, "real", "2,700 requests, <= 155 s", now="2026-11-20T14:30"),
        Job("minutes-1-day", "minute_bar", FRIDAY, 2700, "virtual", "<= 11,016 requests, <= 10.4 min"),
        Job("minutes-20-days", "minute_bar", _MONTH, 2700, "virtual", "<= 174,879 requests, <= 2.75 h"),
        Job("daily-20-years", "daily_bar", date(2006, 11, 21), 2700, "virtual", "<= 137,700 requests, <= 2.2 h"),
        Job("heal", "daily_bar", date(2025, 11, 20), 2700, "virtual", "<= 1.05 x the minimum", heals=True),
        Job("slice-real", "minute_bar", _MONTH, 16, "real", "the same as slice-virtual", full=True),
        Job("slice-virtual", "minute_bar", _MONTH, 16, "virtual", "the same as slice-real"),
    )
}
