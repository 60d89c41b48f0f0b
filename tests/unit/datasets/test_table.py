"""How records become lines of COPY text."""

from datetime import date, datetime, timezone
from typing import Any

import pytest

from data_pipeline.datasets.table import copy_field
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.records import (
    CurrentPrice,
    DailyBar,
    Instrument,
    MarketDay,
    MinuteBar,
    OrderBook,
    OrderBookLevel,
)
from data_pipeline.market.trading_calendar import SEOUL
from tests.support.tables import DAILY_BAR, INSTRUMENT, MINUTE_BAR, ORDER_BOOK, PRICE_SNAPSHOT, TABLES, TRADING_SESSION

PRICE = CurrentPrice(
    "005930", "삼성전자", 71000, 1420, 2.04, 70000, 71500, 69900, 25483920, 1809358320000, "2026-09-14T10:00:00+09:00"
)  # fmt: skip


def test_daily_bar_line():
    """A bar is its nine values with tabs between, the session as a date."""
    bar = DailyBar("0001A0", date(2026, 9, 14), 70000, 71500, 69900, 71000, 1000, 70500000, -1420)
    assert DAILY_BAR.line(bar) == "0001A0\t2026-09-14\t70000\t71500\t69900\t71000\t1000\t70500000\t-1420\n"


def test_minute_bar_belongs_to_its_session_in_seoul():
    """A minute given in UTC belongs to the date it has in Seoul."""
    bar = MinuteBar("005930", datetime(2026, 9, 13, 23, 30, tzinfo=timezone.utc), 1, 1, 1, 1, 2, 2)
    assert MINUTE_BAR.line(bar) == "005930\t2026-09-13 23:30:00+00:00\t2026-09-14\t1\t1\t1\t1\t2\t2\n"


def test_minute_bar_in_seoul_keeps_its_zone():
    """A minute given in Seoul carries +09:00."""
    bar = MinuteBar("005930", datetime(2026, 9, 14, 15, 30, tzinfo=SEOUL), 1, 1, 1, 1, 2, 2)
    assert MINUTE_BAR.line(bar).split("\t")[1:3] == ["2026-09-14 15:30:00+09:00", "2026-09-14"]


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(1988, 7, 1, 9, 30, tzinfo=SEOUL), "1988-07-01 09:30:00+10:00"),
        (datetime(1989, 7, 1, 9, 30, tzinfo=SEOUL), "1989-07-01 09:30:00+09:00"),
        (datetime(2026, 9, 14, 0, 5, tzinfo=SEOUL), "2026-09-14 00:05:00+09:00"),
    ],
)
def test_minute_bar_in_a_summer_of_daylight_saving(at, text):
    """Seoul had summer time until 1988, and none since; Postgres is told the zone that held."""
    assert MINUTE_BAR.text([MinuteBar("005930", at, 1, 1, 1, 1, 2, 2)]).split("\t")[1:3] == [text, text[:10]]


def test_many_lines_are_the_lines_of_each():
    """Text of many records is theirs in their order; none is no text."""
    bars = [DailyBar("0001A0", date(2026, 9, 14), 1, 1, 1, 1, day, 1, 0) for day in range(3)]
    assert DAILY_BAR.text(bars) == "".join(DAILY_BAR.line(bar) for bar in bars)
    assert DAILY_BAR.text([]) == ""


def test_record_that_cannot_be_text_is_named():
    """A value that is no value of its column at all is an error that shows the record."""
    days: list[Any] = [date(2026, 9, 14), []]
    bars = [DailyBar("0001A0", day, 1, 1, 1, 1, 1, 1, 0) for day in days]
    with pytest.raises(InvalidRequestError, match=r"daily_bar: DailyBar\(.*session=\[\].*cannot be written"):
        DAILY_BAR.text(bars)


def test_market_day_line():
    """A calendar day is a date and a truth value."""
    assert TRADING_SESSION.line(MarketDay(date(2026, 9, 19), is_open=False)) == "2026-09-19\tFalse\n"


def test_instrument_line_writes_the_unknown_as_null():
    r"""What an instrument does not say is \N."""
    line = INSTRUMENT.line(Instrument("005930", "KR7005930003", "삼성전자", "KOSPI", "ST", date(2026, 9, 14)))
    expected = "005930\tKR7005930003\t삼성전자\tKOSPI\tST\t2026-09-14\t\\N\t\\N\t\\N\t\\N\tFalse\tFalse\tFalse\tFalse\n"
    assert line == expected


def test_price_line():
    r"""A price carries its time, its session in Seoul and \N for an unknown market value."""
    expected = (
        "005930\t2026-09-14 10:00:00+09:00\t2026-09-14\t삼성전자\t71000\t1420\t2.04\t70000\t71500\t69900\t25483920"
        "\t1809358320000\t\\N\n"
    )
    assert PRICE_SNAPSHOT.line(PRICE) == expected


def test_order_book_line_holds_four_arrays():
    """Each side is an array of prices and one of volumes; an empty side is an empty array."""
    bids = (OrderBookLevel(70900, 5), OrderBookLevel(70800, 0))
    book = OrderBook("005930", "삼성전자", bids, (), 5, 0, "2026-09-14T10:00:00+09:00")
    assert ORDER_BOOK.line(book).split("\t")[3:] == [
        "KRX",
        "삼성전자",
        "{70900,70800}",
        "{5,0}",
        "{}",
        "{}",
        "5",
        "0\n",
    ]


def test_session_of_a_quote_can_be_given():
    """A quote seen before the open belongs to the session the caller names."""
    table = PRICE_SNAPSHOT.in_session(date(2026, 9, 11))
    assert table.line(PRICE).split("\t")[1:3] == ["2026-09-14 10:00:00+09:00", "2026-09-11"]
    assert table.day_of(PRICE) == date(2026, 9, 11)


def test_session_of_a_bar_cannot_be_given():
    """A bar says itself which session it is of."""
    with pytest.raises(InvalidRequestError, match="daily_bar"):
        DAILY_BAR.in_session(date(2026, 9, 11))


def test_record_of_another_class_is_refused():
    """A price is no daily bar."""
    with pytest.raises(InvalidRequestError, match="daily_bar takes DailyBar, not CurrentPrice"):
        DAILY_BAR.line(PRICE)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\\N"),
        ("a\tb", "a\\tb"),
        ("a\nb\r", "a\\nb\\r"),
        ("\\N", "\\\\N"),
        ("\\.", "\\\\."),
        ("", ""),
        ([], "{}"),
        ([1, 2], "{1,2}"),
        (0.1, "0.1"),
        (True, "True"),
        (-5, "-5"),
    ],
)
def test_copy_field(value, text):
    """Tabs, line ends and backslashes are escaped; None is no text."""
    assert copy_field(value) == text


def test_every_table_names_its_key_first():
    """The key is the start of the columns, which key_of relies on."""
    assert [table.columns[: len(table.key)] for table in TABLES.values()] == [table.key for table in TABLES.values()]
