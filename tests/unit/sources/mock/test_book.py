"""Order books straddle the last price and respect ticks and limits."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data_pipeline.exceptions import UnknownStockError
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.sources.mock.market import SyntheticMarket

CODES = sorted(SyntheticMarket()._issues)
codes = st.sampled_from(CODES)
sessions = st.sampled_from(krx_calendar().sessions(date(2001, 1, 3), date(2027, 12, 31)))
times_of_day = st.integers(8 * 3600, 24 * 3600 - 1)
NOW = SyntheticMarket.REFERENCE_NOW


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(codes, sessions, times_of_day)
def test_book_straddles_the_price(market: SyntheticMarket, code: str, session: date, second: int) -> None:
    """The last price lies between the best bid and the best ask and is one of them, unless it is a midpoint."""
    at = datetime(session.year, session.month, session.day, tzinfo=SEOUL) + timedelta(seconds=second)
    day = market.day_so_far(code, at)
    assume(day is not None)
    assert day is not None
    book = market.order_book(code, at)
    if market.instrument(code, session).halted:
        assert (book.bid_levels, book.ask_levels, book.total_bid_volume, book.total_ask_volume) == ((), (), 0, 0)
        return
    lower, upper = market.price_limits(code, session)
    prices = [level.price for level in (*book.bid_levels, *book.ask_levels)]
    assert all(lower <= price <= upper for price in prices)
    assert book.total_bid_volume == sum(level.volume for level in book.bid_levels)
    if book.bid_levels and book.ask_levels:
        assert book.best_bid <= day.close <= book.best_ask
        assert 0 < book.spread <= 1_000


def levels(first: int, step: int) -> list[int]:
    """Ten prices with one step between them."""
    return [first + step * number for number in range(10)]


@pytest.mark.thorough
def test_reference_book(market: SyntheticMarket) -> None:
    """Samsung Electronics at 71,000 won has ten levels a side, 100 won apart."""
    book = market.order_book("005930", NOW)
    assert [level.price for level in book.bid_levels] == levels(71_000, -100)
    assert [level.price for level in book.ask_levels] == levels(71_100, 100)
    assert (book.stock_name, book.timestamp) == ("삼성전자", "2026-11-20T20:30:00+09:00")
    assert all(level.count is None and level.volume > 0 for level in book.bid_levels + book.ask_levels)


def test_fund_book(market: SyntheticMarket) -> None:
    """Funds above 2,000 won have levels 5 won apart."""
    book = market.order_book("069500", NOW)
    prices = [level.price for level in book.ask_levels]
    assert prices == levels(prices[0], 5)


@pytest.mark.thorough
def test_book_on_the_limit(market: SyntheticMarket) -> None:
    """When the price is on the upper limit nobody offers, and the bids begin there."""
    listed = market.instruments(NOW.date())
    on_limit = [
        one.stock_code
        for one in listed
        if (bar := market.daily_bar(one.stock_code, NOW.date()))
        and bar.change * 100 > 28 * (one.base_price or bar.close)
    ]
    books = [market.order_book(code, NOW) for code in on_limit]
    assert any(not book.ask_levels and len(book.bid_levels) == 10 for book in books)


def test_delisted_issue(market: SyntheticMarket) -> None:
    """An instrument that is not listed on the quoted session has no book."""
    gone = next(code for code in CODES if (end := market.delisted_on(code)) and end <= NOW.date())
    with pytest.raises(UnknownStockError, match=gone):
        market.order_book(gone, NOW)
