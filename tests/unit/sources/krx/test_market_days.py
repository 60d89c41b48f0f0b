"""Whole market days: what they answer, how long they are kept, and what a failure leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from data_pipeline.exceptions import ServerFailureError
from data_pipeline.market.records import DailyBar
from data_pipeline.sources.krx.endpoints import STOCK_BARS
from data_pipeline.sources.krx.market_days import MarketBars, MarketDays

KOSPI, KOSDAQ, _ = STOCK_BARS
DAY, NEXT, LATER = date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20)
BAR = DailyBar("005930", DAY, 69800, 71000, 69200, 70900, 2**40, 2**60, -1320)
LETTERS = replace(BAR, stock_code="0001A0")


@pytest.fixture
def fetched():
    """What was fetched, in order."""
    return []


@pytest.fixture
def days(fetched):
    """Market days of two bars each, of which four bars are kept."""

    def fetch(endpoint, session):
        fetched.append((endpoint.market, session.day))
        return MarketBars(session, [replace(BAR, session=session), replace(LETTERS, session=session)])

    return MarketDays(fetch, most_rows=4)


def test_bars_come_back_as_they_were():
    """Every figure survives, large and negative ones too; a code that is not there is None."""
    day = MarketBars(DAY, [BAR, LETTERS])
    assert (day.get("005930"), day.get("0001A0"), day.get("000000"), day.get("999999")) == (BAR, LETTERS, None, None)
    assert list(day) == [LETTERS, BAR]
    assert len(day) == 2


def test_a_market_day_is_fetched_once(days, fetched):
    """A second question about the same day costs nothing; another market or day does."""
    for endpoint, session in ((KOSPI, DAY), (KOSPI, DAY), (KOSDAQ, DAY), (KOSPI, DAY)):
        assert days.get(endpoint, session).get("005930") == BAR
    assert fetched == [("KOSPI", 18), ("KOSDAQ", 18)]


def test_the_longest_unused_goes_first(days, fetched):
    """Memory is bounded: with room for two days the third pushes out the one not used since."""
    for session in (DAY, NEXT, DAY, LATER, DAY, NEXT):
        days.get(KOSPI, session)
    assert fetched == [("KOSPI", 18), ("KOSPI", 19), ("KOSPI", 20), ("KOSPI", 19)]


def test_a_failure_is_not_kept():
    """After an error the day is asked for again."""
    answers = [ServerFailureError("down"), MarketBars(DAY, [BAR])]

    def fetch(*_):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    days = MarketDays(fetch)
    with pytest.raises(ServerFailureError):
        days.get(KOSPI, DAY)
    assert days.get(KOSPI, DAY).get("005930") == BAR
