"""Checks of a window, without a database."""

from datetime import date

import pytest

from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError, PayloadError
from data_pipeline.loading.checks.window import check_window, missing_codes, require_codes
from data_pipeline.market.records import DailyBar, Instrument, MarketDay
from tests.support.tables import DAILY_BAR, INSTRUMENT, TRADING_SESSION

FIRST, LAST = date(2026, 9, 14), date(2026, 9, 18)


def bar(code="005930", day=FIRST):
    """A bar without a trade."""
    return DailyBar(code, day, 0, 0, 0, 100, 0, 0, 0)


def test_records_asked_for_pass_as_they_are():
    """Records of the codes and sessions asked for come out in order, both ends included, and their codes are noted."""
    bars = [bar(day=LAST), bar("0001A0", FIRST)]
    seen: set[str] = set()
    assert list(check_window(bars, DAILY_BAR, ["005930", "0001A0"], FIRST, LAST, seen)) == bars
    assert seen == {"005930", "0001A0"}


def test_no_bounds_allow_anything():
    """Without codes and dates every record passes, a calendar day too."""
    days = [MarketDay(FIRST, is_open=True)]
    assert list(check_window(days, TRADING_SESSION)) == days


def test_another_code_is_refused():
    """A row of a code that was not asked for is a payload error naming it."""
    with pytest.raises(PayloadError, match="daily_bar: 000660 was not asked for"):
        list(check_window([bar("000660")], DAILY_BAR, ["005930"]))


@pytest.mark.parametrize("day", [date(2026, 9, 13), date(2026, 9, 19)])
def test_another_session_is_refused(day):
    """The previous day's row echoed, or one beyond the end, is a payload error naming code and day."""
    with pytest.raises(PayloadError, match=f"005930 came with {day}"):
        list(check_window([bar(day=day)], DAILY_BAR, ["005930"], FIRST, LAST))


def test_list_of_another_session_is_refused():
    """An instrument's date is its as_of."""
    instrument = Instrument("005930", "KR7005930003", "삼성전자", "KOSPI", "ST", date(2026, 9, 11))
    with pytest.raises(PayloadError, match="2026-09-11"):
        list(check_window([instrument], INSTRUMENT, None, FIRST, FIRST))


def test_good_records_before_a_bad_one_have_passed():
    """The check streams: it raises when the bad record comes, not before."""
    window = check_window([bar(), bar("000660")], DAILY_BAR, ["005930"])
    assert next(window) == bar()
    with pytest.raises(PayloadError):
        next(window)


def test_reversed_range_is_refused():
    """A range whose first day is after its last is the caller's mistake."""
    with pytest.raises(InvalidRequestError, match="after"):
        list(check_window([], DAILY_BAR, None, LAST, FIRST))


def test_missing_codes_keep_the_order_asked():
    """Codes that did not come are listed as they were asked for."""
    assert missing_codes({"005930"}, ["000660", "005930", "0001A0"]) == ["000660", "0001A0"]


def test_missing_codes_are_an_error():
    """An incomplete window names how many and which codes are missing."""
    require_codes({"005930"}, ["005930"], DAILY_BAR)
    with pytest.raises(IncompleteDataError, match=r"daily_bar: 2 codes did not come: 000660, 0001A0$"):
        require_codes({"005930"}, ["000660", "005930", "0001A0"], DAILY_BAR)
