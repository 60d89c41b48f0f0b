"""What a session of minutes comes to, whatever order and zone its records are in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from data_pipeline.loading.coverage.minute_figures import by_session, figures
from data_pipeline.market.records import MinuteBar
from data_pipeline.market.trading_calendar import SEOUL

NINE = datetime(2026, 9, 22, 9, tzinfo=SEOUL)
BARS = [
    MinuteBar("005930", NINE, 70_000, 70_100, 69_900, 70_000, 10, 700_000),
    MinuteBar("005930", NINE + timedelta(minutes=1), 70_000, 70_200, 70_000, 70_100, 5, 350_500),
]


def test_a_session_comes_to_its_sums_and_bounds():
    """Two minutes: 15 shares, 1,050,500 won, from 69,900 to 70,200."""
    told = figures(BARS)
    assert (told["minutes"], told["volume"], told["trading_value"], told["low"], told["high"]) == (
        2, 15, 1_050_500, 69_900, 70_200,
    )  # fmt: skip
    assert figures([]) == {"minutes": 0, "volume": 0}


def test_order_and_zone_change_nothing():
    """The newest first, and by the clock of London."""
    assert figures(BARS[::-1]) == figures(BARS)
    assert figures([replace(bar, at=bar.at.astimezone(timezone.utc)) for bar in BARS]) == figures(BARS)


@pytest.mark.parametrize("change", [{"open": 70_050}, {"close": 70_050}, {"at": NINE + timedelta(minutes=2)}])
def test_other_minutes_with_the_same_sums_have_another_digest(change):
    """A price between low and high, or a time, is in no sum."""
    other, same = figures([BARS[0], replace(BARS[1], **change)]), figures(BARS)
    assert other.pop("digest") != same.pop("digest")
    assert other == same


def test_minutes_of_a_code_are_told_apart_by_their_day_in_seoul():
    """23:59 UTC on the 21st is 08:59 of the 22nd."""
    early = replace(BARS[0], at=datetime(2026, 9, 21, 23, 59, tzinfo=timezone.utc))
    friday = replace(BARS[0], at=NINE - timedelta(days=4))
    assert [*by_session([early, *BARS])] == [(NINE.date(), [early, *BARS])]
    assert [*by_session([friday, *BARS])] == [(friday.at.date(), [friday]), (NINE.date(), BARS)]
