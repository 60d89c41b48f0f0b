"""The synthetic market against the rules of the exchange and the product's README."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.exceptions import CalendarRangeError, InvalidRequestError, UnknownStockError
from data_pipeline.market.records import DailyBar
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.sources.mock.market import SyntheticMarket

pytestmark = pytest.mark.thorough

TODAY = date(2026, 11, 20)
calendar = krx_calendar()
CODES = sorted(SyntheticMarket()._issues)
SESSIONS = calendar.sessions(date(2001, 1, 1), date(2027, 12, 31))
codes = st.sampled_from(CODES)
sessions = st.sampled_from(SESSIONS[1:])


def stock_tick(price: int) -> int:
    """The table of the exchange, written once more."""
    steps = ((2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500))
    return next((tick for bound, tick in steps if price < bound), 1_000)


def tick_of(market: SyntheticMarket, code: str, price: int) -> int:
    """The tick of an instrument at a price."""
    return (1 if price < 2_000 else 5) if market.sector(code) == "ETF" else stock_tick(price)


def test_reference_example(market: SyntheticMarket) -> None:
    """Samsung Electronics reads like the example of the README."""
    bar = market.daily_bar("005930", TODAY)
    assert bar is not None
    assert (bar.close, bar.change, bar.volume) == (71_000, 1_420, 25_483_920)
    assert datetime(2026, 11, 20, 20, 30, tzinfo=SEOUL) == market.REFERENCE_NOW
    assert market.english_name("005930") == "Samsung Electronics"


def test_session_before_the_reference(market: SyntheticMarket) -> None:
    """The session before the example closes on its base price."""
    bar = market.daily_bar("005930", date(2026, 11, 19))
    assert bar is not None
    assert bar.close == 69_580


def test_recent_years_of_the_reference(market: SyntheticMarket) -> None:
    """Samsung Electronics has traded in one range over the last years, so that charts look sensible."""
    closes = [bar.close for bar in market.daily_bars("005930", date(2022, 1, 1), TODAY)]
    assert min(closes) >= 50_000
    assert max(closes) <= 95_000


def test_number_of_instruments(market: SyntheticMarket) -> None:
    """About 2,700 stocks and 60 funds are listed, most of them on KOSDAQ."""
    listed = market.instruments(TODAY)
    boards = Counter((one.market, one.security_group) for one in listed)
    assert boards == {("KOSPI", "ST"): 940, ("KOSPI", "EF"): 60, ("KOSDAQ", "ST"): 1650, ("KONEX", "ST"): 110}


def test_instruments_are_in_order(market: SyntheticMarket) -> None:
    """The list is in order of stock code and says the day it belongs to."""
    listed = market.instruments(TODAY)
    assert [one.stock_code for one in listed] == sorted({one.stock_code for one in listed})
    assert {one.as_of for one in listed} == {TODAY}


def test_names_are_unique(market: SyntheticMarket) -> None:
    """No two instruments of all years share a code, an ISIN or a name in either language."""
    issues = market._issues.values()
    for attribute in ("code", "isin", "name", "english_name"):
        assert len({getattr(issue, attribute) for issue in issues}) == len(CODES)


def test_letter_codes(market: SyntheticMarket) -> None:
    """Issues listed since 2024 carry a letter at the fifth place, never I, O or U; some older preferreds end in K."""
    listed = market.instruments(TODAY)
    for one in listed:
        new = one.listed_on is not None and one.listed_on >= date(2024, 1, 1)
        assert re.fullmatch(r"\d{4}[A-HJ-NP-TV-Z]0" if new else r"\d{5}[\dK]", one.stock_code)
    assert market.instrument("0001A0", TODAY).name
    assert any(one.stock_code.endswith("K") and one.preferred for one in listed)


def test_something_of_everything(market: SyntheticMarket) -> None:
    """On one day there are halts, instruments without trades, managed and preferred ones, and prices on the limit."""
    listed = market.instruments(TODAY)
    bars = [market.daily_bar(one.stock_code, TODAY) for one in listed]
    untraded = [bar for bar in bars if bar is not None and bar.volume == 0]
    halted = [one.halted for one in listed]
    assert None not in halted
    assert len(untraded) > halted.count(True) >= 20
    assert any(one.managed for one in listed)
    assert any(one.liquidation for one in listed)
    assert sum(one.preferred for one in listed) == 105
    assert any(bar is not None and bar.volume and on_upper_limit(market, bar) for bar in bars)


def test_a_thin_fund_closes_by_its_quotes(market: SyntheticMarket) -> None:
    """On some sessions a small fund has no trade and yet another close: no minute, and the next base is that close."""
    funds = [one.stock_code for one in market.instruments(TODAY) if one.security_group == "EF"]
    days = calendar.sessions(date(2026, 10, 1), TODAY)
    bars = [bar for code in funds for bar in market.daily_bars(code, days[0], days[-2])]
    quoted = [bar for bar in bars if bar.volume == 0 and bar.change]
    assert 10 <= len(quoted) <= len(bars) // 20
    assert "069500" not in {bar.stock_code for bar in quoted}
    for bar in quoted:
        following = calendar.next_session(bar.session)
        assert (bar.open, bar.high, bar.low, bar.trading_value) == (0, 0, 0, 0)
        assert market.minute_bars(bar.stock_code, bar.session) == []
        assert market.base_price(bar.stock_code, following) == bar.close
        noon = market.day_so_far(bar.stock_code, calendar.open_at(bar.session) + timedelta(hours=3))
        assert noon is not None
        assert (noon.close, noon.change, noon.volume) == (bar.close - bar.change, 0, 0)


def on_upper_limit(market: SyntheticMarket, bar: DailyBar) -> bool:
    """Whether a bar closes on the highest legal price of its day."""
    upper = market.price_limits(bar.stock_code, bar.session)[1]
    return upper - bar.close < tick_of(market, bar.stock_code, bar.close)


def test_unknown_code(market: SyntheticMarket) -> None:
    """A code that was never listed is an error in every question."""
    for ask in (market.daily_bar, market.minute_bars, market.instrument, market.base_price):
        with pytest.raises(UnknownStockError, match="999999"):
            ask("999999", TODAY)


def test_closed_day(market: SyntheticMarket) -> None:
    """A day without a session is an error, not an empty answer."""
    with pytest.raises(InvalidRequestError, match="2026-11-21"):
        market.daily_bar("005930", date(2026, 11, 21))
    with pytest.raises(CalendarRangeError, match="2041"):
        market.daily_bar("005930", date(2041, 1, 2))


def test_well_known_split(market: SyntheticMarket) -> None:
    """Samsung's split of 2018 comes after a halt; base price, par value and shares move fifty-fold."""
    days = market.daily_bars("005930", date(2018, 4, 27), date(2018, 5, 4))
    assert [bar.volume > 0 for bar in days] == [True, False, False, False, True]
    assert market.base_price("005930", date(2018, 5, 4)) == pytest.approx(days[3].close / 50, abs=100)
    before, after = (market.instrument("005930", day) for day in (date(2018, 5, 3), date(2018, 5, 4)))
    assert (before.face_value, after.face_value) == (5_000, 100)
    assert before.listed_shares is not None
    assert after.listed_shares == before.listed_shares * 50
    assert (before.halted, after.halted) == (True, False)


def test_new_listing(market: SyntheticMarket) -> None:
    """An instrument is unknown before its listing, and trades from 60 % to 400 % of its offer price on day one."""
    first_days = {market.listed_on(code): code for code in CODES if date(2001, 2, 1) < market.listed_on(code) <= TODAY}
    assert max(first_days) >= date(2026, 10, 1)
    for day, code in list(first_days.items())[:60]:
        before = calendar.previous_session(day)
        assert market.daily_bar(code, before) is None
        with pytest.raises(UnknownStockError):
            market.instrument(code, before)
        base = market.base_price(code, day)
        lower, upper = market.price_limits(code, day)
        bar = market.daily_bar(code, day)
        assert bar is not None
        assert bar.volume > 0
        assert 0.59 * base <= lower <= bar.low
        assert bar.high <= upper <= 4 * base


def test_the_list_grows_from_2001_on(market: SyntheticMarket) -> None:
    """An instrument listed in 2002 is unknown the day before and trades for the first time on its own day."""
    day = market.listed_on("069500")
    assert day == date(2002, 10, 14)
    assert market.daily_bar("069500", calendar.previous_session(day)) is None
    first = market.daily_bar("069500", day)
    assert first is not None
    assert first.volume > 0
    listed = [len(market.instruments(calendar.next_session(date(year, 6, 1)))) for year in (2001, 2005, 2009)]
    assert listed == sorted(set(listed))


def test_the_path_does_not_jump_where_its_two_spans_meet(market: SyntheticMarket) -> None:
    """Through the session on which the two spans of the path meet, prices stay within the day's limits."""
    days = calendar.sessions(date(2009, 9, 1), date(2010, 1, 29))
    for code in CODES[::25]:
        for day in days:
            bar = market.daily_bar(code, day)
            if bar is not None and bar.volume:
                lower, upper = market.price_limits(code, day)
                assert lower <= bar.low <= bar.high <= upper


def test_delisting(market: SyntheticMarket) -> None:
    """A delisted instrument has no bars from its end on, and its instrument stays as it was on the last session."""
    ends = {code: market.delisted_on(code) for code in CODES}
    past = {code: end for code, end in ends.items() if end is not None and end <= TODAY}
    assert max(past.values()) >= date(2026, 9, 1)
    for code, end in list(past.items())[:60]:
        last = calendar.previous_session(end)
        assert market.daily_bar(code, end) is None
        assert market.daily_bar(code, last) is not None
        assert market.instrument(code, TODAY).as_of == last


def test_any_order_of_questions(market: SyntheticMarket) -> None:
    """A fresh market asked backwards answers the same as one that was asked before."""
    fresh = SyntheticMarket()
    days = calendar.sessions(date(2026, 9, 1), TODAY)
    backwards = [fresh.daily_bar("035720", day) for day in reversed(days)]
    assert backwards[::-1] == market.daily_bars("035720", days[0], days[-1])


def test_other_seed() -> None:
    """Another seed gives other prices, but the reference example stays."""
    other, same = SyntheticMarket(seed=1), SyntheticMarket()
    bar = other.daily_bar("005930", TODAY)
    assert bar is not None
    assert (bar.close, bar.change, bar.volume) == (71_000, 1_420, 25_483_920)
    assert other.daily_bar("000660", date(2020, 5, 6)) != same.daily_bar("000660", date(2020, 5, 6))


@settings(max_examples=400, deadline=None)
@given(codes, sessions)
def test_daily_bar_keeps_the_rules(market: SyntheticMarket, code: str, session: date) -> None:
    """Prices are within the day's limits and on tick, the value fits the volume, and the change is to the base."""
    bar = market.daily_bar(code, session)
    if bar is None:
        assert not market.listed_on(code) <= session < (market.delisted_on(code) or date.max)
        return
    assert bar.close - bar.change == market.base_price(code, session)
    if bar.volume == 0:
        assert (bar.open, bar.high, bar.low, bar.trading_value) == (0, 0, 0, 0)
        assert bar.change == 0 or market.instrument(code, session).security_group == "EF"
        return
    lower, upper = market.price_limits(code, session)
    assert lower <= bar.low
    assert bar.high <= upper
    assert bar.low * bar.volume <= bar.trading_value <= bar.high * bar.volume
    for price in (bar.open, bar.high, bar.low, bar.close):
        assert price % tick_of(market, code, price) == 0 or is_midpoint(market, bar, price)


def is_midpoint(market: SyntheticMarket, bar: DailyBar, price: int) -> bool:
    """The only legal price off tick is a close at half a tick; the pinned example is the one exception."""
    tick = tick_of(market, bar.stock_code, price)
    pinned = (bar.stock_code, bar.session) == ("005930", date(2026, 11, 19))
    return price == bar.close and (price % tick == tick // 2 or pinned)


@settings(max_examples=400, deadline=None)
@given(codes, sessions)
def test_base_follows_the_close(market: SyntheticMarket, code: str, session: date) -> None:
    """The base is the close before, rounded up to a tick, unless shares were split or nothing trades at all."""
    bar = market.daily_bar(code, session)
    before = market.daily_bar(code, calendar.previous_session(session))
    if bar is None or before is None:
        return
    if bar.volume == 0 and market.instrument(code, session).security_group != "EF":
        assert bar.close == before.close
        return
    shares = [market.listed_shares(code, one.session) for one in (before, bar)]
    if shares[0] == shares[1] and (code, session) != ("005930", TODAY):
        base, tick = bar.close - bar.change, tick_of(market, code, before.close)
        assert base - before.close == -before.close % tick


@settings(max_examples=200, deadline=None)
@given(codes, sessions)
def test_price_limits(market: SyntheticMarket, code: str, session: date) -> None:
    """On an ordinary day the limits are within 30 % of the base, 15 % on KONEX."""
    if market.daily_bar(code, session) is None or market.listed_on(code) == session:
        return
    one = market.instrument(code, session)
    if one.liquidation:
        return
    assert one.base_price is not None
    lower, upper = market.price_limits(code, session)
    share = 15 if one.market == "KONEX" else 30
    assert (upper - one.base_price) * 100 <= one.base_price * share
    assert upper - one.base_price == one.base_price - lower


@settings(max_examples=12, deadline=None)
@given(sessions)
def test_list_agrees_with_bars(market: SyntheticMarket, session: date) -> None:
    """On any session exactly the listed instruments have a bar."""
    listed = {one.stock_code for one in market.instruments(session)}
    sample = CODES[:: max(len(CODES) // 80, 1)]
    assert {code for code in sample if market.daily_bar(code, session) is not None} == listed & set(sample)


@pytest.mark.parametrize(
    ("code", "session", "close", "base"),
    [("317880", date(2022, 11, 4), 2_887, 2_890), ("343760", date(2024, 7, 19), 7_915, 7_920)],
)
def test_midpoint_close(market: SyntheticMarket, code: str, session: date, close: int, base: int) -> None:
    """A close between two ticks, as trades at the midpoint leave it, is rounded up for the next day's base."""
    bar = market.daily_bar(code, session)
    assert bar is not None
    assert (bar.close, market.base_price(code, calendar.next_session(session))) == (close, base)


@pytest.mark.parametrize(
    ("code", "session"),
    [("361570", date(2026, 6, 1)), ("401460", date(2021, 7, 12)), ("491860", date(2020, 3, 31))],
)
def test_no_surge_without_a_way_back(market: SyntheticMarket, code: str, session: date) -> None:
    """A price is not put on its upper limit where the next day could not come back within its own limits."""
    after = calendar.next_session(session)
    bar = market.daily_bar(code, after)
    assert bar is not None
    assert market.price_limits(code, after)[0] <= bar.low
