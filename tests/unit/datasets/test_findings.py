"""Which bars are believed only when they are told twice."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from data_pipeline.datasets.findings import HIDES_TRADES, JOINS_NEITHER, why_doubtful
from data_pipeline.market.records import DailyBar

MONDAY = date(2026, 9, 14)


def three(*closes_and_changes, idle=()):
    """Bars of sessions that follow each other, by close and change; nothing was traded on those that are idle."""
    found = []
    for day, (close, change) in enumerate(closes_and_changes):
        session = MONDAY + timedelta(days=day)
        flat = (0, 0, 0, close, 0, 0, change) if day in idle else (close, close, close, close, 100, 100 * close, change)
        found.append(DailyBar("005930", session, *flat))
    return found


@pytest.mark.parametrize(
    ("bars", "why"),
    [
        (three((1000, 0), (1010, 10), (1020, 10)), ""),
        (three((1000, 0), (500, 0), (510, 10)), ""),  # split on the second day
        (three((1000, 0), (1010, 10), (505, 0)), ""),  # split on the third day
        (three((1000, 0), (500, 0), (250, 0)), JOINS_NEITHER),
        (three((1000, 0), (3000, 0), (1000, 0), idle={0}), JOINS_NEITHER),
        (three((1000, 0), (1000, 0), (1010, 10), idle={0, 1}), ""),
        (three((1000, 0), (1000, 0), (1020, 5), idle={0, 1}), HIDES_TRADES),
        (three((1000, 0), (1000, 0), (705, 5), idle={0, 1}), HIDES_TRADES),
        (three((1000, 0), (1000, 0), (995, 0)), ""),  # an action after a session with trades
        (three((1000, 0), (1000, 0), (995, 0), idle={1}), ""),  # not the session before, told again: that traded
        (three((1000, 0), (1000, 0), (5000, 0), idle={0, 1}), ""),  # no day moves so far: reverse split 5 to 1
        (three((1000, 0), (1000, 0), (500, 0), idle={0, 1}), ""),
    ],
)
def test_one_action_is_believed_and_two_in_a_row_are_told_twice(bars, why):
    """A base price moves once beside a true bar; after idle sessions a move within a day's limit may be of trades."""
    assert why_doubtful(*bars) == why
