"""Bars of days, weeks, months and years for the charts, raw or adjusted (수정주가): restated in today's shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby, pairwise

from data_pipeline.emulator.kis.view import MarketView, Moment
from data_pipeline.market.records import DailyBar

PAGE = 100
REACH = {"D": 150, "W": 7, "M": 31, "Y": 366}
"""Calendar days that surely hold 100 rows: 150 for the whole page of days, the others for each row."""
LONGEST = timedelta(days=366)


def window(
    view: MarketView, moment: Moment, code: str, span: tuple[date, date], period: str, *, raw: bool
) -> list[tuple[DailyBar, float]]:
    """Return the bars of a period from the first to the last day of ``span``, oldest first, each with its split.

    At least the newest 100 are among them, if so many exist. A week, month or year stands under its last session.
    """
    first, last = span
    reach = timedelta(days=REACH[period] * (1 if period == "D" else PAGE))
    start = max(first, min(last, moment.session) - reach)
    # A week or a year that begins before the first day counts whole, and the first bar needs the one before it.
    lead = timedelta(days=15) if period == "D" else LONGEST
    bars = view.bars(code, max(start - lead, view.calendar.first_day), last, moment)
    if not bars:
        return []
    ratios = split_days(view, code, bars)
    if not raw:
        bars = adjusted(bars, ratios, splits_since(view, code, bars[-1], moment))
    if period != "D":
        bars, ratios = merge(bars, ratios, period)
    return [(bar, ratio) for bar, ratio in zip(bars, ratios, strict=True) if bar.session >= first]


def merge(bars: Sequence[DailyBar], ratios: Sequence[float], period: str) -> tuple[list[DailyBar], list[float]]:
    """Return one bar for each week, month or year, under its last session, with the splits that fell into it."""
    merged: list[DailyBar] = []
    splits: list[float] = []
    days = zip(bars, ratios, strict=True)
    for _, group in groupby(days, key=lambda day: _period_of(day[0].session, period)):
        members = list(group)
        merged.append(_merge([bar for bar, _ in members], merged[-1] if merged else None))
        factor = 1.0
        for _, ratio in members:
            factor *= ratio
        splits.append(factor)
    return merged, splits


def _merge(bars: Sequence[DailyBar], before: DailyBar | None) -> DailyBar:
    traded = [bar for bar in bars if bar.high]
    last = bars[-1]
    base = before.close if before else bars[0].close - bars[0].change
    return replace(
        last,
        open=traded[0].open if traded else 0,
        # A fund's close may have moved by quotes after the last trade. What KIS does then is not known.
        high=max(last.close, *(bar.high for bar in traded)) if traded else 0,
        low=min(last.close, *(bar.low for bar in traded)) if traded else 0,
        close=last.close,
        volume=sum(bar.volume for bar in bars),
        trading_value=sum(bar.trading_value for bar in bars),
        change=last.close - base,
    )


def _period_of(day: date, period: str) -> tuple[int, ...]:
    if period == "W":
        return day.isocalendar()[:2]
    return (day.year, day.month) if period == "M" else (day.year,)


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
