"""Sums over instruments beside the figure of a board: what rounding explains is no difference."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.engine.market_flows import Sum, differences
from data_pipeline.market.investor_records import KINDS, TOTALS, MarketFlow
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.sources.mock.flows import flow_of
from data_pipeline.sources.mock.market import SyntheticMarket

DAY = date(2026, 11, 20)
MILLION = 1_000_000


@pytest.mark.parametrize(("told", "differs"), [(9, False), (13, False), (5, False), (14, True), (4, True), (-9, True)])
def test_each_instrument_and_the_board_may_be_off_by_a_million(told, differs):
    """Three instruments with 9 million net: up to four million to either side is rounding."""
    found = [*differences({"foreign": Sum(3, 9 * MILLION)}, MarketFlow("KOSPI", DAY, {"foreign": told * MILLION}))]
    assert bool(found) is differs
    assert all("foreign investors bought net 9,000,000 won by 3 instruments of KOSPI" in one for one in found)


def test_a_kind_that_nobody_tells_is_not_compared():
    """The virtual server's rows have no kinds."""
    assert [*differences({"bank": Sum(0, None)}, MarketFlow("KOSPI", DAY, {"bank": 5 * MILLION}))] == []


@pytest.mark.slow
def test_a_year_of_the_synthetic_market_differs_nowhere():
    """Twelve kinds on 250 sessions of ten instruments, whose exact sums are cut to a million only at the end."""
    market = SyntheticMarket()
    codes = ["005930", "000660", "035720", "247540", "0001A0", "005380", "000270", "035420", "068270", "207940"]
    sessions = krx_calendar().sessions(date(2025, 11, 20), DAY)
    assert len(sessions) > 240
    for session in sessions:
        bars = [bar for code in codes if (bar := market.daily_bar(code, session))]
        rows, exact = [flow_of(bar) for bar in bars], [flow_of(bar, exact=True) for bar in bars]
        sums, net = {}, {}
        for kind in (*TOTALS, *KINDS):
            own = [traded for one in rows if (traded := one.of(kind))]
            sums[kind] = Sum(sum(bool(one.bought_volume + one.sold_volume) for one in own), net_of(own))
            net[kind] = int(net_of([traded for one in exact if (traded := one.of(kind))]) / MILLION) * MILLION
        assert [*differences(sums, MarketFlow("KOSPI", session, net))] == []


def net_of(traded):
    """What these bought less what they sold, won."""
    return sum(one.bought_value - one.sold_value for one in traded)
