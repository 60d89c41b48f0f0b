"""Ticks, limits and codes against figures of the exchange."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.market import price_rules as rules
from data_pipeline.sources.mock.codes import isin_of

boards = st.sampled_from(["KOSPI", "KOSDAQ", "KONEX", "ETF"])
prices = st.integers(1, 3_000_000)


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        (1, 1), (1_999, 1), (2_000, 5), (4_995, 5), (5_000, 10), (19_990, 10), (20_000, 50), (49_950, 50),
        (50_000, 100), (199_900, 100), (200_000, 500), (499_500, 500), (500_000, 1_000), (1_200_000, 1_000),
    ],
)  # fmt: skip
def test_stock_ticks(price: int, tick: int) -> None:
    """Stocks move in the steps of the table in force since 2023-01-25, the same in all three markets."""
    assert [rules.tick_size(price, market) for market in ("KOSPI", "KOSDAQ", "KONEX")] == [tick] * 3


@pytest.mark.parametrize(("price", "tick"), [(1_999, 1), (2_000, 5), (47_300, 5), (600_000, 5)])
def test_fund_ticks(price: int, tick: int) -> None:
    """Exchange traded funds move by 5 won, below 2,000 won by 1."""
    assert rules.tick_size(price, "ETF") == tick


@pytest.mark.parametrize(
    ("price", "market", "session", "tick"),
    [
        (990, "KOSPI", date(2010, 10, 1), 5),
        (990, "KOSPI", date(2010, 10, 4), 1),
        (1_500, "KOSPI", date(2023, 1, 20), 5),
        (1_500, "KOSPI", date(2023, 1, 25), 1),
        (15_000, "KOSPI", date(2023, 1, 20), 50),
        (150_000, "KOSPI", date(2023, 1, 20), 500),
        (600_000, "KOSPI", date(2001, 1, 2), 1_000),
        (150_000, "KOSDAQ", date(2023, 1, 20), 100),
        (150_000, "KOSDAQ", date(2003, 7, 18), 500),
        (150_000, "KOSDAQ", date(2003, 7, 21), 100),
        (3_000, "KOSDAQ", date(2003, 7, 18), 10),
        (3_000, "KOSDAQ", date(2003, 7, 21), 5),
        (990, "KONEX", date(2013, 7, 1), 1),
        (20_000, "ETF", date(2005, 3, 2), 5),
    ],
)
def test_ticks_of_the_past(price: int, market: str, session: date, tick: int) -> None:
    """Each table ends on the session before the next one begins."""
    assert rules.tick_size(price, market, session) == tick


def test_limits_of_the_past() -> None:
    """15 % before 15 June 2015, 30 % since; KONEX has 15 % to this day."""
    days = date(2001, 1, 2), date(2015, 6, 12), date(2015, 6, 15)
    assert [rules.limit_percent("KOSDAQ", day) for day in days] == [15, 15, 30]
    assert rules.limit_percent("KONEX", date(2026, 11, 20)) == 15


@pytest.mark.parametrize(
    ("base", "market", "lower", "upper"),
    [
        (71_000, "KOSPI", 49_700, 92_300),
        (12_570, "KOSDAQ", 8_800, 16_340),  # 3,771 is cut to 3,770
        (1_234, "KONEX", 1_049, 1_419),  # 185.1 is cut to 185
        (10_005, "ETF", 7_005, 13_005),  # 3,001.5 is cut to 3,000
    ],
)
def test_limit_prices(base: int, market: str, lower: int, upper: int) -> None:
    """Limits are the base less and plus 30 % (KONEX 15 %), cut to the tick of the base."""
    assert rules.limit_prices(base, market) == (lower, upper)


@pytest.mark.parametrize(
    ("price", "up", "down"), [(2_000, 2_005, 1_999), (1_999, 2_000, 1_998), (69_580, 69_600, 69_500)]
)
def test_neighbouring_prices(price: int, up: int, down: int) -> None:
    """The next legal price uses the tick of the side it lies on, also across a change of ticks."""
    assert (rules.next_tick(price, "KOSPI"), rules.previous_tick(price, "KOSPI")) == (up, down)


@given(prices, boards)
def test_rounding(price: int, board: str) -> None:
    """Rounding down, up or to the nearest gives a legal price at most one tick away."""
    tick = rules.tick_size(price, board)
    down, near, up = (rule(price, board) for rule in (rules.floor_to_tick, rules.round_to_tick, rules.ceil_to_tick))
    assert down <= price <= up
    assert near in (down, up)
    assert up - down in (0, tick)
    assert all(legal % rules.tick_size(legal, board) == 0 for legal in (down, near, up))


@pytest.mark.parametrize(
    ("code", "isin"),
    [
        ("005930", "KR7005930003"),
        ("000660", "KR7000660001"),
        ("005935", "KR7005931001"),  # preferred: its last character becomes a serial number
        ("001465", "KR7001461003"),
        ("069500", "KR7069500007"),
    ],
)
def test_isin(code: str, isin: str) -> None:
    """Codes have the ISIN that the exchange gave them."""
    assert isin_of(code) == isin


@pytest.mark.parametrize(
    ("close", "base", "rounded"),
    [
        (10_005, 10_010, True),
        (10_002, 10_005, True),
        (200_250, 200_500, True),
        (10_000, 10_000, False),
        (10_000, 10_010, False),
        (10_005, 10_020, False),
        (10_005, 10_000, False),
        (1_999, 2_000, False),
    ],
)
def test_base_prices_that_were_only_rounded(close, base, rounded):
    """An off-tick close and the tick above it; not a close on a tick, not two ticks, not the tick below."""
    assert rules.is_tick_rounding(close, base) is rounded
