"""Records refuse to contradict themselves."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.market.records import (
    CurrentPrice,
    DailyBar,
    Instrument,
    MinuteBar,
    OrderBook,
    OrderBookLevel,
    PriceType,
    require_stock_code,
)
from data_pipeline.market.trading_calendar import SEOUL

BAR = DailyBar("005930", date(2026, 11, 20), 70000, 71500, 69800, 71000, 25483920, 1_800_000_000_000, 1420)
MINUTE = MinuteBar("005930", datetime(2026, 11, 20, 9, 1, tzinfo=SEOUL), 70000, 70100, 69900, 70000, 10, 700_000)
PRICE = CurrentPrice(
    "005930", "Samsung Electronics", 71000, 1420, 2.04, 70000, 71500, 69800, 25483920, 1_800_000_000_000,
    "2026-11-20T15:30:00+09:00",
)  # fmt: skip
BOOK = OrderBook(
    "005930", "Samsung Electronics",
    (OrderBookLevel(70900, 10), OrderBookLevel(70800, 20)), (OrderBookLevel(71000, 5),), 30, 5,
    "2026-11-20T15:30:00+09:00",
)  # fmt: skip


@pytest.mark.parametrize("code", ["005930", "0001A0", "00104K", "Q50000"])
def test_a_stock_code_is_six_digits_or_capitals(code):
    """Letters are kept as they are."""
    assert require_stock_code(code) == code


@pytest.mark.parametrize("code", ["", "5930", "0059300", "00593a", "A005930", "005930\n", "００５９３０", None, 5930])
def test_anything_else_is_not_a_stock_code(code):
    """The message shows what was given and an example."""
    with pytest.raises(ValueError, match=r"for example '005930'"):
        require_stock_code(code)


@pytest.mark.parametrize(
    "wrong",
    [
        {"high": 70999},
        {"low": 70001},
        {"low": 0},
        {"high": 69000},
        {"volume": -1},
        {"trading_value": -1},
        {"close": 0},
        {"close": -71000},
        {"change": 71000},
        {"open": 0, "high": 0},
    ],
)
def test_a_daily_bar_that_contradicts_itself_cannot_be_made(wrong):
    """The message names the code and the session."""
    with pytest.raises(ValueError, match="daily bar 005930 2026-11-20"):
        replace(BAR, **wrong)


def test_a_halted_day_has_no_open_high_or_low():
    """Volume 0 with the last close kept is a day without a trade, not a price of zero."""
    assert replace(BAR, open=0, high=0, low=0, volume=0, trading_value=0, change=0).close == 71000


def test_a_day_may_trade_outside_of_regular_hours_alone():
    """57 shares and no open, high and low: they changed hands when the regular session was over."""
    bar = DailyBar("900001", date(2026, 11, 20), 0, 0, 0, 9100, 57, 518_700, 0)
    assert (bar.open, bar.close, bar.volume) == (0, 9100, 57)
    day = (0, 0, 0, 57, 518_700)
    assert CurrentPrice("900001", "x", 9100, 0, 0.0, *day, "2026-11-20T20:30:00+09:00").volume == 57


def test_a_minute_that_traded_has_prices():
    """A minute is of regular hours: shares without an open, high and low are a contradiction."""
    with pytest.raises(ValueError, match="without an open"):
        replace(MINUTE, open=0, high=0, low=0)


def test_a_minute_bar_begins_on_a_minute_and_has_a_zone():
    """Seconds or a missing zone are refused."""
    with pytest.raises(ValueError, match="whole minute"):
        replace(MINUTE, at=MINUTE.at.replace(second=1))
    with pytest.raises(ValueError, match="zone"):
        replace(MINUTE, at=MINUTE.at.replace(tzinfo=None))


def test_a_price_has_a_zone():
    """A time without a zone is refused; one with it is also given as an aware datetime."""
    assert PRICE.observed_at == datetime(2026, 11, 20, 15, 30, tzinfo=SEOUL)
    with pytest.raises(ValueError, match="zone"):
        replace(PRICE, timestamp="2026-11-20T15:30:00")


def test_a_book_knows_its_best_levels():
    """The spread of 70,900 and 71,000 is 100."""
    assert (BOOK.best_bid, BOOK.best_ask, BOOK.spread) == (70900, 71000, 100)


def test_an_empty_side_has_no_best_level():
    """Without bids the spread is 0, not the whole price."""
    book = replace(BOOK, bid_levels=())
    assert (book.best_bid, book.spread) == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bid_levels": (OrderBookLevel(70800, 1), OrderBookLevel(70900, 1))},
        {"ask_levels": (OrderBookLevel(71000, 1), OrderBookLevel(71000, 1))},
        {"ask_levels": (OrderBookLevel(0, 1),)},
        {"ask_levels": (OrderBookLevel(71000, -1),)},
        {"ask_levels": tuple(OrderBookLevel(71000 + 100 * n, 1) for n in range(11))},
    ],
)
def test_a_book_out_of_order_cannot_be_made(wrong):
    """Bids fall, asks rise, prices are positive, and there are at most ten levels."""
    with pytest.raises(ValueError, match="order book 005930"):
        replace(BOOK, **wrong)


def test_an_order_count_is_unknown():
    """KIS publishes none, so it is None and never another field's value."""
    assert OrderBookLevel(71000, 5).count is None


def test_an_instrument_has_an_isin_and_a_market():
    """Both are checked at birth."""
    samsung = Instrument("005930", "KR7005930003", "삼성전자", "KOSPI", "ST", date(2026, 11, 20))
    for wrong in ({"isin": "005930"}, {"market": "NYSE"}, {"name": " "}, {"listed_shares": -1}):
        with pytest.raises(ValueError, match="005930"):
            replace(samsung, **wrong)


def test_price_types_know_their_minutes():
    """Minute bars say how long they are; the others say None."""
    assert [kind.minutes for kind in PriceType] == [None, None, None, 1, 5, 30]
