"""Which session a run is about, and how work is cut.

Facts: 21, 22 and 23 September 2026 are sessions; 24 and 25 are Chuseok; the figures of 23 September are final at 20:00.
"""

from __future__ import annotations

from datetime import date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.engine.windows import as_codes, run_moment, run_session, windows
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Window, chunks

SEOUL = ZoneInfo("Asia/Seoul")


def at(text):
    """A moment in Seoul."""
    return datetime.fromisoformat(text).replace(tzinfo=SEOUL)


def test_the_session_is_the_day_of_the_interval_in_seoul():
    """The interval of 23 September begins at 15:00 of the 22nd in UTC; it is the session of the 23rd all the same."""
    start = datetime.fromisoformat("2026-09-22T15:00:00+00:00")
    assert run_session({"params": {}, "data_interval_start": start}) == date(2026, 9, 23)


def test_a_named_session_wins():
    """Whoever triggers a run by hand may name another session than the run's own."""
    context = {"params": {"session": "2026-09-21"}, "data_interval_start": at("2026-09-23")}
    assert run_session(context) == date(2026, 9, 21)


def test_a_run_without_a_logical_date_is_about_the_last_final_session():
    """At 19:59 the figures of the day still grow."""
    run = SimpleNamespace(run_after=at("2026-09-23 19:59"))
    assert run_session({"params": {}, "dag_run": run}) == date(2026, 9, 22)


def test_what_describes_the_present_is_about_the_session_that_is_quoted():
    """A list of instruments asked for by hand in the morning is today's, although today's bars are not final."""
    run = SimpleNamespace(run_after=at("2026-09-23 08:48"))
    assert run_session({"params": {}, "dag_run": run}, final=False) == date(2026, 9, 23)


@pytest.mark.parametrize("kind", ["manual", "scheduled", "backfill", "asset_triggered"])
def test_the_moment_of_a_run_is_when_it_came_due(kind):
    """Neither its logical date, which is the midnight before the session, nor its interval is."""
    run = SimpleNamespace(run_after=at("2026-09-23 21:30"), run_type=kind)
    midnight = at("2026-09-23 00:00")
    context = {"dag_run": run, "logical_date": midnight, "data_interval_start": midnight}
    assert run_moment(context) == at("2026-09-23 21:30")
    assert run_moment({"logical_date": midnight}) is None


def test_a_run_by_hand_is_made_at_a_moment_of_the_market(monkeypatch):
    """A clock that was fixed 25 hours ahead says at which; the times of a timetable are the market's already."""
    monkeypatch.setenv("MARKET_CLOCK", "2026-09-23T20:01+09:00@2026-09-22T19:01+09:00")
    run_after = at("2026-09-22 19:02")
    by_hand = {"params": {}, "dag_run": SimpleNamespace(run_after=run_after, run_type="manual")}
    assert run_moment(by_hand) == at("2026-09-23 20:02")
    assert run_session(by_hand) == date(2026, 9, 23)
    for kind in ("scheduled", "backfill"):
        assert run_moment({"dag_run": SimpleNamespace(run_after=run_after, run_type=kind)}) == run_after


@pytest.mark.parametrize(("named", "words"), [("2026-09-24", "not a session"), ("tomorrow", "must be a date")])
def test_a_day_that_is_no_session_is_refused(named, words):
    """A holiday has no rows, and no other day is taken instead."""
    with pytest.raises(InvalidRequestError, match=words):
        run_session({"params": {"session": named}})


def test_without_a_run_nothing_is_guessed():
    """The clock is never asked which data to load."""
    with pytest.raises(ConfigurationError, match="first and last"):
        run_session({})


def test_codes_come_as_a_list_or_as_text():
    """Text may have commas, blanks and lines; a code given twice counts once."""
    assert as_codes("005930, 0001A0\n005930") == ["005930", "0001A0"]
    assert as_codes(["005930", "0001A0"]) == ["005930", "0001A0"]
    assert as_codes("") == as_codes(None) == []


@pytest.mark.parametrize("wrong", ["5930", [373220], "005930;000660"])
def test_what_is_no_code_is_refused(wrong):
    """A number is refused too: it has lost its leading zeros, or would lose them elsewhere."""
    with pytest.raises(InvalidRequestError, match="six characters"):
        as_codes(wrong)


def test_chunks_keep_order_and_lose_nothing():
    """Five codes by two: two, two and one."""
    assert chunks(["1", "2", "3", "4", "5"], 2) == [["1", "2"], ["3", "4"], ["5"]]


def test_a_long_history_is_cut_by_code_first():
    """Three codes over two sessions with room for four rows: two codes, then one."""
    two = [date(2026, 9, 21), date(2026, 9, 22)]
    assert list(windows(["A", "B", "C"], two, 1, 4)) == [
        Window(("A", "B"), two[0], two[1]),
        Window(("C",), two[0], two[1]),
    ]


@pytest.mark.thorough
@given(
    codes=st.lists(st.text("ABC", min_size=6, max_size=6), min_size=1, max_size=20, unique=True),
    days=st.integers(1, 30),
    rows_per_session=st.integers(1, 400),
    most_rows=st.integers(1, 2000),
)
def test_windows_hold_every_cell_once(codes, days, rows_per_session, most_rows):
    """However the work is cut, every code is asked for on every session exactly once, and windows stay small."""
    sessions = krx_calendar().sessions(date(2026, 1, 1), date(2026, 3, 31))[:days]
    cells = []
    for window in windows(codes, sessions, rows_per_session, most_rows):
        held = [(code, session) for code in window.stock_codes for session in window.sessions]
        assert len(held) == 1 or len(held) * rows_per_session <= most_rows
        cells += held
    assert sorted(cells) == sorted((code, session) for code in codes for session in sessions)
