"""Answers about the past."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.exceptions import PayloadError, UnknownStockError
from data_pipeline.market.records import DailyBar, MinuteBar, PriceType
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.sources.kis.minute_tally import MinuteTally, minute_bars
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.parse_chart import daily_bar, parse_chart, parse_minutes
from tests.support.kis_answers import HEAD, ROW, minute

SEOUL = ZoneInfo("Asia/Seoul")
AT = datetime(2026, 11, 20, 20, 30, tzinfo=SEOUL)
FIRST, LAST = date(2026, 11, 16), date(2026, 11, 20)


def chart(*rows: dict[str, str], head: dict[str, str] | None = None) -> Answer:
    """Return a chart of these rows."""
    return Answer("KIS chart of 005930", {"output1": HEAD if head is None else head, "output2": list(rows)}, AT)


def parsed(*rows: dict[str, str], period: PriceType = PriceType.DAILY):
    """Parse these rows."""
    return parse_chart("005930", chart(*rows), FIRST, LAST, period)


def tally() -> MinuteTally:
    """What counts the minutes of a walk."""
    return MinuteTally("005930", krx_calendar())


def test_daily_bar():
    """A row becomes a bar in raw won, with its change's own minus kept."""
    expected = DailyBar("005930", date(2026, 11, 19), 71000, 71300, 69400, 69500, 100, 7000000, -1600)
    assert [daily_bar("005930", one) for one in parsed(ROW)] == [expected]


@pytest.mark.parametrize("opened", ["0", "69500"])
def test_day_without_a_trade(opened):
    """A halted day has open, high and low 0 (or the close, for drawing) and keeps its close."""
    prices = dict.fromkeys(("stck_oprc", "stck_hgpr", "stck_lwpr"), opened)
    nothing = {"acml_vol": "0", "acml_tr_pbmn": "0", "prdy_vrss": "0", "prdy_vrss_sign": "3", "mod_yn": "Y"}
    bar = daily_bar("005930", parsed({**ROW, **prices, **nothing})[0])
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (0, 0, 0, 69500, 0)


def test_day_that_traded_after_hours_alone():
    """Open, high and low are 0 beside 57 shares and their value: the bar says just that."""
    prices = dict.fromkeys(("stck_oprc", "stck_hgpr", "stck_lwpr"), "0") | {"stck_clpr": "9100"}
    shares = {"acml_vol": "57", "acml_tr_pbmn": "518700", "prdy_vrss": "0", "prdy_vrss_sign": "3"}
    expected = DailyBar("005930", date(2026, 11, 19), 0, 0, 0, 9100, 57, 518_700, 0)
    assert [daily_bar("005930", one) for one in parsed({**ROW, **prices, **shares})] == [expected]


@pytest.mark.parametrize("changed", [{"acml_vol": "0"}, {"acml_vol": "0", "acml_tr_pbmn": "0"}])
def test_volume_zero_with_a_range_or_a_value(changed):
    """No volume beside a price range or a value is a wrong field, not a halt."""
    with pytest.raises(PayloadError, match="acml_vol"):
        daily_bar("005930", parsed({**ROW, **changed})[0])


def test_padding_is_skipped():
    """KIS pads short windows with empty objects, or with objects of empty texts."""
    assert len(parsed(ROW, {}, {"stck_bsop_date": "", "stck_clpr": ""}, {})) == 1


@pytest.mark.parametrize("day", ["20261113", "20261123"])
def test_day_that_was_not_asked_for(day):
    """A row outside the asked range, such as the day before, is refused."""
    with pytest.raises(PayloadError, match="stck_bsop_date"):
        parsed({**ROW, "stck_bsop_date": day})


@pytest.mark.parametrize("days", [("20261119", "20261119"), ("20261118", "20261119")])
def test_days_that_do_not_fall(days):
    """A day twice, or rising days, are refused."""
    with pytest.raises(PayloadError, match="stck_bsop_date"):
        parsed(*({**ROW, "stck_bsop_date": day} for day in days))


def test_two_rows_of_one_week():
    """A week comes once, whichever of its days dates it."""
    assert len(parsed({**ROW, "stck_bsop_date": "20261116"}, period=PriceType.WEEKLY)) == 1
    with pytest.raises(PayloadError, match="stck_bsop_date"):
        parsed({**ROW, "stck_bsop_date": "20261120"}, {**ROW, "stck_bsop_date": "20261116"}, period=PriceType.WEEKLY)


def test_empty_head_is_an_unknown_stock():
    """A chart that names nothing is that of an unknown code; one that names the stock may be empty."""
    with pytest.raises(UnknownStockError):
        parse_chart("005930", chart(head={}), FIRST, LAST)
    assert parse_chart("005930", chart(), FIRST, LAST) == []


@pytest.mark.parametrize("head", [{**HEAD, "stck_shrn_iscd": "000660"}, {"hts_kor_isnm": "삼성전자"}])
def test_chart_of_another_code(head):
    """A chart that names another code, or none beside a name, is refused."""
    with pytest.raises(PayloadError, match="stck_shrn_iscd"):
        parse_chart("005930", chart(ROW, head=head), FIRST, LAST)


@pytest.mark.parametrize(
    "body", [{}, {"output1": HEAD}, {"output1": [], "output2": []}, {"output1": HEAD, "output2": [""]}][:]
)
def test_chart_without_its_parts(body):
    """A missing or wrongly shaped part is refused."""
    with pytest.raises(PayloadError, match="output"):
        parse_chart("005930", Answer("KIS chart of 005930", body, AT), FIRST, LAST)


def test_trading_value_is_the_difference_of_running_totals():
    """The total of the day becomes each minute's own value; the first minute keeps its total."""
    rows = parse_minutes(
        "005930", chart(minute("153000", "5", "1700"), minute("090100", "3", "1200"), minute("090000", "9", "900"))
    )
    nine = datetime(2026, 11, 20, 9, tzinfo=SEOUL)
    assert list(minute_bars(rows, tally())) == [
        MinuteBar("005930", nine + timedelta(hours=6, minutes=30), 100, 100, 100, 100, 5, 500),
        MinuteBar("005930", nine + timedelta(minutes=1), 100, 100, 100, 100, 3, 300),
        MinuteBar("005930", nine, 100, 100, 100, 100, 9, 900),
    ]


def test_minute_without_a_trade_is_left_out():
    """A minute of no shares and no value is no bar, and the difference reaches over it."""
    rows = parse_minutes(
        "005930", chart(minute("090200", "1", "1000"), minute("090100", "0", "900"), minute("090000", "9", "900"))
    )
    assert [(bar.volume, bar.trading_value) for bar in minute_bars(rows, tally())] == [(1, 100), (9, 900)]


@pytest.mark.parametrize("newer", [("5", "800"), ("5", "900"), ("0", "850")])
def test_running_total_that_cannot_be_right(newer):
    """A falling total and shares without value are refused; a rise without shares is one that has not moved yet."""
    rows = parse_minutes("005930", chart(minute("090100", *newer), minute("090000", "9", "900")))
    with pytest.raises(PayloadError, match="acml_tr_pbmn"):
        list(minute_bars(rows, tally()))


def test_minutes_that_do_not_fall():
    """A minute twice is refused."""
    with pytest.raises(PayloadError, match="stck_cntg_hour"):
        parse_minutes("005930", chart(minute("090100", "5", "900"), minute("090100", "5", "800")))


def test_minutes_of_an_unknown_code():
    """A minute chart repeats no code; without a name it is that of an unknown one."""
    with pytest.raises(UnknownStockError):
        parse_minutes("005930", chart(head={}))


@pytest.mark.parametrize("time", ["90000", "250000", "09:00", ""])
def test_minute_with_a_wrong_time(time):
    """A time is six digits of a time that exists."""
    with pytest.raises(PayloadError, match=r"stck_cntg_hour|stck_bsop_date"):
        parse_minutes("005930", chart(minute(time, "5", "900")))
