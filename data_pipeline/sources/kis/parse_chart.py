"""Answers about the past: daily, weekly and monthly bars, and one-minute bars. Pure functions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from operator import attrgetter

from data_pipeline.exceptions import UnknownStockError
from data_pipeline.market.records import ChartData, DailyBar, PriceType
from data_pipeline.market.rejections import keep_good, reject
from data_pipeline.sources.kis.codes import short_code
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.parse_fields import Row

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One bar of inquire-daily-itemchartprice."""

    stock_code: str
    day: date
    row: Row

    @property
    def candle(self) -> dict[str, int]:
        """Its prices, volume and value; a malformed one is an error of this row alone, not of its page.

        Raises:
            PayloadError: A field is missing or malformed.
        """
        row = self.row
        volume, value = row.integer("acml_vol"), row.integer("acml_tr_pbmn")
        return row.traded_candle("stck_oprc", "stck_hgpr", "stck_lwpr", row.integer("stck_clpr"), volume, value)


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """One bar of a minute chart, whose trading value is still the day's running total."""

    at: datetime
    prices: dict[str, int]
    volume: int
    total_value: int
    """Won traded since the session began, this minute included."""
    row: Row
    moving: bool = False
    """Whether its figures can still change, or are those of an earlier minute; set by whoever knows the time."""


def period_start(day: date, period: PriceType) -> date:
    """Return the first calendar day of the week (Monday) or month that holds ``day``; the day itself for days."""
    if period is PriceType.WEEKLY:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is PriceType.MONTHLY else day


def parse_chart(
    stock_code: str, answer: Answer, first: date, last: date, period: PriceType = PriceType.DAILY
) -> list[ChartRow]:
    """Return the bars of one inquire-daily-itemchartprice answer, newest first.

    KIS pads short windows with empty objects; those are skipped.

    Args:
        stock_code: The code asked for.
        answer: The answer of the call.
        first: The oldest day asked for.
        last: The newest day asked for.
        period: What one bar covers; a week or month may be dated by any of its days.

    Raises:
        UnknownStockError: Neither code nor name is there.
        PayloadError: The answer is about another code; or a day is malformed, was not asked for or is out of order, and
            nobody collects such rows.
    """
    require_head(stock_code, answer)
    rows: list[ChartRow] = []
    newest = period_start(last, period)
    for one in keep_good(partial(_chart_row, stock_code), filled_rows(answer), lambda _: stock_code):
        start = period_start(one.day, period)
        if not period_start(first, period) <= start <= newest:
            problem = f"is {one.day}, not in {first} to {last} or not older than the row before"
            reject(one.row.error("stck_bsop_date", problem), stock_code, one.day)
            continue
        newest = period_start(start - timedelta(days=1), period)
        rows.append(one)
    return rows


def require_head(stock_code: str, answer: Answer) -> None:
    """Return when the head of a chart is of the code that was asked for.

    Raises:
        UnknownStockError: Neither code nor name is there.
        PayloadError: It is of another code.
    """
    head = answer.row("output1")
    if not head.optional("stck_shrn_iscd") and not head.optional("hts_kor_isnm"):
        raise UnknownStockError(stock_code, answer.where)
    if short_code(head.text("stck_shrn_iscd")) != stock_code:
        raise head.error("stck_shrn_iscd", f"is not {stock_code}")


def good_bars(stock_code: str, rows: Iterable[ChartRow]) -> Iterator[DailyBar]:
    """Yield the bars that rows make, and set aside those that make none; see :func:`daily_bar`."""
    return keep_good(partial(daily_bar, stock_code), rows, attrgetter("stock_code"), attrgetter("day"))


def daily_bar(stock_code: str, one: ChartRow) -> DailyBar:
    """Return the record of one daily bar; ``change`` is KIS's ``prdy_vrss``, counted from the base price.

    Raises:
        PayloadError: A field is missing or malformed, or the values contradict each other.
    """
    change = one.row.signed("prdy_vrss")
    return one.row.make(DailyBar, stock_code=stock_code, session=one.day, change=change, **one.candle)


def chart_bar(stock_code: str, one: ChartRow, day: date) -> ChartData:
    """Return one daily, weekly or monthly bar for ``get_chart_data``, dated ``day``.

    Raises:
        PayloadError: The values contradict each other.
    """
    prices = {f"{name}_price": one.candle[name] for name in ("open", "high", "low", "close")}
    volume, value = one.candle["volume"], one.candle["trading_value"]
    return one.row.make(
        ChartData, stock_code=stock_code, date=f"{day:%Y%m%d}", volume=volume, trading_value=value, **prices
    )


def parse_minutes(stock_code: str, answer: Answer) -> list[MinuteRow]:
    """Return the rows of one minute chart, newest first, of whatever session they are.

    Raises:
        UnknownStockError: The name is not there; these answers repeat no code.
        PayloadError: A field is missing or malformed, or the times do not run backwards.
    """
    if not answer.row("output1").optional("hts_kor_isnm"):
        raise UnknownStockError(stock_code, answer.where)
    rows = [_minute_row(row) for row in filled_rows(answer)]
    for newer, older in pairwise(rows):
        if older.at >= newer.at:
            raise older.row.error("stck_cntg_hour", f"is {older.at:%H%M%S}, not older than the row before")
    return rows


def traded_today(answer: Answer) -> int:
    """Return the shares that the head of a minute chart says were traded in the quoted session."""
    return answer.row("output1").integer("acml_vol")


def _minute_row(row: Row) -> MinuteRow:
    at = row.moment("stck_bsop_date", "stck_cntg_hour")
    names = {"open": "stck_oprc", "high": "stck_hgpr", "low": "stck_lwpr", "close": "stck_prpr"}
    prices = {name: row.integer(field) for name, field in names.items()}
    return MinuteRow(at, prices, row.integer("cntg_vol"), row.integer("acml_tr_pbmn"), row)


def _chart_row(stock_code: str, row: Row) -> ChartRow:
    return ChartRow(stock_code, row.day("stck_bsop_date"), row)


def filled_rows(answer: Answer) -> list[Row]:
    """Return the rows of ``output2`` without the empty objects that KIS pads it with."""
    rows = answer.rows("output2")
    full = [row for row in rows if any(value != "" for value in row.fields.values())]
    if len(full) < len(rows):
        logger.debug("%s: %d empty rows skipped", answer.where, len(rows) - len(full))
    return full
