"""Minute bars add up to their day, and the day so far grows out of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.market.records import DailyBar
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.sources.mock.market import SyntheticMarket
from tests.support.mock_days import codes, seoul, sessions

TODAY = date(2026, 11, 20)
calendar = krx_calendar()
times_of_day = st.integers(8 * 3600, 24 * 3600 - 1)


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(codes, sessions)
def test_minutes_add_up(market: SyntheticMarket, code: str, session: date) -> None:
    """Volumes and values of the minutes sum to the day's; open, high, low and close are found in them."""
    day, minutes = market.daily_bar(code, session), market.minute_bars(code, session)
    if day is None or day.volume == 0:
        assert minutes == []
        return
    assert sum(bar.volume for bar in minutes) == day.volume
    assert sum(bar.trading_value for bar in minutes) == day.trading_value
    found = minutes[0].open, max(bar.high for bar in minutes), min(bar.low for bar in minutes), minutes[-1].close
    assert found == (day.open, day.high, day.low, day.close)


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(codes, sessions)
def test_minutes_are_possible(market: SyntheticMarket, code: str, session: date) -> None:
    """Each minute follows the one before within trading hours, with a value that its prices allow."""
    opens, closes = calendar.open_at(session), calendar.close_at(session)
    minutes = market.minute_bars(code, session)
    moments = [bar.at for bar in minutes]
    assert moments == sorted(set(moments))
    for bar in minutes:
        assert opens <= bar.at < closes - timedelta(minutes=10) or bar.at == closes
        assert bar.low * bar.volume <= bar.trading_value <= bar.high * bar.volume
        assert bar.at < closes or bar.open == bar.high == bar.low == bar.close


@pytest.mark.thorough
def test_liquid_day(market: SyntheticMarket) -> None:
    """A liquid instrument trades in all 380 minutes from 09:00 to 15:19 and in the auction at 15:30."""
    moments = [bar.at for bar in market.minute_bars("005930", TODAY)]
    assert len(moments) == 381
    assert (moments[0], moments[-2], moments[-1]) == (seoul(TODAY, 9, 0), seoul(TODAY, 15, 19), seoul(TODAY, 15, 30))


def test_examination_day(market: SyntheticMarket) -> None:
    """On the day of the college entrance examination everything is an hour later."""
    day = date(2026, 11, 19)
    moments = [bar.at for bar in market.minute_bars("005930", day)]
    assert (moments[0], moments[-2], moments[-1]) == (seoul(day, 10, 0), seoul(day, 16, 19), seoul(day, 16, 30))
    assert len(moments) == 381


def test_first_session_of_the_year(market: SyntheticMarket) -> None:
    """The year's first session has an hour less."""
    moments = [bar.at for bar in market.minute_bars("005930", date(2026, 1, 2))]
    assert (moments[0].hour, len(moments)) == (10, 321)


@pytest.mark.thorough
def test_illiquid_day(market: SyntheticMarket) -> None:
    """Issues that hardly trade skip most minutes."""
    konex = [one.stock_code for one in market.instruments(TODAY) if one.market == "KONEX"]
    counts = [len(market.minute_bars(code, TODAY)) for code in konex]
    assert any(0 < count < 100 for count in counts)


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(codes, sessions, times_of_day, times_of_day)
def test_day_only_grows(market: SyntheticMarket, code: str, session: date, one: int, other: int) -> None:
    """During the day volume, value and high never fall, and the change always counts from the same base."""
    early, late = (_so_far(market, code, session, second) for second in sorted((one, other)))
    if early is None or late is None:
        assert early is late
        return
    assert early.session == session
    assert early.volume <= late.volume
    assert early.trading_value <= late.trading_value
    assert early.high <= late.high
    assert early.close - early.change == late.close - late.change == market.base_price(code, session)


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(codes, sessions, times_of_day)
def test_the_day_so_far_is_the_sum_of_its_minutes(
    market: SyntheticMarket, code: str, session: date, second: int
) -> None:
    """However it is worked out, it is what the bars that have ended add up to."""
    at = seoul(session, 0, 0) + timedelta(seconds=second)
    day, bars = market.day_so_far(code, at), market.minute_bars_so_far(code, at)
    if day is None or not bars:
        assert day is None or day.volume == 0
        return
    assert (day.open, day.close) == (bars[0].open, bars[-1].close)
    assert (day.high, day.low) == (max(bar.high for bar in bars), min(bar.low for bar in bars))
    assert day.volume == sum(bar.volume for bar in bars)
    assert day.trading_value == sum(bar.trading_value for bar in bars)


def _so_far(market: SyntheticMarket, code: str, session: date, second: int) -> DailyBar | None:
    return market.day_so_far(code, seoul(session, 0, 0) + timedelta(seconds=second))


def test_before_the_first_trade(market: SyntheticMarket) -> None:
    """Before the open the close is the base price and nothing has traded."""
    bar = market.day_so_far("005930", seoul(TODAY, 8, 30))
    assert bar == DailyBar("005930", TODAY, 0, 0, 0, 69_580, 0, 0, 0)


def test_a_minute_counts_when_it_is_over(market: SyntheticMarket) -> None:
    """At 09:01:00 the day is its first minute; a second earlier it has not begun."""
    first = market.minute_bars("005930", TODAY)[0]
    assert market.minute_bars_so_far("005930", seoul(TODAY, 9, 0, 59)) == []
    assert market.minute_bars_so_far("005930", seoul(TODAY, 9, 1)) == [first]
    day = market.day_so_far("005930", seoul(TODAY, 9, 1))
    assert day is not None
    assert (day.open, day.high, day.low, day.close, day.volume) == (
        first.open, first.high, first.low, first.close, first.volume,
    )  # fmt: skip


@pytest.mark.parametrize("at", [seoul(TODAY, 15, 30), seoul(TODAY, 23, 0), seoul(date(2026, 11, 22), 12, 0)])
def test_after_the_close(market: SyntheticMarket, at: datetime) -> None:
    """From the close until the next session the day so far is the whole day."""
    assert market.day_so_far("005930", at) == market.daily_bar("005930", TODAY)


def test_before_the_auction(market: SyntheticMarket) -> None:
    """While the closing auction collects orders, its volume is not counted yet."""
    day = market.day_so_far("005930", seoul(TODAY, 15, 29, 59))
    auction = market.minute_bars("005930", TODAY)[-1]
    assert day is not None
    assert day.volume == 25_483_920 - auction.volume


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(codes, sessions)
def test_a_minute_can_be_made_of_trades(market: SyntheticMarket, code: str, session: date) -> None:
    """One share at its open, high, low and close each, and the rest between low and high, can have its value."""
    for bar in market.minute_bars(code, session):
        if bar.at == calendar.close_at(session):
            continue
        own = [bar.open, bar.close, *({bar.high, bar.low} - {bar.open, bar.close})]
        rest = bar.volume - len(own)
        assert rest >= 0
        assert sum(own) + rest * bar.low <= bar.trading_value <= sum(own) + rest * bar.high
