"""Walks the pages of KIS charts of days, weeks and months."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from data_pipeline.market.records import PriceType
from data_pipeline.sources.kis.codes import symbol
from data_pipeline.sources.kis.endpoints import DAILY_CHART
from data_pipeline.sources.kis.parse_answer import Call
from data_pipeline.sources.kis.parse_chart import ChartRow, filled_rows, parse_chart, period_start

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
        params = {
            **symbol(stock_code),
            "FID_INPUT_DATE_1": f"{first:%Y%m%d}",
            "FID_INPUT_DATE_2": f"{cursor:%Y%m%d}",
            "FID_PERIOD_DIV_CODE": period.value,
            "FID_ORG_ADJ_PRC": _RAW,
        }
        answer = call(DAILY_CHART, params, stock_code)
        rows = parse_chart(stock_code, answer, first, cursor, period)
        yield answer.at, rows
        if not rows or len(filled_rows(answer)) < (DAILY_CHART.page_size or 0):
            return
        # The week or month before the oldest one: KIS would count its first days as a bar of their own.
        cursor = period_start(rows[-1].day, period) - _ONE_DAY
