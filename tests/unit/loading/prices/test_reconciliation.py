"""Which differences between provisional and official bars are told, and which of them are explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from data_pipeline.loading.prices.reconciliation import differences
from data_pipeline.market.records import DailyBar

BEFORE, SINCE = date(2026, 9, 11), date(2026, 9, 15)
"""The after-market began on 14 September 2026."""
BAR = DailyBar("005930", SINCE, 69800, 71000, 69200, 70900, 11_089_851, 780_000_000_000, 1320)


def compare(provisional, official, session=SINCE, known=None):
    """Return kind, both values, whether explained and whether expected, of each difference."""
    mine = {bar.stock_code: replace(bar, session=session) for bar in provisional}
    theirs = [replace(bar, session=session) for bar in official]
    found = differences(mine, theirs, session, known)
    return [(one.stock_code, one.kind, one.provisional, one.official, one.after_market, one.expected) for one in found]


def test_equal_bars_have_no_difference():
    """Nothing is told of bars that say the same."""
    assert compare([BAR], [BAR]) == []


@pytest.mark.parametrize(("known", "expected"), [(None, None), (False, True), (True, False)])
def test_a_larger_official_volume_may_be_the_after_market(known, expected):
    """KRX counts 16:00 to 20:00; whether that is expected depends on what KIS is known to count."""
    official = replace(BAR, volume=11_435_506, trading_value=805_000_000_000)
    assert compare([BAR], [official], known=known) == [
        ("005930", "volume", 11_089_851, 11_435_506, True, expected),
        ("005930", "trading_value", 780_000_000_000, 805_000_000_000, True, expected),
    ]


@pytest.mark.parametrize(("known", "expected"), [(None, None), (False, False), (True, True)])
def test_another_close_may_be_the_evenings_last_price(known, expected):
    """A bar that goes on to 20:00 closes otherwise than at 15:30."""
    assert compare([replace(BAR, close=71000, change=1420)], [BAR], known=known) == [
        ("005930", "close", 71000, 70900, True, expected),
        ("005930", "change", 1420, 1320, True, expected),
    ]


def test_nothing_is_explained_before_the_after_market_began():
    """Until 11 September 2026 every difference is a real one, whatever the setting says."""
    official = replace(BAR, volume=12_000_000)
    assert compare([BAR], [official], BEFORE, known=False) == [
        ("005930", "volume", 11_089_851, 12_000_000, False, False)
    ]


@pytest.mark.parametrize("change", [{"open": 69900}, {"volume": 11_000_000}])
def test_what_the_after_market_cannot_do(change):
    """It changes no first price and takes no shares away."""
    ((_, kind, _, _, explained, expected),) = compare([BAR], [replace(BAR, **change)])
    assert (kind, explained, expected) == (next(iter(change)), False, False)


def test_what_one_side_lacks():
    """A bar that only one side has is told with its close."""
    other, third = replace(BAR, stock_code="000660"), replace(BAR, stock_code="0001A0")
    assert compare([BAR, third], [BAR, other]) == [
        ("000660", "missing_provisional", None, 70900, False, False),
        ("0001A0", "missing_official", 70900, None, False, False),
    ]
