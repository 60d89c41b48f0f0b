"""What is wrong with investor flows, by figures made by hand; nothing is in a year of the synthetic market."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.datasets.findings import Context
from data_pipeline.datasets.investor_flow import INVESTOR_FLOW
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.market.investor_records import INSTITUTIONS, KINDS, InvestorFlow, Traded
from data_pipeline.market.records import DailyBar
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.sources.mock.flows import flow_of
from data_pipeline.sources.mock.market import SyntheticMarket

DAY = date(2026, 11, 24)
NOBODY = Traded(0, 0, 0, 0)
FLOW = InvestorFlow(
    "005930", DAY, 1_000, Traded(600, 500, 6 * 10**6, 5 * 10**6), Traded(250, 300, 2 * 10**6, 3 * 10**6),
    Traded(150, 200, 10**6, 2 * 10**6),
    {**dict.fromkeys(KINDS, NOBODY), "bank": Traded(100, 150, 10**6, 10**6), "trust": Traded(50, 50, 0, 10**6)},
)  # fmt: skip


def verdict(*flows, expected=()):
    """Return the verdict on a window of that day."""
    context = Context(krx_calendar(), datetime(2026, 11, 24, 20, 50, tzinfo=SEOUL))
    return judge(flows, INVESTOR_FLOW, Asked((), DAY, DAY, expected), context)


def test_flows_that_add_up_are_loaded():
    """The kinds of institutions make the total, and everybody makes the day's shares."""
    found = verdict(FLOW)
    assert (found.good, found.errors, found.warnings, found.fatal) == ([FLOW], [], [], [])


def test_the_totals_bought_more_than_all_shares():
    """The day's volume is an upper bound: such a row goes to quarantine."""
    found = verdict(replace(FLOW, individual=Traded(700, 500, 0, 0)), replace(FLOW, stock_code="000660"))
    assert [(one.check, one.problem) for one in found.errors] == [
        ("volume", "bought_volume of the three totals is 1,100 of 1,000 shares")
    ]


@pytest.mark.parametrize(
    "flow",
    [
        replace(FLOW, kinds={**FLOW.kinds, "bank": Traded(99, 150, 10**6, 10**6)}),
        replace(FLOW, kinds={**FLOW.kinds, "other_corporation": Traded(1, 0, 0, 0)}),
    ],
)
def test_sums_over_kinds_that_do_not_fit_are_counted(flow):
    """KIS does not say whether other groups are in a total, so the row is loaded with a warning."""
    found = verdict(flow)
    assert ([one.check for one in found.warnings], found.errors) == (["kinds"], [])


@pytest.mark.parametrize(("volume", "refused"), [(1_000, 0), (1_600, 0), (2_500, 1), (400, 1), (0, 1)])
def test_shares_of_another_instrument_are_refused(volume, refused):
    """1,000 shares beside a stored bar of the day: the after-market explains some, and not half of them."""
    prices = (10, 10, 10, 10) if volume else (0, 0, 0, 10)
    bar = DailyBar("005930", DAY, *prices, volume, 10 * volume, 0)
    context = Context(krx_calendar(), datetime(2026, 11, 24, 20, 50, tzinfo=SEOUL), stored=[bar])
    found = judge([FLOW], INVESTOR_FLOW, Asked((), DAY, DAY), context)
    assert [one.check for one in found.errors] == ["day_bar"] * refused


def test_totals_alone_are_no_warning():
    """The virtual server tells no kinds and no volume."""
    found = verdict(replace(FLOW, kinds={}, volume=None))
    assert (found.warnings, found.errors) == ([], [])


def test_a_line_of_the_table_has_every_amount():
    """Three totals and nine kinds, bought before sold, shares before won; unknown kinds are null."""
    table = INVESTOR_FLOW.table
    values = dict(zip(table.columns, table.values(FLOW), strict=True))
    assert len(table.columns) == 3 + 12 * 4
    assert (values["volume"], values["individual_sold_volume"], values["trust_sold_value"]) == (1_000, 500, 10**6)
    assert table.values(replace(FLOW, kinds={}))[15:] == (None,) * 36
    assert len(INSTITUTIONS) == 7


def test_only_some_of_the_kinds_are_no_record():
    """All of them or none."""
    with pytest.raises(ValueError, match="only some of the kinds"):
        replace(FLOW, kinds={"bank": NOBODY})


@pytest.mark.slow
def test_a_year_of_the_synthetic_market_has_nothing_wrong():
    """No warning, no error, no refusal for ten instruments on 250 sessions."""
    market, first, last = SyntheticMarket(), date(2025, 11, 20), date(2026, 11, 20)
    codes = ["005930", "000660", "035720", "247540", "069500", "0001A0", "005380", "000270", "035420", "068270"]
    flows = [flow_of(bar) for code in codes for bar in market.daily_bars(code, first, last)]
    assert len(flows) > 2_000
    context = Context(krx_calendar(), datetime(2026, 11, 24, 20, 50, tzinfo=SEOUL))
    found = judge(flows, INVESTOR_FLOW, Asked((), first, last), context)
    assert (found.errors, found.warnings, found.fatal) == ([], [], [])
