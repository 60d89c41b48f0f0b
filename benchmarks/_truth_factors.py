"""Thirty corporate actions made by hand, each with the factors worked out on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from data_pipeline.loading.prices.factors import Close, Kind, adjustments
from data_pipeline.market.trading_calendar import krx_calendar
from tests.support.cumulative_factors import cumulative_factors

SESSIONS = krx_calendar().sessions(date(2026, 8, 3), date(2026, 8, 31))


@dataclass(frozen=True)
class Action:
    """A line of prices and what each day's price is multiplied by."""

    name: str
    days: tuple[tuple[int, int], ...]
    """Close and base price of each session; equal ones stand for a suspended session as well."""
    factors: tuple[str, ...]
    relisted: int | None = None
    """Place of the first session of another instrument."""

    @property
    def closes(self) -> list[Close]:
        """The line as bars."""
        return [
            Close("005930", session, close, close - base)
            for session, (close, base) in zip(SESSIONS, self.days, strict=False)
        ]


def _one(name: str, before: int, base: int, factor: str, after: int | None = None) -> Action:
    return Action(name, ((before, before), (after or base, base)), (factor, "1"))


ACTIONS = (
    _one("split 1 to 50", 2_650_000, 53_000, "1/50", 51_900),
    _one("split 1 to 5", 500_000, 100_000, "1/5", 101_000),
    _one("split 1 to 10", 91_000, 9_100, "1/10"),
    _one("split 1 to 2", 10_000, 5_000, "1/2"),
    _one("split 1 to 100", 1_000_000, 10_000, "1/100"),
    _one("split 1 to 3, base rounded up to a tick", 10_000, 3_335, "667/2000"),
    _one("reverse split 10 to 1", 500, 5_000, "10"),
    _one("reverse split 5 to 1", 1_230, 6_150, "5"),
    _one("reverse split 20 to 1", 310, 6_200, "20"),
    _one("reverse split 3 to 1", 999, 3_000, "1000/333"),
    _one("bonus 100 %", 20_000, 10_000, "1/2"),
    _one("bonus 20 %", 12_000, 10_000, "5/6"),
    _one("bonus 50 %", 30_000, 20_000, "2/3"),
    _one("bonus 200 %", 45_000, 15_000, "1/3"),
    _one("rights at a discount", 10_000, 9_310, "931/1000"),
    _one("rights, two tenths", 55_000, 51_700, "47/50"),
    _one("rights of one tick", 10_000, 9_990, "999/1000"),
    _one("capital reduction 4 to 1", 700, 2_800, "4"),
    _one("dividend in shares 5 %", 10_500, 10_000, "20/21"),
    _one("spin-off", 80_000, 61_300, "613/800"),
    _one("rename", 10_000, 10_000, "1", 10_300),
    _one("rounding of an off-tick close", 10_005, 10_010, "1"),
    _one("rounding of a fund's off-tick close", 10_002, 10_005, "1"),
    _one("rounding of a dear off-tick close", 200_250, 200_500, "1"),
    _one("a split whose close was off tick", 10_005, 5_010, "334/667"),
    Action("split through a suspension", ((9_000, 9_000), (9_000, 9_000), (9_000, 9_000), (1_810, 1_800)),
           ("1/5", "1/5", "1/5", "1")),
    Action("bonus, then a split", ((20_000, 20_000), (10_100, 10_000), (2_000, 2_020)), ("1/10", "1/5", "1")),
    Action("reverse split, then rights", ((500, 500), (5_200, 5_000), (5_000, 4_940)), ("19/2", "19/20", "1")),
    Action("delisted after a split", ((4_000, 4_000), (400, 400), (300, 400), (100, 300)), ("1/10", "1", "1", "1")),
    Action("code reused by an instrument that splits later", ((900, 900), (5_000, 5_000), (4_990, 5_000), (998, 998)),
           ("1", "499/2495", "1/5", "1"), relisted=1),
)  # fmt: skip


def errors() -> Iterator[tuple[str, float]]:
    """Yield each action and how far the largest of its factors is off, as a share of it."""
    for action in ACTIONS:
        bars = action.closes
        first = bars[action.relisted].session if action.relisted is not None else None

        def between(_: Close, after: Close, first: date | None = first) -> Kind | None:
            return "listing" if after.session == first else None

        found = cumulative_factors(bars, adjustments(bars, between))
        off = []
        for bar, text in zip(bars, action.factors, strict=True):
            expected, factor = Fraction(text), found[bar.session]
            off.append(float("inf") if factor is None else abs(float(factor / expected - 1)))
        yield action.name, max(off)
