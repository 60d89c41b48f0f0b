"""The shapes of charts that KIS does not offer itself."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby

from data_pipeline.market.records import ChartData, MinuteBar, PriceType
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.sources.kis.parse_chart import period_start


def last_session_of(day: date, period: PriceType, quoted: date, sessions: TradingCalendar) -> date:
    """Return the last session so far of the week or month that holds ``day``; for a daily bar, the day itself.

    Args:
        day: Any day of the week or month: which one KIS uses is not documented.
        period: DAILY, WEEKLY or MONTHLY.
        quoted: The session that quotes show now, which ends the running week or month.
        sessions: The exchange's sessions.
    """
    if period is PriceType.DAILY:
        return day
    start = period_start(day, period)
    length = 7 if period is PriceType.WEEKLY else calendar.monthrange(day.year, day.month)[1]
    end = min(start + timedelta(days=length - 1), quoted)
    return end if sessions.is_session(end) else sessions.previous_session(end)


def aggregated(stock_code: str, newest_first: Iterable[MinuteBar], minutes: int) -> Iterator[ChartData]:
    """Yield bars of so many minutes, newest first, each dated by its start (09:05 covers 09:05 to 09:09).

    KIS has one-minute bars only; the 15:30 closing auction has a bar of its own.
    """
    for start, group in groupby(newest_first, lambda bar: bar.at - timedelta(minutes=bar.at.minute % minutes)):
        bars = list(group)
        yield ChartData(
            stock_code=stock_code,
            date=f"{start:%Y%m%d%H%M%S}",
            open_price=bars[-1].open,
            high_price=max(bar.high for bar in bars),
            low_price=min(bar.low for bar in bars),
            close_price=bars[0].close,
            volume=sum(bar.volume for bar in bars),
            trading_value=sum(bar.trading_value for bar in bars),
        )
