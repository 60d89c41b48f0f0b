"""What lists of past sessions say otherwise: names, boards, shares, and a code that two instruments had."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.sources.mock.market import SyntheticMarket

pytestmark = pytest.mark.thorough


def said(market: SyntheticMarket, day: date, code: str) -> tuple[str, str, date | None, int | None]:
    """Name, board, listing day and shares of a code in the list of a session."""
    one = next(one for one in market.instruments(day) if one.stock_code == code)
    return one.name, one.market, one.listed_on, one.listed_shares


def test_a_rename(market: SyntheticMarket) -> None:
    """The list of the day before still has the old name."""
    assert said(market, date(2025, 2, 28), "004920")[0] == "옛태온온소프트"
    assert said(market, date(2025, 3, 4), "004920")[0] == "태온온소프트"


def test_a_move_to_another_board(market: SyntheticMarket) -> None:
    """From KOSDAQ to KOSPI, with the day of the move as its listing day from then on; its bars go on."""
    before, after = said(market, date(2023, 8, 31), "009310"), said(market, date(2023, 9, 1), "009310")
    assert before[1:3] == ("KOSDAQ", date(2005, 6, 29))
    assert after[1:3] == ("KOSPI", date(2023, 9, 1))
    first, second = market.daily_bars("009310", date(2023, 8, 31), date(2023, 9, 1))
    assert abs(second.close - second.change - first.close) <= first.close // 500


def test_a_move_with_an_offer(market: SyntheticMarket) -> None:
    """From KONEX to KOSDAQ, from another base than the close before and with the limits of a first day."""
    before, after = said(market, date(2026, 11, 11), "0021P0"), said(market, date(2026, 11, 12), "0021P0")
    assert (before[1:3], after[1:3]) == (("KONEX", date(2024, 10, 28)), ("KOSDAQ", date(2026, 11, 12)))
    assert before[3] == after[3]
    first, second = market.daily_bars("0021P0", date(2026, 11, 11), date(2026, 11, 12))
    base = second.close - second.change
    assert abs(base - first.close) > first.close // 2
    low, high = market.price_limits("0021P0", second.session)
    assert (low, high) == (base * 6 // 10, base * 4)
    assert low <= second.low <= second.high <= high
    base = first.close - first.change
    low, high = market.price_limits("0021P0", first.session)
    assert max(base - low, high - base) <= base * 15 // 100
    assert "0021P0" not in {one.stock_code for one in market.instruments(date(2026, 11, 20))}


def test_days_that_trade_after_hours_alone(market: SyntheticMarket) -> None:
    """None before 14 September 2026; since then some, at the close that is kept, of instruments that nobody halted."""
    week = market.calendar.sessions(date(2026, 9, 7), date(2026, 9, 22))
    codes = [one.stock_code for one in market.instruments(week[0]) if one.market != "KONEX"]
    bars = [bar for code in codes for bar in market.daily_bars(code, week[0], week[-1])]
    late = [bar for bar in bars if bar.volume and not bar.open]
    assert len(late) > 3
    for bar in late:
        assert bar.session >= date(2026, 9, 14)
        assert (bar.high, bar.low, bar.change, bar.trading_value) == (0, 0, 0, bar.volume * bar.close)
        assert market.minute_bars(bar.stock_code, bar.session) == []
        assert not market.instrument(bar.stock_code, bar.session).halted


def test_konex_begins_from_its_opening_price(market: SyntheticMarket) -> None:
    """Its first days keep the ordinary limits, 15 % from the price at which they open."""
    sessions = market.calendar.sessions(date(2024, 1, 2), date(2026, 11, 20))
    listed = [one for one in market.instruments(sessions[-1]) if one.market == "KONEX" and one.listed_on in sessions]
    assert len(listed) > 5
    for one in listed:
        bar = market.daily_bar(one.stock_code, market.listed_on(one.stock_code))
        assert bar is not None
        base = bar.close - bar.change
        assert (bar.open, 85 * base <= 100 * bar.low, 100 * bar.high <= 115 * base) == (base, True, True)


def test_new_shares(market: SyntheticMarket) -> None:
    """A tenth of the shares is new from one session to the next."""
    before, after = said(market, date(2025, 5, 30), "008430")[3], said(market, date(2025, 6, 2), "008430")[3]
    assert (before, after) == (134_147_700, 149_053_000)


def test_a_code_is_used_twice(market: SyntheticMarket) -> None:
    """One instrument until 2010, nobody, and another one since 2021, told apart by name, ISIN and listing day."""
    assert said(market, date(2010, 11, 19), "002730")[:3] == ("첫포레빛반도체", "KOSDAQ", date(1994, 2, 14))
    assert said(market, date(2021, 5, 25), "002730")[:3] == ("마루바이오", "KOSDAQ", date(2021, 5, 25))
    for day in (date(2010, 11, 22), date(2021, 5, 24)):
        assert "002730" not in {one.stock_code for one in market.instruments(day)}
        assert market.daily_bar("002730", day) is None
    isins = {market.instrument("002730", day).isin for day in (date(2010, 11, 19), date(2021, 5, 25))}
    assert isins == {"KR7002730018", "KR7002730000"}
    bars = market.daily_bars("002730", date(2010, 11, 18), date(2021, 5, 26))
    assert [bar.session for bar in bars] == [date(2010, 11, day) for day in (18, 19)] + [
        date(2021, 5, day) for day in (25, 26)
    ]
