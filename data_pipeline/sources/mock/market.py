"""The synthetic market: the same seed gives the same instruments, bars and books on any machine."""

from __future__ import annotations

from datetime import date, datetime

from data_pipeline.records import DailyBar, Instrument, MinuteBar, OrderBook
from data_pipeline.trading_calendar import SEOUL, TradingCalendar, krx_calendar


class SyntheticMarket:
    """Made-up prices of made-up and well-known issues, in random access by stock code and session."""

    REFERENCE_NOW = datetime(2026, 11, 20, 20, 30, tzinfo=SEOUL)

    def __init__(self, seed: int = 20260914, calendar: TradingCalendar | None = None) -> None:
        self.seed = seed
        self.calendar = calendar or krx_calendar()

    def instruments(self, session: date) -> list[Instrument]: raise RuntimeError
    def instrument(self, code: str, session: date) -> Instrument: raise RuntimeError
    def english_name(self, code: str) -> str: raise RuntimeError
    def sector(self, code: str) -> str: raise RuntimeError
    def industry(self, code: str) -> str: raise RuntimeError
    def listed_on(self, code: str) -> date: raise RuntimeError
    def delisted_on(self, code: str) -> date | None: raise RuntimeError
    def daily_bar(self, code: str, session: date) -> DailyBar | None: raise RuntimeError
    def daily_bars(self, code: str, first: date, last: date) -> list[DailyBar]: raise RuntimeError
    def minute_bars(self, code: str, session: date) -> list[MinuteBar]: raise RuntimeError
    def day_so_far(self, code: str, at: datetime) -> DailyBar | None: raise RuntimeError
    def order_book(self, code: str, at: datetime) -> OrderBook: raise RuntimeError
    def base_price(self, code: str, session: date) -> int: raise RuntimeError
    def price_limits(self, code: str, session: date) -> tuple[int, int]: raise RuntimeError
    def listed_shares(self, code: str, session: date) -> int: raise RuntimeError
