"""Frames of minute bars, snapshots and order books against a real Postgres; every expected value is written by hand."""

from datetime import timedelta

import pandas as pd
import pytest

from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError, UnknownStockError
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import CurrentPrice, MinuteBar, OrderBook, OrderBookLevel
from data_pipeline.read import minute_bars, order_books, price_snapshots
from tests.support.market_rows import FRI, PROOF, SAMSUNG, THU, ZEROS, issue, list_issues, seoul
from tests.support.tables import MINUTE_BAR, ORDER_BOOK, PRICE_SNAPSHOT

SEOUL_TIME = "datetime64[us, Asia/Seoul]"


def minute(at, price, volume=10, code=SAMSUNG):
    """A minute that traded at one price."""
    return MinuteBar(code, at, price, price, price, price, volume, price * volume)


@pytest.fixture
def minutes(connection):
    """Thursday's minutes 09:00, 09:04, 09:05 and 15:29, as a load of the whole session leaves them."""
    list_issues(connection, issue(SAMSUNG), issue(ZEROS, listed_on=FRI))
    bars = [(0, 100), (4, 120), (5, 90), (389, 95)]
    records = [minute(seoul(2026, 9, 10, 9) + timedelta(minutes=at), price) for at, price in bars]
    upsert(connection, MINUTE_BAR, records, "kis")
    with connection.cursor() as cursor:
        cursor.execute(
            PROOF + "('minute_bar', %s, %s, 'whole', 'x', 4, 'kis')",
            (SAMSUNG, THU),
        )
    connection.commit()


def test_minutes_carry_their_zone(reader, minutes):
    """09:00 in Seoul is 09:00+09:00, whatever zone the server or the session thinks in."""
    bars = minute_bars(SAMSUNG, THU, THU, connection=reader)
    assert str(bars["at"].dtype) == SEOUL_TIME
    assert [at.isoformat() for at in bars["at"]] == [
        "2026-09-10T09:00:00+09:00",
        "2026-09-10T09:04:00+09:00",
        "2026-09-10T09:05:00+09:00",
        "2026-09-10T15:29:00+09:00",
    ]
    assert bars["session"].unique().tolist() == [pd.Timestamp(THU)]
    assert bars["close"].tolist() == [100, 120, 90, 95]
    assert bars["close"].dtype == bars["trading_value"].dtype == "int64"


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (5, [("09:00", 100, 120, 100, 120, 20), ("09:05", 90, 90, 90, 90, 10), ("15:25", 95, 95, 95, 95, 10)]),
        (30, [("09:00", 100, 120, 90, 90, 30), ("15:00", 95, 95, 95, 95, 10)]),
    ],
)
def test_longer_bars(reader, minutes, length, expected):
    """Five and thirty minutes are built from the stored ones; columns are the same."""
    bars = minute_bars([SAMSUNG], THU, THU, length, connection=reader)
    names = ["open", "high", "low", "close", "volume"]
    found = list(zip(bars["at"].dt.strftime("%H:%M"), *(bars[name] for name in names), strict=True))
    assert found == expected
    assert list(bars.columns) == list(minute_bars(SAMSUNG, THU, THU, connection=reader).columns)


def test_a_session_not_fetched_whole_is_an_error(connection, reader, minutes):
    """Minutes that came through the day alone do not make a session; asked for anyway they are given."""
    upsert(connection, MINUTE_BAR, [minute(seoul(2026, 9, 11, 9), 100)], "kis")
    connection.commit()
    with pytest.raises(IncompleteDataError, match=r"minute_bar .*1 cells .*005930 on 2026-09-11"):
        minute_bars(SAMSUNG, THU, FRI, connection=reader)
    assert len(minute_bars(SAMSUNG, THU, FRI, complete=False, connection=reader)) == 5
    with pytest.raises(IncompleteDataError, match="2 cells"):
        minute_bars(None, THU, FRI, connection=reader)


def test_other_lengths_are_refused():
    """Only what KIS and the warehouse know: 1, 5 and 30 minutes."""
    with pytest.raises(InvalidRequestError, match="minutes must be 1, 5 or 30, not 10"):
        minute_bars(SAMSUNG, THU, THU, 10)


@pytest.fixture
def quotes(connection):
    """One price with a market capitalisation and one without; one full book and one with an empty side."""
    list_issues(connection, issue(SAMSUNG), issue(ZEROS))
    ten, later = "2026-09-10T10:00:00+09:00", "2026-09-10T10:01:00+09:00"
    prices = [
        CurrentPrice(SAMSUNG, '삼성,"전자"', 71000, 500, 0.71, 70500, 71200, 70100, 9, 639000, ten, 423 * 10**12),
        CurrentPrice(SAMSUNG, "NA", 71100, 600, -0.85, 70500, 71200, 70100, 10, 710100, later),
    ]
    levels = tuple(OrderBookLevel(70900 - 100 * place, place + 1) for place in range(10))
    asks = (OrderBookLevel(71000, 7),)
    books = [
        OrderBook(SAMSUNG, "삼성전자", levels, asks, 60, 8, "2026-09-10T10:00:00+09:00"),
        OrderBook(SAMSUNG, "", (), asks, 0, 9, "2026-09-10T10:05:00+09:00"),
    ]
    upsert(connection, PRICE_SNAPSHOT, prices, "kis")
    upsert(connection, ORDER_BOOK, books, "kis")
    connection.commit()


def test_snapshots(reader, quotes):
    """What the source does not say is NA beside whole won; names keep commas, quotes and the letters NA."""
    prices = price_snapshots(SAMSUNG, THU, THU, connection=reader)
    assert prices["stock_name"].tolist() == ['삼성,"전자"', "NA"]
    assert str(prices["market_cap"].dtype) == "Int64"
    assert prices["market_cap"][0] == 423_000_000_000_000
    assert prices["market_cap"][1] is pd.NA
    assert prices["change_rate"].tolist() == [0.71, -0.85]
    assert str(prices["observed_at"].dtype) == SEOUL_TIME
    assert prices["observed_at"][1] == seoul(2026, 9, 10, 10, 1)
    assert prices["current_price"].dtype == "int64"


def test_books_have_a_column_for_each_level(reader, quotes):
    """Best first on both sides; a level that nobody stands at is NA, an empty name is empty text."""
    books = order_books([SAMSUNG], THU, THU, connection=reader)
    assert books["stock_name"].tolist() == ["삼성전자", ""]
    assert books["bid_price_1"].tolist() == [70900, pd.NA]
    assert books["bid_price_10"].tolist() == [70000, pd.NA]
    assert books["bid_volume_10"].tolist() == [10, pd.NA]
    assert books["ask_price_1"].tolist() == [71000, 71000]
    assert books["ask_volume_2"].isna().all()
    assert books["total_ask_volume"].tolist() == [8, 9]
    assert {str(books[name].dtype) for name in books.filter(regex=r"_(price|volume)_\d")} == {"Int64"}
    assert books["total_bid_volume"].dtype == "int64"


@pytest.mark.parametrize("read", [price_snapshots, order_books])
def test_moments_that_were_never_seen(reader, quotes, read):
    """A final session of which nothing was kept is an error; asked for anyway it is an empty frame with its types."""
    with pytest.raises(IncompleteDataError, match=r"hold nothing \(000020 on 2026-09-10\)"):
        read([SAMSUNG, ZEROS], THU, THU, connection=reader)
    with pytest.raises(IncompleteDataError, match=r"hold nothing \(the market on 2026-09-11\)"):
        read(None, THU, FRI, connection=reader)
    assert len(read(None, THU, THU, connection=reader)) == 2
    empty = read(ZEROS, THU, THU, complete=False, connection=reader)
    filled = read(SAMSUNG, THU, THU, connection=reader)
    assert len(empty) == 0
    assert empty.dtypes.astype(str).to_dict() == filled.dtypes.astype(str).to_dict()
    with pytest.raises(UnknownStockError):
        read("999999", THU, THU, complete=False, connection=reader)
