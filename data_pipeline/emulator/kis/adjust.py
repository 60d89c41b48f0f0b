"""Adjusted prices (수정주가): older bars restated in today's shares, as the chart endpoint serves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from data_pipeline.emulator.view import MarketView, Moment
from data_pipeline.market.records import DailyBar


def split_days(view: MarketView, code: str, bars: Sequence[DailyBar]) -> list[float]:
    """Return for each bar how many shares one older share became that morning: 1.0 on ordinary days and the first."""
    ratios = [1.0] * min(1, len(bars))
    for before, bar in pairwise(bars):
        base = bar.close - bar.change
        ratios.append(1.0 if base == before.close else view.split_ratio(code, bar.session, before, base))
    return ratios


def adjusted(bars: Sequence[DailyBar], ratios: Sequence[float], later: float = 1.0) -> list[DailyBar]:
    """Return the bars in the shares of the newest day.

    Args:
        bars: Raw bars, oldest first.
        ratios: What :func:`split_days` says of them.
        later: How many shares one share of the newest bar became since.
    """
    restated = []
    factor = later
    for bar, ratio in zip(reversed(bars), reversed(ratios), strict=True):
        restated.append(bar if factor == 1.0 else _restate(bar, factor))
        factor *= ratio
    return restated[::-1]


def splits_since(view: MarketView, code: str, last: DailyBar, moment: Moment) -> float:
    """Return how many shares one share of the bar ``last`` became by splits up to the quoted session."""
    if last.session >= moment.session:
        return 1.0
    market = view.market
    if market.listed_shares(code, last.session) == market.listed_shares(code, moment.session):
        return 1.0
    factor = 1.0
    for ratio in split_days(view, code, view.bars(code, last.session, moment.session, moment)):
        factor *= ratio
    return factor


def _restate(bar: DailyBar, factor: float) -> DailyBar:
    def price(won: int) -> int:
        return max(1, round(won / factor)) if won else 0

    close = price(bar.close)
    return replace(
        bar,
        open=price(bar.open),
        high=price(bar.high),
        low=price(bar.low),
        close=close,
        volume=round(bar.volume * factor),
        change=close - price(bar.close - bar.change),
    )
