"""The frame of every quotation: its query, its checks and the envelope of its answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from data_pipeline.emulator.exchange import dumps
from data_pipeline.emulator.figures import percent as percent  # noqa: PLC0414 - part of what an answer is made of
from data_pipeline.emulator.figures import plain_code as plain_code  # noqa: PLC0414
from data_pipeline.emulator.figures import plain_sign as plain_sign  # noqa: PLC0414
from data_pipeline.emulator.kis.errors import invalid_field, missing_field, wrong_size
from data_pipeline.emulator.kis.view import MarketView, Moment
from data_pipeline.market.records import DailyBar, MinuteBar
from data_pipeline.market.trading_calendar import TradingCalendar

QUOTATIONS = "/uapi/domestic-stock/v1/quotations/"
MARKETS = ("J", "NX", "UN")
WEEKS = timedelta(days=15)
"""Longer than the exchange ever closes."""
EOK = 100_000_000
"""억: the unit of hts_avls and cpfn."""
DONE = ("MCA00000", "정상처리 되었습니다.")


@dataclass(frozen=True, slots=True)
class Call:
    """One quotation that passed the gateway."""

    query: Mapping[str, str]
    """Names in upper case."""
    now: datetime
    """The market clock's time."""
    moment: Moment

    def code(self) -> str:
        """Return the stock code asked for (FID_INPUT_ISCD), without the Q that marks an ETN."""
        return plain_code(self.query["FID_INPUT_ISCD"])

    def day(self, name: str) -> date:
        """Return a YYYYMMDD field as a date; OPSQ2002 or OPSQ2001 when it is none."""
        return parse_day(name, self.query[name])


@dataclass(frozen=True, slots=True)
class Answer:
    """A body and whether another page follows (``tr_cont``)."""

    body: bytes
    tr_cont: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One quotation: where it is, what it needs and who answers it."""

    name: str
    """The last part of its path."""
    tr_id: str
    answer: Callable[[MarketView, Call], Answer]
    required: tuple[tuple[str, int], ...] = ()
    """Query fields that must be present and the most characters each may have."""
    markets: tuple[str, ...] = MARKETS
    """What FID_COND_MRKT_DIV_CODE may say."""
    virtual: bool = True
    """Whether the virtual server has it."""
    ledger: bool = False
    """Whether it is a ledger TR with a gate of its own."""
    slow: bool = False
    """Whether computing it may take long enough to hold up the gate; it is then computed in a thread."""
    empty_outputs: Mapping[str, Any] = field(default_factory=dict)
    """The outputs of its empty shell."""

    def check(self, query: Mapping[str, str]) -> None:
        """Refuse a query that lacks a required field, has one too long, or asks for an unknown market (rt_cd 2)."""
        for name, length in self.required:
            value = query.get(name)
            if value is None:
                raise missing_field(name)
            if len(value) > length:
                raise wrong_size(name)
            if name == "FID_COND_MRKT_DIV_CODE" and value not in self.markets:
                raise invalid_field(name)
            if name in ("FID_INPUT_ISCD", "PDNO") and not value:
                raise wrong_size(name)


SYMBOL = (("FID_COND_MRKT_DIV_CODE", 2), ("FID_INPUT_ISCD", 12))
"""The two fields that nearly every quotation needs."""


def stock_codes(query: Mapping[str, str]) -> tuple[str, ...]:
    """Return every stock code that a query names, in its order."""
    if "FID_INPUT_ISCD" in query:
        return (query["FID_INPUT_ISCD"],)
    if "PDNO" in query:
        return (query["PDNO"],)
    return tuple(value for name, value in query.items() if name.startswith("FID_INPUT_ISCD_"))


def parse_day(name: str, text: str) -> date:
    """Return a YYYYMMDD text as a date; OPSQ2002 when its size is wrong, OPSQ2001 when it is no day."""
    if len(text) != 8:
        raise wrong_size(name)
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise invalid_field(name) from None


def a_session_earlier(query: Mapping[str, str], calendar: TradingCalendar) -> dict[str, str]:
    """Return the query with its dates moved to the session before each."""
    moved = dict(query)
    for name in ("FID_INPUT_DATE_1", "FID_INPUT_DATE_2"):
        if name in moved:
            day = max(parse_day(name, moved[name]), calendar.first_day + WEEKS)
            moved[name] = f"{calendar.previous_session(min(day, calendar.last_day)):%Y%m%d}"
    return moved


def envelope(outputs: Mapping[str, Any], tr_cont: str = "", done: tuple[str, str] = DONE) -> Answer:
    """Return a successful answer: the outputs, then rt_cd 0 with its code and text."""
    code, text = done
    return Answer(dumps({**outputs, "rt_cd": "0", "msg_cd": code, "msg1": text}), tr_cont)


def sign(bar: DailyBar, limits: tuple[int, int]) -> str:
    """Return prdy_vrss_sign: 1 upper limit, 2 up, 3 flat, 4 lower limit, 5 down."""
    if bar.change == 0:
        return "3"
    if bar.change > 0:
        return "1" if bar.close >= limits[1] else "2"
    return "4" if bar.close <= limits[0] else "5"


def change_rate(bar: DailyBar) -> str:
    """Return prdy_ctrt: the change in percent of the base price."""
    return percent(bar.change, bar.close - bar.change)


def change(bar: DailyBar, limits: tuple[int, int]) -> dict[str, str]:
    """Return the fields of the change since the base price."""
    return {"prdy_vrss": str(bar.change), "prdy_vrss_sign": sign(bar, limits), "prdy_ctrt": change_rate(bar)}


def candle(bar: DailyBar | MinuteBar) -> dict[str, str]:
    """Return the fields of open, high and low."""
    return {"stck_oprc": str(bar.open), "stck_hgpr": str(bar.high), "stck_lwpr": str(bar.low)}


def period_and_adjustment(call: Call, periods: Collection[str]) -> tuple[str, str]:
    """Return what a chart is asked for: its period and FID_ORG_ADJ_PRC; OPSQ2001 when the TR does not know one."""
    period, adjustment = call.query["FID_PERIOD_DIV_CODE"], call.query["FID_ORG_ADJ_PRC"].lstrip("0") or "0"
    if period not in periods:
        raise invalid_field("FID_PERIOD_DIV_CODE")
    # KIS's own sample sends 0000000001.
    if not call.query["FID_ORG_ADJ_PRC"] or adjustment not in ("0", "1"):
        raise invalid_field("FID_ORG_ADJ_PRC")
    return period, adjustment
