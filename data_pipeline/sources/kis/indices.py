"""The main indices and the sectors of a range of sessions from KIS's index chart, and the main ones at this moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from data_pipeline.exceptions import PayloadError, RequestRefusedError, UnknownStockError
from data_pipeline.market.index_records import MAIN_INDICES, IndexBar, IndexSnapshot, NamedIndex
from data_pipeline.market.origin import RequestShape
from data_pipeline.market.rejections import keep_good, leave_out
from data_pipeline.market.sector_indices import SECTOR_INDICES
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.sources.answer_row import shortened
from data_pipeline.sources.kis.endpoints import INDEX_CHART, INDEX_PRICE
from data_pipeline.sources.kis.parse_answer import Answer, Call
from data_pipeline.sources.kis.parse_chart import filled_rows
from data_pipeline.sources.kis.parse_fields import Row
from data_pipeline.sources.kis.server_clock import require_final

CODES: Mapping[str, NamedIndex] = MappingProxyType(
    dict(zip(("0001", "1001", "2001", "3003"), MAIN_INDICES, strict=True))
)
"""KIS's code of each main index, and what KRX calls it.

1001 is KOSDAQ; at other vendors it is KOSPI. KIS itself calls 0001 ``종합``, so its names say nothing and are not read.

Source: KIS Developers, 국내업종 현재지수, for the first three; 3003 is inferred, and the levels that KRX published for
the session before would refuse another index.
"""
_KOSPI = (*range(5, 22), *range(24, 31))
_KOSDAQ = (1006, 1011, 1013, 1014, *range(1019, 1032))
SECTORS: Mapping[str, NamedIndex] = MappingProxyType(
    dict(zip((f"{number:04}" for number in (*_KOSPI, *_KOSDAQ)), SECTOR_INDICES, strict=True))
)
"""KIS's code of each sector index. KIS calls these as KRX does, and an answer with another name is not believed.

No document of KIS lists them. What KRX publishes beside them (of KOSDAQ 제조, 건설, 오락·문화, 통신, IT 서비스 among
others) is in no list at hand, and is not asked for: the exchange brings it.
"""
_EVERY = {**CODES, **SECTORS}
_NO_SUCH_INDEX = (PayloadError, RequestRefusedError, UnknownStockError)
"""What an index that KIS no longer has may be answered with; the main ones, asked before, went through."""
SESSIONS = RequestShape.index_page - 1
"""Sessions of one call: its rows, without the one that the oldest change is counted from."""
_SHARES, _WON = 1_000, 1_000_000
"""Index charts count in thousands of shares and millions of won, unlike those of instruments."""


def index_bars(call: Call, calendar: TradingCalendar, first: date, last: date) -> Iterator[IndexBar]:
    """Yield the bars of the main indices and the sectors from ``first`` to ``last``, both included; index by index.

    The main ones come first, an index newest first. A sector whose answer is not about it is left out, which
    whoever collects rejections hears; there is none before ``SECTORS_SINCE``, since KIS shows today's names only.

    Volume is exact to a thousand shares, trading value to a million won; market cap is None. A call holds
    :data:`SESSIONS` sessions of one index.

    Args:
        call: Sends one call.
        calendar: The exchange's sessions.
        first: First day.
        last: Last day.

    Raises:
        InvalidRequestError: A session is not final yet by the server's clock.
        PayloadError: The answer is about another index or lacks a session; or a figure is missing or malformed, and
            nobody collects such rows.
        RequestRefusedError, UnknownStockError: KIS does not have a main index; or a sector, and nobody collects.

    Source: KIS Developers, 국내주식업종기간별시세.
    """
    for code, index in _EVERY.items():
        sessions = calendar.sessions(max(first, index.since), last)
        while sessions:
            page = sessions[-SESSIONS:]
            del sessions[-SESSIONS:]
            if code in SECTORS:
                yield from _sector_bars(call, calendar, code, page)
                continue
            days = page if page[0] == index.since else [calendar.previous_session(page[0]), *page]
            yield from parse_index_bars(_chart(call, calendar, code, days), code, days)


def _sector_bars(call: Call, calendar: TradingCalendar, code: str, page: list[date]) -> list[IndexBar]:
    """Return the bars of one sector; none when its answer is not about it, which is told to whoever collects."""
    days, head = [calendar.previous_session(page[0]), *page], {"FID_INPUT_ISCD": code}
    try:
        answer = _chart(call, calendar, code, days)
        head |= answer.row("output1").fields
        return [*parse_index_bars(answer, code, days)]
    except _NO_SUCH_INDEX as error:
        leave_out(error, page, head, "KIS inquire-daily-indexchartprice")
        return []


def _chart(call: Call, calendar: TradingCalendar, code: str, days: list[date]) -> Answer:
    params = {
        "FID_COND_MRKT_DIV_CODE": "U",
        "FID_INPUT_ISCD": code,
        "FID_INPUT_DATE_1": f"{days[0]:%Y%m%d}",
        "FID_INPUT_DATE_2": f"{days[-1]:%Y%m%d}",
        "FID_PERIOD_DIV_CODE": "D",
    }
    answer = call(INDEX_CHART, params, f"the index {_EVERY[code].label}")
    require_final(calendar, days[-1], answer.at)
    return answer


def parse_index_bars(answer: Answer, code: str, sessions: list[date]) -> Iterator[IndexBar]:
    """Yield the bars of all sessions but the oldest, newest first; a change is counted from the close before.

    The oldest has a bar without a change when it is the first of the index.

    Raises:
        PayloadError: As :func:`index_bars`.
    """
    index, head = _EVERY[code], answer.row("output1")
    if code in SECTORS:
        require_name(head, index)
    if head.text("bstp_cls_code") != code:
        raise head.error("bstp_cls_code", f"is not {code}, the code of {index.label}")
    rows = _rows_by_day(answer, sessions)
    pairs: list[tuple[date | None, date]] = [*pairwise(sessions)]
    if sessions[0] == index.since:
        pairs.insert(0, (None, sessions[0]))

    def make(pair: tuple[date | None, date]) -> IndexBar:
        return _bar(index, pair[1], rows[pair[1]], rows[pair[0]] if pair[0] else None)

    yield from keep_good(make, reversed(pairs), session=lambda pair: pair[1])


def require_name(head: Row, index: NamedIndex) -> None:
    """Raise an error when KIS calls an index otherwise than the exchange; blanks do not count.

    Raises:
        PayloadError: The name is another, or missing.
    """
    if (name := head.text("hts_kor_isnm")).replace(" ", "") != index.name.replace(" ", ""):
        raise head.error("hts_kor_isnm", f"is {shortened(name)}, not {index.name}: KIS's code means another index now")


def _rows_by_day(answer: Answer, sessions: list[date]) -> dict[date, Row]:
    """Return the rows by their day; each of these sessions has one, and no two neighbours say the same."""
    rows: dict[date, Row] = {}
    for row in filled_rows(answer):
        if (day := row.day("stck_bsop_date")) in rows:
            raise row.error("stck_bsop_date", f"is {day} twice")
        rows[day] = row
    for day in sessions:
        if day not in rows:
            raise PayloadError(f"{answer.where}: there is no row of {day}")
    for older, newer in pairwise(sessions):
        if _figures(rows[older]) == _figures(rows[newer]):
            raise PayloadError(f"{answer.where}: the row of {newer} repeats that of {older}")
    return rows


def _figures(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.fields.items() if name != "stck_bsop_date"}


def _bar(index: NamedIndex, session: date, row: Row, before: Row | None) -> IndexBar:
    close = row.decimal("bstp_nmix_prpr")
    return row.make(
        IndexBar,
        family=index.family,
        name=index.name,
        session=session,
        open=row.decimal("bstp_nmix_oprc"),
        high=row.decimal("bstp_nmix_hgpr"),
        low=row.decimal("bstp_nmix_lwpr"),
        close=close,
        change=round(close - before.decimal("bstp_nmix_prpr"), 2) if before else None,
        volume=row.integer("acml_vol") * _SHARES,
        trading_value=row.integer("acml_tr_pbmn") * _WON,
        market_cap=None,
    )


def index_snapshots(call: Call) -> Iterator[IndexSnapshot]:
    """Yield the main indices at this moment, one call each; the answer has no time, so the server's clock gives it.

    Raises:
        PayloadError: A figure is missing or malformed, or the figures contradict each other.

    Source: KIS Developers, 국내업종 현재지수.
    """
    for code, index in CODES.items():
        params = {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": code}
        yield parse_index_snapshot(call(INDEX_PRICE, params, f"the index {index.label}"), code)


def parse_index_snapshot(answer: Answer, code: str) -> IndexSnapshot:
    """Return an index at the moment of the answer; without levels of the day (0.00) open, high and low are None.

    Raises:
        PayloadError: As :func:`index_snapshots`.
    """
    index, row = CODES[code], answer.row("output")
    day = [row.decimal(name) or None for name in ("bstp_nmix_oprc", "bstp_nmix_hgpr", "bstp_nmix_lwpr")]
    return row.make(
        IndexSnapshot,
        family=index.family,
        name=index.name,
        observed_at=answer.at,
        level=row.decimal("bstp_nmix_prpr"),
        change=row.signed_decimal("bstp_nmix_prdy_vrss"),
        open=day[0],
        high=day[1],
        low=day[2],
        volume=row.integer("acml_vol") * _SHARES,
        trading_value=row.integer("acml_tr_pbmn") * _WON,
    )
