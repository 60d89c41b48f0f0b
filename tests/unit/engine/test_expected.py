"""Which rows must come, and what is made of those that did not.

Facts: 21, 22 and 23 September 2026 are sessions.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date

import pytest

from data_pipeline.engine.expected import (
    expected_cells,
    missing_bars,
    require_every_market,
    require_one_code_each,
    require_same_calendar,
)
from data_pipeline.exceptions import CalendarMismatchError, IncompleteDataError, PayloadError
from data_pipeline.loading.instruments.listing import Listing
from data_pipeline.market.records import DailyBar, Instrument, MarketDay
from data_pipeline.market.window import Window

MONDAY, TUESDAY, WEDNESDAY = date(2026, 9, 21), date(2026, 9, 22), date(2026, 9, 23)


def bar(code, session):
    """A bar that traded."""
    return DailyBar(code, session, 100, 110, 90, 105, 10, 1000, 5)


def issue(code, market):
    """A listed instrument."""
    return Instrument(code, "KR7005930003", "이름", market, "ST", MONDAY)


def test_an_issue_is_expected_while_it_was_surely_listed():
    """From its first day to the last list that has it: not before, and not on days no list vouches for."""
    window = Window(("005930", "0001A0"), MONDAY, WEDNESDAY)
    listings = [Listing("005930", date(1975, 6, 11), TUESDAY), Listing("0001A0", TUESDAY, WEDNESDAY)]
    assert expected_cells(window, listings) == {
        ("005930", MONDAY), ("005930", TUESDAY), ("0001A0", TUESDAY), ("0001A0", WEDNESDAY),
    }  # fmt: skip


def test_a_missing_bar_is_counted_and_named(caplog):
    """One instrument without its bar does not stop the others, but somebody reading the log sees which."""
    expected = {("005930", MONDAY), ("000660", MONDAY)}
    with caplog.at_level(logging.WARNING):
        assert missing_bars([bar("005930", MONDAY)], expected) == 1
    assert "000660 on 2026-09-21" in caplog.text


def test_nothing_missing_says_nothing(caplog):
    """Bars beyond the expected ones are welcome."""
    assert missing_bars([bar("005930", MONDAY), bar("000660", MONDAY)], {("005930", MONDAY)}) == 0
    assert caplog.text == ""


def test_a_session_without_any_bar_fails_the_window():
    """The source left out a day on which listed instruments must have bars."""
    expected = {("005930", MONDAY), ("005930", TUESDAY)}
    with pytest.raises(IncompleteDataError, match="2026-09-22"):
        missing_bars([bar("005930", MONDAY)], expected)


def test_every_market_must_have_issues():
    """A list without KONEX is a list whose third file was not read."""
    with pytest.raises(IncompleteDataError, match="KONEX"):
        require_every_market([issue("005930", "KOSPI"), issue("035720", "KOSDAQ")])


def test_a_closure_that_the_calendar_does_not_know_is_an_error():
    """An election day that the source knows of, the calendar file has to learn."""
    require_same_calendar([MarketDay(MONDAY, is_open=True), MarketDay(date(2026, 9, 24), is_open=False)])
    with pytest.raises(CalendarMismatchError, match=r"2026-09-21 \(closed by the source\)"):
        require_same_calendar([MarketDay(MONDAY, is_open=False)])


def test_days_beyond_the_calendar_are_left_out():
    """The source may look further ahead than the calendar file, on whose days nothing is scheduled."""
    require_same_calendar([MarketDay(date(2099, 1, 1), is_open=True)])


def test_two_instruments_of_a_list_never_have_one_isin():
    """One of the rows is of another instrument: the list is refused, and both are named."""
    pair = [
        replace(issue("005930", "KOSPI"), isin="KR7005930003"),
        replace(issue("000660", "KOSPI"), isin="KR7005930003"),
    ]
    with pytest.raises(PayloadError, match="KR7005930003 to 005930 and to 000660"):
        require_one_code_each(pair)
    require_one_code_each([pair[0], replace(pair[1], isin="KR7000660001")])
