"""The KOSPI and KOSDAQ indices of one session, from KIS's index chart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from types import MappingProxyType

from data_pipeline.exceptions import InvalidRequestError, PayloadError
from data_pipeline.market.index_records import IndexBar
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.sources.kis.endpoints import INDEX_CHART
from data_pipeline.sources.kis.parse_answer import Answer, Call
from data_pipeline.sources.kis.parse_chart import filled_rows
from data_pipeline.sources.kis.parse_fields import Row
from data_pipeline.sources.kis.server_clock import require_final

CODES = MappingProxyType({"KOSPI": ("0001", "코스피"), "KOSDAQ": ("1001", "코스닥")})
"""KIS's code of each family's index, and its name as KRX writes it.

1001 is KOSDAQ; at other vendors it is KOSPI. KIS itself calls 0001 ``종합``, so its names say nothing and are not read.
"""
_SHARES, _WON = 1_000, 1_000_000
"""Index charts count in thousands of shares and millions of won, unlike those of instruments."""


def index_bars(call: Call, calendar: TradingCalendar, session: date) -> Iterator[IndexBar]:
    """Yield the bar of the KOSPI and of the KOSDAQ index of one session; a call each.

    Volume is exact to a thousand shares, trading value to a million won; market cap is None.

    Args:
        call: Sends one call.
        calendar: The exchange's sessions.
        session: Whose bars.

    Raises:
        InvalidRequestError: It is no session, or not final yet by the server's clock.
        PayloadError: The answer is about another index, lacks the session, or a figure is missing or malformed.

    Source: KIS Developers, 국내주식업종기간별시세.
    """
    if not calendar.is_session(session):
        raise InvalidRequestError(f"{session} is not a session of the exchange")
    before = calendar.previous_session(session)
    for family, (code, name) in CODES.items():
        params = {
            "FID_COND_MRKT_DIV_CODE": "U",
            "FID_INPUT_ISCD": code,
            "FID_INPUT_DATE_1": f"{before:%Y%m%d}",
            "FID_INPUT_DATE_2": f"{session:%Y%m%d}",
            "FID_PERIOD_DIV_CODE": "D",
        }
        answer = call(INDEX_CHART, params, f"the {family} index")
        require_final(calendar, session, answer.at)
        yield parse_index_bar(answer, family, code, name, (before, session))


def parse_index_bar(answer: Answer, family: str, code: str, name: str, sessions: tuple[date, date]) -> IndexBar:
    """Return the bar of the later of two sessions; its change is counted from the close of the other.

    Raises:
        PayloadError: As :func:`index_bars`.
    """
    head = answer.row("output1")
    if head.text("bstp_cls_code") != code:
        raise head.error("bstp_cls_code", f"is not {code}, the code of {family}")
    rows = {row.day("stck_bsop_date"): row for row in filled_rows(answer)}
    before, row = (_row_of(rows, day, answer) for day in sessions)
    close = row.decimal("bstp_nmix_prpr")
    return row.make(
        IndexBar,
        family=family,
        name=name,
        session=sessions[1],
        open=row.decimal("bstp_nmix_oprc"),
        high=row.decimal("bstp_nmix_hgpr"),
        low=row.decimal("bstp_nmix_lwpr"),
        close=close,
        change=round(close - before.decimal("bstp_nmix_prpr"), 2),
        volume=row.integer("acml_vol") * _SHARES,
        trading_value=row.integer("acml_tr_pbmn") * _WON,
        market_cap=None,
    )


def _row_of(rows: dict[date, Row], day: date, answer: Answer) -> Row:
    if day not in rows:
        raise PayloadError(f"{answer.where}: there is no row of {day}")
    return rows[day]
