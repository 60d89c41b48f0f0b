"""What is wrong with an index at a moment, by figures made by hand; nothing is in a week of the synthetic market."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from data_pipeline.datasets.findings import Context
from data_pipeline.datasets.index_snapshot import INDEX_SNAPSHOT
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.market.index_records import IndexBar, IndexSnapshot, main_labels
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.sources.mock.indices import MAIN_BASKETS, indices_of
from data_pipeline.sources.mock.market import SyntheticMarket

MON, TUE = date(2026, 11, 23), date(2026, 11, 24)
AT = datetime(2026, 11, 24, 11, 2, tzinfo=SEOUL)
BEFORE = IndexBar("KOSPI", "코스피", MON, 2590.0, 2610.0, 2580.0, 2600.0, 10.0, 5, 5, None)
NOW = IndexSnapshot("KOSPI", "코스피", AT, 2626.0, 26.0, 2600.0, 2630.0, 2595.0, 5, 5)


def verdict(*found, expected=(), now=AT):
    """Return the verdict on these, with Monday's bar of KOSPI stored."""
    return judge(found, INDEX_SNAPSHOT, Asked(expected=expected), Context(krx_calendar(), now, stored=[BEFORE]))


def test_a_level_that_follows_the_close_before_is_loaded():
    """2,626.00 with a change of 26.00 leads back to 2,600.00."""
    found = verdict(NOW)
    assert (found.good, found.errors, found.warnings, found.fatal) == ([NOW], [], [], [])


@pytest.mark.parametrize(("wrong", "check"), [
    (replace(NOW, change=-200.0), "base"),
    (replace(NOW, level=3500.0, high=3500.0, change=900.0), "limit"),
    (replace(NOW, observed_at=AT + timedelta(minutes=6)), "future"),
])  # fmt: skip
def test_a_level_of_another_index_or_moment_is_refused(wrong, check):
    """A base 226 points above the close before, a rise of more than 31 %, a time that has not come."""
    assert [one.check for one in verdict(wrong).errors] == [check]


def test_every_main_index_has_to_come():
    """The window names the one that did not."""
    found = verdict(NOW, expected=[("KOSPI 코스피", TUE), ("KOSDAQ 코스닥", TUE)])
    assert [one.problem for one in found.fatal] == ["KOSDAQ 코스닥 did not come"]


@pytest.mark.thorough
def test_a_week_of_the_synthetic_market_has_nothing_wrong():
    """Eight moments of five sessions, from before the opening to after the close."""
    indices, calendar = indices_of(SyntheticMarket()), krx_calendar()
    for session in calendar.sessions(date(2026, 11, 16), date(2026, 11, 20)):
        stored = indices.bars(calendar.previous_session(session))
        for hour in (8, 9, 10, 11, 12, 14, 15, 16):
            at = datetime.combine(session, time(hour, 1), SEOUL)
            now = [indices.snapshot(basket, at) for basket in MAIN_BASKETS]
            cells = [(label, session) for label in main_labels(session)]
            context = Context(calendar, at, stored=stored)
            found = judge(now, INDEX_SNAPSHOT, Asked(expected=cells), context)
            assert (found.good, found.errors, found.warnings, found.fatal) == (now, [], [], [])
