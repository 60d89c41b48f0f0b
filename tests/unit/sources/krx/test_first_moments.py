"""From which day and which second on something is there, and whose list of instruments is whose."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from data_pipeline.exceptions import NotPublishedError, PayloadError
from tests.support.krx_answers import BAR, BASE, BASE_INFO, FRIDAY, KONEX, KOSDAQ, SEOUL, STOCKS, block, codes


def test_the_first_day_of_a_market_is_asked(krx, make_source):
    """KONEX opened on 1 July 2013, and that session costs its call."""
    day = {"BAS_DD": "20130701"}
    for api, row in (("stk", BAR), ("ksq", KOSDAQ), ("knx", KONEX)):
        krx.answer(f"{api}_bydd_trd", block(row | day))
    assert codes(make_source(), "199150", first=date(2013, 7, 1), last=date(2013, 7, 1)) == ["199150"]
    assert krx.calls() == STOCKS


@pytest.mark.parametrize(("second", "newest"), [(59, date(2026, 11, 19)), (60, FRIDAY)])
def test_a_session_is_there_from_eight_on(make_source, clock, second, newest):
    """To the second: at 08:00:00 of Monday Friday is published."""
    clock.at = datetime(2026, 11, 23, 7, 59, tzinfo=SEOUL) + timedelta(seconds=second)
    assert make_source().publication.last_published() == newest


@pytest.mark.parametrize(
    ("at", "newest", "seconds"),
    [
        (datetime(2027, 12, 30, 20, 40, tzinfo=SEOUL), date(2027, 12, 29), 3 * 86400 + 40800),
        (datetime(2028, 1, 3, 7, 30, tzinfo=SEOUL), date(2027, 12, 29), 1800),
        (datetime(2028, 1, 3, 8, 0, tzinfo=SEOUL), date(2027, 12, 30), None),
        (datetime(2040, 12, 28, 20, 40, tzinfo=SEOUL), date(2040, 12, 27), 4 * 86400 + 40800),
        (datetime(2040, 12, 31, 23, 59, tzinfo=SEOUL), date(2040, 12, 27), 86400 + 28860),
    ],
)
def test_the_last_session_of_a_year_is_published_in_the_next(make_source, clock, at, newest, seconds):
    """At 08:00 of the first weekday after New Year's Day, also where the calendar ends with the year."""
    clock.at = at
    publication = make_source().publication
    assert publication.last_published() == newest
    session = date(at.year if at.month == 12 else at.year - 1, 12, 28 if at.year == 2040 else 30)
    if seconds is None:
        publication.require(session)
        return
    with pytest.raises(NotPublishedError) as caught:
        publication.require(session)
    assert caught.value.retry_after == seconds


def test_each_session_has_its_own_list_of_issues(krx, make_source):
    """Who asked for Friday's list gets Thursday's when he asks for that."""
    for api in BASE_INFO[1:]:
        krx.answer(api, block(BASE | {"ISU_SRT_CD": f"9000{api[:2].upper()}"}))
    krx.answer(BASE_INFO[0], block(BASE), block(BASE | {"ISU_SRT_CD": "005930"}))
    source = make_source()
    assert "001465" in {one.stock_code for one in source.instruments(FRIDAY)}
    assert "005930" in {one.stock_code for one in source.instruments(date(2026, 11, 19))}


def test_a_code_of_two_markets_is_refused(krx, make_source):
    """Nobody can tell where the instrument is listed."""
    for api in BASE_INFO:
        krx.answer(api, block(BASE))
    with pytest.raises(PayloadError, match="ksq_isu_base_info: 001465 is listed on another market as well"):
        make_source().instruments(FRIDAY)
