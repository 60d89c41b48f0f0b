"""What `make run` decides to load."""

from datetime import date, datetime

import pytest

from data_pipeline.emulator.lively import REFUSED
from data_pipeline.exceptions import CalendarRangeError
from data_pipeline.local.plan import make_plan, market_evening
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.mock.market import SyntheticMarket


def test_on_a_sunday_the_session_is_friday():
    """The last final session is the last one that ended, whatever the day."""
    plan = make_plan(datetime(2026, 11, 22, 11, 0, tzinfo=SEOUL), vendor="", environ={})
    assert plan.session == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("moment", "session", "listing"),
    [
        (datetime(2027, 12, 30, 20, 40, tzinfo=SEOUL), date(2027, 12, 30), date(2027, 12, 30)),
        (datetime(2028, 1, 3, 9, 0, tzinfo=SEOUL), date(2027, 12, 30), date(2028, 1, 3)),
        (datetime(2028, 1, 3, 20, 40, tzinfo=SEOUL), date(2028, 1, 3), date(2028, 1, 3)),
        (datetime(2028, 2, 29, 20, 40, tzinfo=SEOUL), date(2028, 2, 29), date(2028, 2, 29)),
        (datetime(2040, 12, 28, 20, 40, tzinfo=SEOUL), date(2040, 12, 28), date(2040, 12, 28)),
        (datetime(2040, 12, 31, 23, 59, tzinfo=SEOUL), date(2040, 12, 28), date(2040, 12, 28)),
    ],
)
def test_years_that_are_not_published(moment, session, listing):
    """By law there are sessions to the end of 2040, and the last one is loaded like any other."""
    plan = make_plan(moment, vendor="kis", environ={})
    assert (plan.session, plan.listing) == (session, listing)
    assert plan.dag_runs()[0].logical_date == f"{listing}T07:30:00+09:00"


def test_beyond_the_calendar_nothing_is_planned():
    """From 2041 on nobody knows the sessions: an error that says what to do."""
    with pytest.raises(CalendarRangeError, match="calendar year 2041 FILE"):
        make_plan(datetime(2041, 1, 1, 0, 0, tzinfo=SEOUL), vendor="", environ={})


def test_before_eight_in_the_evening_today_is_not_final():
    """KRX's after-market runs to 20:00, so at 19:59 the session is yesterday's."""
    assert make_plan(datetime(2026, 11, 23, 19, 59, tzinfo=SEOUL), "", {}).session == date(2026, 11, 20)
    assert make_plan(datetime(2026, 11, 23, 20, 0, tzinfo=SEOUL), "", {}).session == date(2026, 11, 23)


def test_the_history_is_a_hundred_sessions():
    """Twenty-one weeks of five days from 2026-06-29 on, less six closed days, and the Friday before: 100."""
    plan = make_plan(datetime(2026, 11, 22, 11, 0, tzinfo=SEOUL), "", {})
    assert plan.first == date(2026, 6, 26)


def test_with_a_key_the_list_of_issues_is_the_present_one():
    """KIS describes the session of today even while the last final one is yesterday's."""
    plan = make_plan(datetime(2026, 11, 24, 10, 0, tzinfo=SEOUL), "kis", {})
    assert (plan.session, plan.listing) == (date(2026, 11, 23), date(2026, 11, 24))


def test_the_runs_come_in_the_order_they_need():
    """Instruments first, then bars, history and books."""
    plan = make_plan(datetime(2026, 11, 22, 11, 0, tzinfo=SEOUL), "", {"WATCH_LIST": "005930, 0069M0"})
    runs = plan.dag_runs()
    assert [run.dag_id for run in runs] == ["market_reference", "daily_bars", "backfill", "order_books"]
    assert runs[2].conf["stock_codes"] == ["005930", "0069M0"]


def test_the_synthetic_market_stands_in_the_evening():
    """At 20:30 of the last final session, half an hour after it became final."""
    assert market_evening(datetime(2026, 11, 22, 11, 0, tzinfo=SEOUL)).isoformat() == "2026-11-20T20:30:00+09:00"


def test_of_krx_alone_the_last_published_session_is_loaded():
    """KRX publishes from 08:00 of the next session; it has official bars, and no books are asked for."""
    friday = make_plan(datetime(2026, 11, 24, 7, 59, tzinfo=SEOUL), "krx", {}).session
    plan = make_plan(datetime(2026, 11, 24, 8, 0, tzinfo=SEOUL), "krx", {})
    assert (friday, plan.session) == (date(2026, 11, 20), date(2026, 11, 23))
    assert [(run.dag_id, run.logical_date) for run in plan.dag_runs()] == [
        ("daily_bars_official", "2026-11-24T08:00:00+09:00"),
        ("backfill", "2026-11-24T08:00:00+09:00"),
    ]
    assert plan.dag_runs()[0].conf == {"session": "2026-11-23"}
    assert plan.dag_runs()[1].conf["last"] == "2026-11-23"


def test_a_lively_first_load_has_an_action_and_asks_again():
    """Beside what is watched the history of what a check refuses, and of one whose shares changed meanwhile."""
    moment = datetime(2026, 11, 25, 20, 40, tzinfo=SEOUL)
    plan = make_plan(moment, "", {"WATCH_LIST": "005930"}, lively=True)
    market = SyntheticMarket()
    watched, refused, changed = plan.codes
    assert (watched, refused) == ("005930", REFUSED)
    assert market.listed_shares(changed, plan.first) != market.listed_shares(changed, plan.session)


@pytest.mark.parametrize(("vendor", "lively"), [("", False), ("kis", True), ("krx", True)])
def test_nothing_else_is_lively(vendor, lively):
    """Neither `make run` nor a vendor's figures have anything but what was asked for."""
    plan = make_plan(datetime(2026, 11, 25, 20, 40, tzinfo=SEOUL), vendor, {"WATCH_LIST": "005930"}, lively=lively)
    assert (plan.codes, plan.lively) == (("005930",), False)
