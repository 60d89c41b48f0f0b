"""The synthetic market as a data source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from data_pipeline.exceptions import CalendarRangeError, InvalidRequestError, UnknownStockError
from data_pipeline.market.records import ChartData, PriceType
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.sources.mock.source import MockDataSource

TODAY = date(2026, 11, 20)


@pytest.fixture
def source(market: SyntheticMarket) -> MockDataSource:
    """The source on the reference evening."""
    return MockDataSource(market)


def at(market: SyntheticMarket, hour: int, minute: int) -> MockDataSource:
    """The source at another time of the reference day."""
    return MockDataSource(market, lambda: datetime(2026, 11, 20, hour, minute, tzinfo=SEOUL))


def test_current_price(source: MockDataSource) -> None:
    """The quote of Samsung Electronics is the README's."""
    price = source.get_current_price("005930")
    assert (price.stock_name, price.current_price, price.change_price) == ("Samsung Electronics", 71_000, 1_420)
    assert (price.change_rate, price.volume) == (2.04, 25_483_920)
    assert price.timestamp == "2026-11-20T20:30:00+09:00"
    assert price.market_cap == 71_000 * 5_919_637_900


def test_current_price_in_session(market: SyntheticMarket) -> None:
    """In session the quote is the day so far."""
    price = at(market, 11, 0).get_current_price("005930")
    assert 0 < price.volume < 25_483_920
    assert price.current_price - price.change_price == 69_580


def test_order_book(source: MockDataSource) -> None:
    """Books carry the English name and ten levels."""
    book = source.get_order_book("005930")
    assert (book.stock_name, len(book.bid_levels), len(book.ask_levels)) == ("Samsung Electronics", 10, 10)


def test_stock_info(source: MockDataSource) -> None:
    """Issues have a market, a sector, shares and a par value; funds have no par value."""
    info = source.get_stock_info("005930")
    assert (info.stock_name, info.market, info.sector) == ("Samsung Electronics", "KOSPI", "Electronics")
    assert (info.listed_shares, info.face_value) == (5_919_637_900, 100)
    assert source.get_stock_info("069500").face_value is None


def test_daily_chart(source: MockDataSource) -> None:
    """Daily charts come newest first and skip closed days."""
    chart = source.get_chart_data("005930", PriceType.DAILY, 3)
    assert [bar.date for bar in chart] == ["20261120", "20261119", "20261118"]
    assert [bar.close_price for bar in chart][:2] == [71_000, 69_580]


def test_weekly_chart(source: MockDataSource) -> None:
    """A week is named by its last session and sums its days."""
    weeks = source.get_chart_data("000660", PriceType.WEEKLY, 9)
    assert [bar.date for bar in weeks] == [
        "20261120", "20261113", "20261106", "20261030", "20261023", "20261016", "20261008", "20261002", "20260923",
    ]  # fmt: skip
    days = source.get_chart_data("000660", PriceType.DAILY, 5)
    assert_merged(weeks[0], days)


def test_a_week_with_a_day_after_hours_alone(market: SyntheticMarket) -> None:
    """Tuesday 22 September 2026 has 34 shares of 141470 and no open: they count, and no price of the week is 0."""
    source = MockDataSource(market, lambda: datetime(2026, 9, 23, 20, 30, tzinfo=SEOUL))
    (week,) = source.get_chart_data("141470", PriceType.WEEKLY, 1)
    days = source.get_chart_data("141470", PriceType.DAILY, 3)
    assert (days[1].open_price, days[1].volume) == (0, 34)
    assert week.volume == sum(day.volume for day in days)
    assert week.low_price == min(day.low_price for day in days if day.low_price) > 0


def test_monthly_chart(source: MockDataSource) -> None:
    """A month is named by its last session and sums its days."""
    months = source.get_chart_data("000660", PriceType.MONTHLY, 3)
    assert [bar.date for bar in months] == ["20261120", "20261030", "20260930"]
    assert_merged(months[0], source.get_chart_data("000660", PriceType.DAILY, 15))


def assert_merged(long: ChartData, parts: list[ChartData]) -> None:
    """The first part is the newest."""
    assert (long.open_price, long.close_price) == (parts[-1].open_price, parts[0].close_price)
    assert long.high_price == max(part.high_price for part in parts)
    assert long.low_price == min(part.low_price for part in parts)
    assert long.volume == sum(part.volume for part in parts)
    assert long.trading_value == sum(part.trading_value for part in parts)


def test_minute_chart(source: MockDataSource) -> None:
    """Minute charts begin with the auction and run over into the session before."""
    chart = source.get_chart_data("005930", PriceType.MINUTE_1, 383)
    assert [chart[place].date for place in (0, 1, 380, 381, 382)] == [
        "20261120153000", "20261120151900", "20261120090000", "20261119163000", "20261119161900",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("period", "first", "parts"),
    [(PriceType.MINUTE_5, "20261120151500", 5), (PriceType.MINUTE_30, "20261120150000", 20)],
)
def test_longer_minute_chart(source: MockDataSource, period: PriceType, first: str, parts: int) -> None:
    """Five- and thirty-minute bars are named by their start and sum their minutes."""
    chart = source.get_chart_data("005930", period, 2)
    assert [bar.date for bar in chart] == ["20261120153000", first]
    assert_merged(chart[1], source.get_chart_data("005930", PriceType.MINUTE_1, parts + 1)[1:])


def test_chart_of_a_young_issue(source: MockDataSource, market: SyntheticMarket) -> None:
    """An instrument younger than asked has as many bars as sessions."""
    young = max(market.instruments(TODAY), key=lambda one: one.listed_on or date.min)
    assert young.listed_on is not None
    chart = source.get_chart_data(young.stock_code, PriceType.DAILY, 5_000)
    assert len(chart) == len(krx_calendar().sessions(young.listed_on, TODAY))


def test_chart_before_the_open(market: SyntheticMarket) -> None:
    """Before the open the newest bar is that of the session before."""
    chart = at(market, 8, 30).get_chart_data("005930", PriceType.DAILY, 1)
    assert [bar.date for bar in chart] == ["20261119"]


def test_daily_bars(source: MockDataSource) -> None:
    """Daily bars come for each code in the order given, both ends of the range included."""
    bars = list(source.daily_bars(["035720", "005930"], date(2026, 11, 18), TODAY))
    assert [(bar.stock_code, bar.session.day) for bar in bars] == [
        ("035720", 18), ("035720", 19), ("035720", 20), ("005930", 18), ("005930", 19), ("005930", 20),
    ]  # fmt: skip


def test_daily_bars_before_they_are_final(market: SyntheticMarket) -> None:
    """Until 20:00 the day's bar cannot be had, from then on it can."""
    with pytest.raises(InvalidRequestError, match="2026-11-20"):
        at(market, 19, 59).daily_bars(["005930"], TODAY, TODAY)
    assert len(list(at(market, 20, 0).daily_bars(["005930"], TODAY, TODAY))) == 1


def test_minute_bars_of_the_running_session(market: SyntheticMarket) -> None:
    """In session the minutes that are over can be had, and none of the days to come."""
    source = at(market, 9, 10)
    assert len(list(source.minute_bars(["005930"], TODAY, TODAY))) == 10
    with pytest.raises(InvalidRequestError, match="2026-11-23"):
        source.minute_bars(["005930"], TODAY, date(2026, 11, 23))


def test_snapshots_and_books_keep_the_order(source: MockDataSource) -> None:
    """Quotes and books come in the order of the codes."""
    codes = ["035720", "005930", "000660"]
    assert [price.stock_code for price in source.price_snapshots(codes)] == codes
    assert [book.stock_code for book in source.order_books(codes)] == codes


@pytest.mark.thorough
def test_instruments(source: MockDataSource) -> None:
    """The list of any covered session can be had, with Korean names."""
    assert {one.stock_code: one.name for one in source.instruments(TODAY)}["005930"] == "삼성전자"
    assert len(list(source.instruments(date(2015, 3, 2)))) > 1_000
    with pytest.raises(InvalidRequestError, match="2026-11-22"):
        source.instruments(date(2026, 11, 22))


def test_market_days(source: MockDataSource) -> None:
    """Calendar days follow each other for a month, and the closed ones say so."""
    days = list(source.market_days(date(2026, 12, 1)))
    assert [day.day for day in days] == [date(2026, 12, 1) + timedelta(days=number) for number in range(31)]
    assert [day.day.day for day in days if not day.is_open] == [5, 6, 12, 13, 19, 20, 25, 26, 27, 31]


def test_market_days_at_the_end(source: MockDataSource) -> None:
    """The calendar's last days come alone; beyond them is an error."""
    assert len(list(source.market_days(date(2040, 12, 30)))) == 2
    with pytest.raises(CalendarRangeError):
        source.market_days(date(2041, 1, 1))


CALLS: list[Callable[[MockDataSource, str], object]] = [
    lambda source, code: source.get_current_price(code),
    lambda source, code: source.get_order_book(code),
    lambda source, code: source.get_chart_data(code, PriceType.DAILY, 1),
    lambda source, code: source.get_stock_info(code),
    lambda source, code: source.daily_bars([code], TODAY, TODAY),
    lambda source, code: source.minute_bars([code], TODAY, TODAY),
    lambda source, code: source.price_snapshots([code]),
    lambda source, code: source.order_books([code]),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", ["", "5930", "00593o", "005930 ", "A005930", "００５９３０"])
def test_malformed_code(source: MockDataSource, call: Callable[[MockDataSource, str], object], code: str) -> None:
    """A malformed code is refused as a ValueError that names it, before anything is yielded."""
    with pytest.raises(InvalidRequestError, match="stock_code") as caught:
        call(source, code)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("call", CALLS)
def test_unknown_code(source: MockDataSource, call: Callable[[MockDataSource, str], object]) -> None:
    """An unknown code is an error that names it, before anything is yielded."""
    with pytest.raises(UnknownStockError, match="999999"):
        call(source, "999999")


@pytest.mark.thorough
def test_code_of_the_future(source: MockDataSource, market: SyntheticMarket) -> None:
    """A code that is listed only after the clock's moment is unknown."""
    coming = next(one for one in market.instruments(date(2027, 12, 30)) if (one.listed_on or TODAY) > TODAY)
    with pytest.raises(UnknownStockError, match=coming.stock_code):
        source.daily_bars([coming.stock_code], TODAY, TODAY)


@pytest.mark.parametrize("count", [0, -1])
def test_chart_count(source: MockDataSource, count: int) -> None:
    """A chart of no bars is refused."""
    with pytest.raises(InvalidRequestError, match="count"):
        source.get_chart_data("005930", PriceType.DAILY, count)


def test_reversed_range(source: MockDataSource) -> None:
    """A range whose first day is after its last is refused."""
    with pytest.raises(InvalidRequestError, match="after"):
        source.daily_bars(["005930"], TODAY, date(2026, 11, 19))


def test_default_clock_stands_still(source: MockDataSource) -> None:
    """Asked twice, the source gives the same answer; it is used as a context manager."""
    with source as opened:
        assert opened.get_current_price("000660") == opened.get_current_price("000660")
    assert source.name == "mock"
