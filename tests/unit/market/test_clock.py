"""The market's clock: real, or fixed and running on."""

from datetime import datetime, timedelta

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.clock import (
    anchored,
    is_fixed,
    market_ahead,
    market_clock,
    market_now,
    real_now,
    require_real_clock,
)
from data_pipeline.market.trading_calendar import SEOUL

FIXED = "2031-05-06T07:08:09+09:00"
"""A moment of its own: a clock runs on from the first look of its process, and other tests fix other moments."""
WITHIN = timedelta(minutes=1)


def test_without_the_variable_it_is_the_machines():
    """An empty value is no value, and there is nothing to hand to child processes."""
    assert abs(market_clock({})() - real_now()) < WITHIN
    assert abs(market_clock({"MARKET_CLOCK": " "})() - real_now()) < WITHIN
    assert anchored({}) == {}
    assert not is_fixed({"MARKET_CLOCK": " "})


@pytest.mark.parametrize("value", [FIXED, "2031-05-06T07:08:09", "2031-05-05T22:08:09+00:00"])
def test_a_fixed_clock_begins_at_its_moment(value):
    """A moment without a zone is Seoul's; the answer is in Seoul."""
    now = market_clock({"MARKET_CLOCK": value})()
    assert timedelta() <= now - datetime(2031, 5, 6, 7, 8, 9, tzinfo=SEOUL) < WITHIN
    assert now.utcoffset() == timedelta(hours=9)


def test_it_runs_on():
    """Two hours after it was fixed it is two hours later."""
    since = (real_now() - timedelta(hours=2)).isoformat()
    now = market_clock({"MARKET_CLOCK": f"{FIXED}@{since}"})()
    assert timedelta() <= now - datetime(2031, 5, 6, 9, 8, 9, tzinfo=SEOUL) < WITHIN


def test_child_processes_share_it():
    """What they are told names the same clock, whenever they begin."""
    told = anchored({"MARKET_CLOCK": FIXED})
    assert set(told) == {"MARKET_CLOCK"}
    assert abs(market_clock(told)() - market_clock({"MARKET_CLOCK": FIXED})()) < timedelta(seconds=1)
    again = anchored(told)
    assert abs(market_clock(again)() - market_clock(told)()) < timedelta(seconds=1)


@pytest.mark.parametrize("value", ["tomorrow", "2027-13-01", f"{FIXED}@yesterday", "@", "5"])
def test_what_is_no_moment_is_refused(value):
    """The message names the variable and shows a right value."""
    with pytest.raises(ConfigurationError, match="MARKET_CLOCK must be a moment like"):
        market_clock({"MARKET_CLOCK": value})


def test_how_far_ahead_it_is():
    """A moment two hours and a half before the real one that it was fixed at; nothing without the variable."""
    value = "2026-09-22T09:00+09:00@2026-09-22T02:30+00:00"
    assert market_ahead({"MARKET_CLOCK": value}) == timedelta(hours=-2, minutes=-30)
    assert market_ahead({}) == timedelta()


def test_a_fixed_clock_leads_to_no_real_server(monkeypatch):
    """The message names the variable and the address; clocks that nobody fixed are good."""
    monkeypatch.delenv("MARKET_CLOCK", raising=False)
    require_real_clock(real_now, "https://vendor")
    require_real_clock(market_clock({}), "https://vendor")
    require_real_clock(market_now, "https://vendor")
    with pytest.raises(ConfigurationError, match=r"MARKET_CLOCK fixes.*lead to https://vendor"):
        require_real_clock(market_clock({"MARKET_CLOCK": FIXED}), "https://vendor")
    monkeypatch.setenv("MARKET_CLOCK", FIXED)
    with pytest.raises(ConfigurationError, match="MARKET_CLOCK fixes"):
        require_real_clock(market_now, "https://vendor")
