"""What `make run` decides to load."""

from datetime import date, datetime

from data_pipeline.local.plan import make_plan, market_evening
from data_pipeline.trading_calendar import SEOUL


def test_on_a_sunday_the_session_is_friday():
    """The last final session is the last one that ended, whatever the day."""
    plan = make_plan(datetime(2026, 11, 22, 11, 0, tzinfo=SEOUL), sandbox=True, environ={})
    assert plan.session == date(2026, 11, 20)


def test_before_eight_in_the_evening_today_is_not_final():
    """KRX's after-market runs to 20:00, so at 19:59 the session is yesterday's."""
    assert make_plan(datetime(2026, 11, 23, 19, 59, tzinfo=SEOUL), True, {}).session == date(2026, 11, 20)
    assert make_plan(datetime(2026, 11, 23, 20, 0, tzinfo=SEOUL), True, {}).session == date(2026, 11, 23)


def test_the_history_is_a_hundred_sessions():
    """Twenty-one weeks of five days from 2026-06-29 on, less six closed days, and the Friday before: 100."""
    plan = make_plan(datetime(2026, 11, 22, 11, 0, tzinfo=SEOUL), True, {})
    assert plan.first == date(2026, 6, 26)


def test_with_a_key_the_list_of_issues_is_the_present_one():
    """KIS describes the session of today even while the last final one is yesterday's."""
    plan = make_plan(datetime(2026, 11, 24, 10, 0, tzinfo=SEOUL), False, {})
    assert (plan.session, plan.listing) == (date(2026, 11, 23), date(2026, 11, 24))


def test_the_runs_come_in_the_order_they_need():
    """Instruments first, then bars, history and books."""
    plan = make_plan(datetime(2026, 11, 22, 11, 0, tzinfo=SEOUL), True, {"WATCH_LIST": "005930, 0069M0"})
    runs = plan.dag_runs()
    assert [run.dag_id for run in runs] == ["market_reference", "daily_bars", "backfill", "order_books"]
    assert runs[2].conf["stock_codes"] == ["005930", "0069M0"]


def test_the_synthetic_market_stands_in_the_evening():
    """At 20:30 of the last final session, half an hour after it became final."""
    assert market_evening(datetime(2026, 11, 22, 11, 0, tzinfo=SEOUL)).isoformat() == "2026-11-20T20:30:00+09:00"
