"""Walks the pages of KIS charts of days, weeks and months."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache

from data_pipeline.market.records import DailyBar, PriceType
from data_pipeline.sources.kis.codes import symbol
from data_pipeline.sources.kis.endpoints import DAILY_CHART
from data_pipeline.sources.kis.parse_answer import Call
from data_pipeline.sources.kis.parse_chart import (
    ChartRow,
    filled_rows,
    good_bars,
    parse_chart,
    period_start,
    require_head,
)
from data_pipeline.sources.kis.plain_page import plain_bars

_ONE_DAY = timedelta(days=1)
_RAW = "1"
"""FID_ORG_ADJ_PRC here: 1 is raw, 0 adjusted. (inquire-daily-price has it the other way round.)"""


def chart_pages(
    call: Call, stock_code: str, first: date, last: date, period: PriceType = PriceType.DAILY
) -> Iterator[tuple[datetime, list[ChartRow]]]:
    """Yield the server's time and the bars of each page, newest first, from ``last`` back to ``first``, both included.

    One answer holds at most 100 rows, counted back from DATE_2; the next page ends on the day before the oldest row. A
    page that is not full is the last one, so years before a listing cost nothing.

    Source: KIS Developers, 국내주식기간별시세(일/주/월/년).
    """
    cursor = last
    while cursor >= first:
        answer = call(DAILY_CHART, _query(stock_code, first, cursor, period), stock_code)
        rows = parse_chart(stock_code, answer, first, cursor, period)
        yield answer.at, rows
        if not rows or len(filled_rows(answer)) < (DAILY_CHART.page_size or 0):
            return
        # The week or month before the oldest one: KIS would count its first days as a bar of their own.
        cursor = period_start(rows[-1].day, period) - _ONE_DAY


def bar_pages(call: Call, stock_code: str, first: date, last: date) -> Iterator[tuple[datetime, Iterable[DailyBar]]]:
    """Yield the server's time and the daily bars of each page, as :func:`chart_pages` does; plain pages quickly."""
    cursor = last
    while cursor >= first:
        answer = call(DAILY_CHART, _query(stock_code, first, cursor, PriceType.DAILY), stock_code)
        require_head(stock_code, answer)
        bars = plain_bars(stock_code, answer.body.get("output2"), first, cursor)
        if bars is not None:
            yield answer.at, bars
            rows, oldest = len(bars), bars[-1].session
        else:
            found = parse_chart(stock_code, answer, first, cursor)
            yield answer.at, good_bars(stock_code, found)
            rows, oldest = len(filled_rows(answer)) if found else 0, found[-1].day if found else first
        if rows < (DAILY_CHART.page_size or 0):
            return
        cursor = oldest - _ONE_DAY


def _query(stock_code: str, first: date, last: date, period: PriceType) -> dict[str, str]:
    return {
        **symbol(stock_code),
        "FID_INPUT_DATE_1": _text(first),
        "FID_INPUT_DATE_2": _text(last),
        "FID_PERIOD_DIV_CODE": period.value,
        "FID_ORG_ADJ_PRC": _RAW,
    }


@lru_cache(maxsize=1000)
def _text(day: date) -> str:
    return f"{day:%Y%m%d}"
