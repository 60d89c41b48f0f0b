"""Where raw prices break, worked out from bars alone; answers by hand."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.loading.prices.factors import Close, adjustments
from tests.support.cumulative_factors import cumulative_factors

MONDAY = date(2026, 9, 14)


def line(*days):
    """Bars from pairs of close and base price."""
    return [
        Close("005930", MONDAY + timedelta(days=number), close, close - base)
        for number, (close, base) in enumerate(days)
    ]


@pytest.mark.parametrize(
    ("before", "base", "factor"),
    [
        (2_650_000, 53_000, Fraction(1, 50)),
        (500, 5_000, Fraction(10)),
        (10_000, 9_990, Fraction(999, 1000)),
        (10_000, 10_010, Fraction(1001, 1000)),
        (10_005, 10_020, Fraction(668, 667)),
        (10_000, 10_000, None),
        (10_005, 10_005, None),
        (10_005, 10_010, None),
        (10_002, 10_005, None),
        (1_002, 1_005, Fraction(335, 334)),
    ],
)
def test_one_step(before, base, factor):
    """Splits, mergers and single ticks are actions; the same base and the rounding of an off-tick close are not."""
    found = list(adjustments(line((before, before), (base, base))))
    assert [one.factor for one in found] == ([] if factor is None else [factor])


def test_a_gap_leaves_the_prices_before_it_unknown():
    """What lies before the gap has no factor, what lies after it has."""
    bars = line((100, 100), (50, 50), (25, 25))
    found = list(adjustments(bars, lambda _, after: "gap" if after.session == bars[1].session else None))
    assert [one.kind for one in found] == ["gap", "action"]
    assert list(cumulative_factors(bars, found).values()) == [Fraction(1), Fraction(1, 2), None]


def test_another_issue_that_begins_where_the_last_one_ended():
    """The same price by chance: it is another instrument all the same, and nothing before it is adjusted by it."""
    bars = line((100, 100), (100, 100), (50, 50))
    found = list(adjustments(bars, lambda _, after: "listing" if after.session == bars[1].session else None))
    assert [one.kind for one in found] == ["listing", "action"]
    assert list(cumulative_factors(bars, found).values()) == [Fraction(1), Fraction(1, 2), Fraction(1)]


def test_a_gap_over_which_nothing_happened_is_none():
    """When the base is the close kept from before, nothing can have happened in between."""
    assert list(adjustments(line((100, 100), (90, 100)), lambda *_: "gap")) == []


@pytest.mark.thorough
@given(st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 10**7)), min_size=1, max_size=20))
def test_adjusted_returns_are_the_exchanges_own(days):
    """From one session to the next, adjusted closes move by close over base, whatever happened to the base."""
    bars = line(*days)
    found = list(adjustments(bars))
    factors = {session: factor for session, factor in cumulative_factors(bars, found).items() if factor is not None}
    broken = {one.session for one in found}
    for before, after in pairwise(bars):
        moved = Fraction(after.close) * factors[after.session] / (before.close * factors[before.session])
        base = after.base_price if after.session in broken else before.close
        assert moved == Fraction(after.close, base)
