"""What adjusted prices are multiplied by, reckoned one bar at a time, for tests and for the benchmark of truth."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

from data_pipeline.loading.prices.factors import Adjustment, Close, times


def cumulative_factors(bars: Iterable[Close], found: Iterable[Adjustment]) -> dict[date, Fraction | None]:
    """Return what each session's raw price is multiplied by: the product of the factors of all later actions.

    It ends at the next ``listing``, and is None where a later ``gap`` of the same instrument leaves it unknown. The
    view ``market.daily_bar_adjusted`` computes the same in SQL.
    """
    breaks = {one.session: one for one in found}
    factors: dict[date, Fraction | None] = {}
    product: Fraction | None = Fraction(1)
    for bar in sorted(bars, key=lambda bar: bar.session, reverse=True):
        factors[bar.session] = product
        one = breaks.get(bar.session)
        if one is not None:
            product = Fraction(1) if one.kind == "listing" else times(product, one.factor)
    return factors
