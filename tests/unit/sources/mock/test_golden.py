"""The same seed gives the same bytes on any machine and any version of Python."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime

import pytest

from data_pipeline.market.records import DailyBar
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.mock.market import SyntheticMarket

DAYS = [
    date(2010, 1, 4),
    date(2015, 6, 15),
    date(2018, 5, 4),
    date(2023, 1, 25),
    date(2026, 11, 19),
    date(2026, 11, 20),
]
EARLY = [date(2001, 1, 2), date(2001, 9, 12), date(2005, 3, 28), date(2009, 12, 30)]
CODES = ["005930", "069500", "0001A0"]


def digest(rows: Sequence[tuple[object, ...]]) -> str:
    """SHA-256 of rows of numbers and texts."""
    return hashlib.sha256(json.dumps(rows, ensure_ascii=True).encode()).hexdigest()


def bar_row(bar: DailyBar | None) -> tuple[object, ...]:
    """What a daily bar says."""
    if bar is None:
        return ()
    prices = bar.open, bar.high, bar.low, bar.close, bar.change
    return bar.stock_code, bar.session.isoformat(), *prices, bar.volume, bar.trading_value


@pytest.mark.thorough
def test_instruments_are_the_same_everywhere(market: SyntheticMarket) -> None:
    """The list of instruments of the reference session has a known digest."""
    listed = market.instruments(date(2026, 11, 20))
    rows = [(one.stock_code, one.isin, one.name, one.market, one.base_price, one.listed_shares) for one in listed]
    assert digest(rows) == "9951c9448e822529595ccb29d9d2566cf96cff2d98d8fd52a4751e94d6225dd6"


@pytest.mark.thorough
def test_daily_bars_are_the_same_everywhere(market: SyntheticMarket) -> None:
    """Every 40th instrument's bars on six sessions over sixteen years have a known digest."""
    codes = [one.stock_code for one in market.instruments(date(2026, 11, 20))][::40]
    assert (
        digest([bar_row(market.daily_bar(code, day)) for code in codes for day in DAYS])
        == "f0b1e3c20f70367f2e5f222f9e0bc9d9fdaa1cb7087d5221da5bf282dcbe0174"
    )


@pytest.mark.thorough
def test_the_years_before_2010_are_the_same_everywhere(market: SyntheticMarket) -> None:
    """Every 40th instrument's bars on four sessions of the nine years before have a known digest."""
    codes = [one.stock_code for one in market.instruments(date(2009, 12, 30))][::40]
    assert (
        digest([bar_row(market.daily_bar(code, day)) for code in codes for day in EARLY])
        == "fbd7ebec87cfde509fff7066d64e6bfa4f3bff62d0dfb9d9a4d75143d79af1f7"
    )


def test_minutes_are_the_same_everywhere(market: SyntheticMarket) -> None:
    """The minutes of a liquid share, a fund and a new listing have a known digest."""
    bars = [bar for code in CODES for bar in market.minute_bars(code, DAYS[-1])]
    rows = [(bar.at.isoformat(), bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trading_value) for bar in bars]
    assert digest(rows) == "83de36596cb8b41dc14a9ab5a1c4761f61fe0a27c00c435374c0bf4943926e7e"


def test_books_are_the_same_everywhere(market: SyntheticMarket) -> None:
    """The books of a liquid share, a fund and a new listing have a known digest."""
    books = [market.order_book(code, datetime(2026, 11, 20, 10, 30, tzinfo=SEOUL)) for code in CODES]
    levels = [level for book in books for level in (*book.bid_levels, *book.ask_levels)]
    assert (
        digest([(level.price, level.volume) for level in levels])
        == "11321902e22d7df0b88658207b4c93d61fde95e635e071f169c3b143fed91751"
    )
