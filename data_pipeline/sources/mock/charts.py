"""Bars of longer periods, put together from daily and one-minute bars, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import chain, groupby
from operator import attrgetter

from data_pipeline.market.records import ChartData, DailyBar, MinuteBar, PriceType

_DAY_FORMAT = "%Y%m%d"
_MINUTE_FORMAT = "%Y%m%d%H%M%S"


def day_charts(bars: Iterable[DailyBar], period: PriceType) -> Iterator[ChartData]:
    """Yield daily, weekly or monthly bars from daily bars that come newest first.

    A week or month carries the date of its last session. Sessions without a trade add nothing but their close.
    """
    key = _PERIODS[period]
    for _, group in groupby(bars, lambda bar: key(bar.session)):
        newest_first = list(group)
        yield _merged(newest_first, newest_first[0].session.strftime(_DAY_FORMAT))


def minute_charts(bars: Iterable[MinuteBar], minutes: int) -> Iterator[ChartData]:
    """Yield bars of so many minutes, named by their start, from one-minute bars that come newest first."""
    for start, group in groupby(bars, lambda bar: _start_of(bar.at, minutes)):
        yield _merged(list(group), start.strftime(_MINUTE_FORMAT))


def _start_of(at: datetime, minutes: int) -> datetime:
    return at - timedelta(minutes=(at.hour * 60 + at.minute) % minutes)


def _same_day(session: date) -> object:
    return session


def _week(session: date) -> object:
    return session - timedelta(days=session.weekday())


def _month(session: date) -> object:
    return session.year, session.month


_PERIODS: dict[PriceType, Callable[[date], object]] = {
    PriceType.DAILY: _same_day,
    PriceType.WEEKLY: _week,
    PriceType.MONTHLY: _month,
}


def _merged(newest_first: list[DailyBar] | list[MinuteBar], name: str) -> ChartData:
    traded = [bar for bar in newest_first if bar.open]  # in regular hours
    # A fund's close may have moved by quotes after the last trade; the range takes it in.
    quoted = [newest_first[0].close] if traded else []
    return ChartData(
        stock_code=newest_first[0].stock_code,
        date=name,
        open_price=traded[-1].open if traded else 0,
        high_price=max(chain(map(attrgetter("high"), traded), quoted), default=0),
        low_price=min(chain(map(attrgetter("low"), traded), quoted), default=0),
        close_price=newest_first[0].close,
        volume=sum(bar.volume for bar in newest_first),
        trading_value=sum(bar.trading_value for bar in newest_first),
    )
