"""Walks the pages of KIS charts: daily, weekly and monthly bars, and the minutes of one session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta

from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.records import PriceType
from data_pipeline.sources.kis.endpoints import DAILY_CHART, MINUTES_PAST, MINUTES_TODAY, Endpoint
from data_pipeline.sources.kis.parse import symbol
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.parse_chart import (
    ChartRow,
    MinuteRow,
    filled_rows,
    parse_chart,
    parse_minutes,
    period_start,
    traded_today,
)
from data_pipeline.trading_calendar import TradingCalendar

Call = Callable[[Endpoint, Mapping[str, str], str], Answer]

_ONE_DAY, _ONE_MINUTE = timedelta(days=1), timedelta(minutes=1)
_RAW = "1"
"""FID_ORG_ADJ_PRC here: 1 is raw, 0 adjusted. (inquire-daily-price has it the other way round.)"""


def chart_pages(
    call: Call, stock_code: str, first: date, last: date, period: PriceType = PriceType.DAILY
) -> Iterator[tuple[datetime, list[ChartRow]]]:
    """Yield the server's time and the bars of each page, newest first, from ``last`` back to ``first``, both included.

    One answer holds at most 100 rows, counted back from DATE_2; the next page ends on the day before the oldest row.

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


def minute_rows(
    call: Call, stock_code: str, session: date, calendar: TradingCalendar, *, quoted: bool
) -> Iterator[MinuteRow]:
    """Yield the complete minutes of one session, newest first; the running minute and other days' rows are dropped.

    Args:
        call: Sends one call.
        stock_code: Whose minutes.
        session: The session.
        calendar: Its hours.
        quoted: Whether it is the session that the server shows now: its minutes come from 주식당일분봉조회 (30 a page),
            those of past sessions from 주식일별분봉조회 (120 a page, real server only, about a year back).

    Raises:
        IncompleteDataError: The server says that shares were traded in the finished session, and gives no minute.
    """
    endpoint = MINUTES_TODAY if quoted else MINUTES_PAST
    opens_at = calendar.open_at(session)
    cursor = calendar.final_at(session)
    found = False
    while True:
        answer = call(endpoint, _minute_params(endpoint, stock_code, cursor), stock_code)
        rows = parse_minutes(stock_code, answer)
        own = [row for row in rows if row.at.date() == session]
        if own and own[0].at > cursor:
            raise own[0].row.error("stck_cntg_hour", f"is {own[0].at:%H%M%S}, later than {cursor:%H%M%S} as asked")
        found = found or bool(own)
        yield from (row for row in own if row.at + _ONE_MINUTE <= answer.at)
        if len(own) < (endpoint.page_size or 0) or own[-1].at <= opens_at:
            break
        cursor = own[-1].at - _ONE_MINUTE
    if quoted and not found and answer.at >= calendar.final_at(session) and traded_today(answer) > 0:
        raise IncompleteDataError(f"{answer.where}: shares were traded on {session}, but no minute of it came")


def _minute_params(endpoint: Endpoint, stock_code: str, cursor: datetime) -> dict[str, str]:
    params = {**symbol(stock_code), "FID_INPUT_HOUR_1": f"{cursor:%H%M%S}", "FID_PW_DATA_INCU_YN": "N"}
    if endpoint is MINUTES_TODAY:
        return {**params, "FID_ETC_CLS_CODE": ""}
    return {**params, "FID_INPUT_DATE_1": f"{cursor:%Y%m%d}", "FID_FAKE_TICK_INCU_YN": ""}
