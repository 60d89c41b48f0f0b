"""What is wrong with an index bar, by figures made by hand; nothing is in a year of the synthetic market."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.datasets.findings import Context
from data_pipeline.datasets.index_bar import INDEX_BAR
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.market.index_records import MAIN_INDICES, IndexBar, main_labels
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.sources.mock.indices import indices_of
from data_pipeline.sources.mock.market import SyntheticMarket

MON, TUE = date(2026, 11, 23), date(2026, 11, 24)
BEFORE = IndexBar("KOSPI", "코스피", MON, 2590.0, 2610.0, 2580.0, 2600.0, 10.0, 400_000_000, 8 * 10**12, None)
BAR = IndexBar("KOSPI", "코스피", TUE, 2601.0, 2630.0, 2599.0, 2626.0, 26.0, 450_000_000, 9 * 10**12, None)


def verdict(*bars, stored=(BEFORE,), expected=()):
    """Return the verdict on a window of Tuesday, beside stored bars."""
    context = Context(krx_calendar(), datetime(2026, 11, 24, 20, 35, tzinfo=SEOUL), stored=stored)
    return judge(bars, INDEX_BAR, Asked((), MON, TUE, expected), context)


def test_a_right_bar_is_loaded():
    """Its base is the close before."""
    found = verdict(BAR)
    assert (found.good, found.errors, found.warnings, found.fatal) == ([BAR], [], [], [])


@pytest.mark.parametrize(
    ("bar", "check"),
    [
        (replace(BAR, session=date(2026, 11, 22), change=None), "day"),
        (replace(BAR, close=2630.0, change=900.0), "limit"),
        (replace(BAR, close=2610.0, change=-4.0), "base"),
        (replace(BEFORE, session=TUE, change=0.0), "stale"),
    ],
)
def test_a_wrong_bar_goes_to_quarantine(bar, check):
    """A Sunday; a third in a day; a base half a percent away; the figures of Monday under Tuesday's date."""
    found = verdict(bar, BAR if bar.session != TUE else replace(BAR, name="코스피 200"))
    assert [one.check for one in found.errors][:1] == [check]


def test_what_follows_a_bar_of_another_index_is_refused_too():
    """Rows of another index fit each other: when the first base of a sector is wrong, those after it fall too."""
    before = replace(BEFORE, name="제약")
    first = replace(BAR, name="제약", open=890.0, high=910.0, low=880.0, close=900.0, change=10.0)
    later = replace(first, session=date(2026, 11, 25), close=905.0, change=5.0)
    context = Context(krx_calendar(), datetime(2026, 11, 25, 20, 35, tzinfo=SEOUL), stored=(BEFORE, before))
    found = judge([BAR, first, later], INDEX_BAR, Asked((), MON, later.session, []), context)
    assert (found.good, found.fatal) == ([BAR], [])
    assert [(one.check, one.record.session.day) for one in found.errors] == [("base", 24), ("base", 25)]


def test_a_close_that_was_revised_is_a_warning():
    """A base 0.1 % away from what was stored is loaded, and counted."""
    found = verdict(replace(BAR, change=28.6))
    assert ([one.check for one in found.warnings], found.errors) == (["base"], [])


def test_an_index_on_its_first_day_has_no_base():
    """A bar without a change is not held against anything."""
    assert verdict(replace(BAR, change=None)).errors == []


def test_a_session_without_a_main_index_is_refused():
    """The window names which one did not come."""
    found = verdict(BAR, expected=[("KOSPI 코스피", TUE), ("KOSDAQ 코스닥", TUE)])
    assert [one.problem for one in found.fatal] == ["KOSDAQ 코스닥 of 2026-11-24 did not come"]


def test_kosdaq_150_is_young():
    """Before 13 July 2015 there are three main indices."""
    assert len(main_labels(date(2015, 7, 10))) == 3
    assert len(main_labels(date(2015, 7, 13))) == len(MAIN_INDICES) == 4


@pytest.mark.slow
def test_a_year_of_the_synthetic_market_has_nothing_wrong():
    """No warning, no error, no refusal, in 250 sessions."""
    indices = indices_of(SyntheticMarket())
    sessions = krx_calendar().sessions(date(2025, 11, 20), date(2026, 11, 20))
    stored = indices.bars(sessions[0])
    assert len(sessions) > 240
    for session in sessions[1:]:
        bars, cells = indices.bars(session), [(label, session) for label in main_labels(session)]
        context = Context(krx_calendar(), datetime(2026, 11, 24, 20, 35, tzinfo=SEOUL), stored=stored)
        found = judge(bars, INDEX_BAR, Asked((), session, session, cells), context)
        assert (found.errors, found.warnings, found.fatal) == ([], [], [])
        stored = bars
