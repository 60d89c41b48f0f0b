"""Where raw prices of one code stop being comparable, worked out from its daily bars alone: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Literal, NamedTuple

from data_pipeline.market.price_rules import is_tick_rounding

Kind = Literal["action", "listing", "gap"]
Break = Callable[["Close", "Close"], Kind | Literal["move"] | None]


class Close(NamedTuple):
    """What a daily bar tells about the line of prices."""

    stock_code: str
    session: date
    close: int
    """Won."""
    change: int
    """Close minus the day's base price, won."""
    source: str = ""

    @property
    def base_price(self) -> int:
        """What the session's change and limits are counted from (기준가), won."""
        return self.close - self.change


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A session before which raw prices are not comparable with those from it on."""

    stock_code: str
    session: date
    """The first session of the new prices."""
    kind: Kind
    """``action``: multiply earlier prices by ``factor``. ``listing``: earlier prices are another instrument's. ``gap``:
    bars in between are missing, so nobody can tell."""
    previous_close: int
    base_price: int
    source: str = ""

    @property
    def factor(self) -> Fraction | None:
        """Exactly base price over previous close; None unless it is an ``action``."""
        return Fraction(self.base_price, self.previous_close) if self.kind == "action" else None


def adjoining(before: Close, after: Close) -> Kind | None:
    """Treat any two bars as neighbours: a session without a bar was a suspension."""
    del before, after
    return None


def adjustments(bars: Iterable[Close], break_between: Break = adjoining) -> Iterator[Adjustment]:
    """Yield what happens between the bars of one code, which come in order of session.

    A session counts its change from a base price. Where that is the previous close, or that close rounded up to a tick
    (:func:`~data_pipeline.market.price_rules.is_tick_rounding`), nothing happened; otherwise the exchange moved it for
    a corporate action, and the ratio of the two is the factor. A suspension does not matter: the base of the first
    session after it is compared with the close kept through it. The first bar yields nothing.

    Args:
        bars: Raw bars of one code, oldest first, each session once.
        break_between: Says whether two consecutive bars are of different instruments (``listing``) or have sessions
            missing in between (``gap``); None when they adjoin. A gap does not count when the later base is the earlier
            close. ``move`` is a first day on KOSDAQ after KONEX: it may count from an offer price, and splits no share.
    """
    for before, after in pairwise(bars):
        if (found := adjustment(before, after, break_between)) is not None:
            yield found


def adjustment(before: Close, after: Close, break_between: Break) -> Adjustment | None:
    """Return what happens between two consecutive bars of one code; None for nothing. See :func:`adjustments`."""
    kind, base = break_between(before, after), after.base_price
    same = base == before.close or is_tick_rounding(before.close, base)
    if kind == "move" or (kind != "listing" and same):
        return None
    return Adjustment(after.stock_code, after.session, kind or "action", before.close, base, after.source)


def times(product: Fraction | None, factor: Fraction | None) -> Fraction | None:
    """Return the product; None if either is unknown."""
    return None if product is None or factor is None else product * factor
