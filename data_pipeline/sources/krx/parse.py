"""Rows of KRX answers into records.

One name means two things here: ``ISU_CD`` is the short code in the daily services and the ISIN in the base info.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from data_pipeline.market.index_records import IndexBar
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.market.rejections import keep_good
from data_pipeline.sources.answer_row import shortened
from data_pipeline.sources.krx.parse_fields import Row

logger = logging.getLogger(__name__)

PRICES = ("TDD_CLSPRC", "CMPPREVDD_PRC", "TDD_OPNPRC", "TDD_HGPRC", "TDD_LWPRC", "ACC_TRDVOL", "ACC_TRDVAL")
INDEX_FIGURES = (
    "CLSPRC_IDX", "CMPPREVDD_IDX", "OPNPRC_IDX", "HGPRC_IDX", "LWPRC_IDX", "ACC_TRDVOL", "ACC_TRDVAL", "MKTCAP",
)  # fmt: skip
GROUPS = {
    "주권": "ST",
    "외국주권": "FS",
    "부동산투자회사": "RT",
    "선박투자회사": "SC",
    "사회간접자본투융자회사": "IF",
    "주식예탁증권": "DR",
    "투자회사": "MF",
    "수익증권": "BC",
}
"""``SECUGRP_NM`` to the group codes that the stock master of the brokers uses; another name stays as it is."""

_WITHOUT_PAR = "무액면"
_NAMED = 10
_CODE = re.compile(r"[0-9A-Z]{6}")


def parse_daily_bars(rows: Sequence[Row], session: date) -> Iterator[DailyBar]:
    """Yield the bars of one market in raw prices.

    A row without a single figure is no bar; such rows are counted in the log. A suspended instrument has open, high,
    low and volume 0 and keeps its close.

    Args:
        rows: Of a daily service. Prices and ``ACC_TRDVAL`` are won, ``ACC_TRDVOL`` is shares and includes the
            after-market (16:00 to 20:00) since 2026-09-14; ``TDD_CLSPRC`` is the close of 15:30.
        session: The day asked for.

    Raises:
        PayloadError: A row is of another day, its code occurs twice, or a figure is missing, malformed or contradicts
            the others, and nobody collects such rows. The message names the row and the field.
    """
    copies = Counter(map(_code_or_none, rows))
    blank: list[str] = []

    def make(row: Row) -> DailyBar | None:
        code = _short_code(row, "ISU_CD")
        if copies[code] > 1:
            raise row.error("ISU_CD", f"{code} stands in the answer twice")
        if any(row.optional(name) is not None for name in PRICES):
            return daily_bar(row, session)
        blank.append(code)
        return None

    # What came for a session is set aside under that session, whatever day the row claims.
    yield from filter(None, keep_good(make, rows, _code_or_none, lambda _: session))
    if blank:
        some = ", ".join(blank[:_NAMED])
        logger.warning("KRX has no figures for %d instruments on %s: %s", len(blank), session, some)


def parse_index_bars(rows: Iterable[Row], session: date) -> Iterator[IndexBar]:
    """Yield the bars of one family of indices; a row without a close is left out, since it is not computed that day.

    Raises:
        PayloadError: A row is of another day, or a figure is malformed or contradicts the others, and nobody collects
            such rows.
    """
    made = keep_good(lambda row: _index_bar(row, session), rows, session=lambda _: session)
    return (bar for bar in made if bar is not None)


def parse_instruments(rows: Sequence[Row], market: str, session: date) -> Iterator[Instrument]:
    """Yield the instruments of one market as the base info of a session lists them.

    KRX says nothing here about trading halts, administrative issues or liquidation trading, so those flags are None.
    There is no base price. One wrong row refuses the list, because an instrument that is left out would read as
    delisted.

    Raises:
        PayloadError: A field is missing or malformed, or a code occurs twice.
    """
    seen: set[str] = set()
    for row in rows:
        code = _short_code(row, "ISU_SRT_CD")
        if code in seen:
            raise row.error("ISU_SRT_CD", f"{code} stands in the answer twice")
        seen.add(code)
        group = row.text("SECUGRP_NM")
        yield row.make(
            Instrument,
            stock_code=code,
            isin=row.text("ISU_CD"),
            name=row.text("ISU_ABBRV"),
            market=market,
            security_group=GROUPS.get(group, group),
            as_of=session,
            listed_on=None if row.optional("LIST_DD") is None else row.day("LIST_DD"),
            listed_shares=row.optional_integer("LIST_SHRS"),
            face_value=_par(row),
            halted=None,
            managed=None,
            liquidation=None,
            preferred=row.text("KIND_STKCERT_TP_NM") != "보통주",
        )


def daily_bar(row: Row, session: date) -> DailyBar:
    """Return the bar of one row of a daily service.

    Raises:
        PayloadError: The row is of another day, or a figure is missing, malformed or contradicts the others.
    """
    return row.make(
        DailyBar,
        stock_code=_short_code(row, "ISU_CD"),
        session=_same_day(row, session),
        open=row.integer("TDD_OPNPRC"),
        high=row.integer("TDD_HGPRC"),
        low=row.integer("TDD_LWPRC"),
        close=row.integer("TDD_CLSPRC"),
        volume=row.integer("ACC_TRDVOL"),
        trading_value=row.integer("ACC_TRDVAL"),
        change=row.integer("CMPPREVDD_PRC"),
    )


def _index_bar(row: Row, session: date) -> IndexBar | None:
    # A field may have no value for an index; without the field nobody knows whether it has.
    if absent := next((name for name in INDEX_FIGURES if name not in row.fields), None):
        raise row.error(absent, "is missing")
    if row.optional("CLSPRC_IDX") is None:
        return None
    return row.make(
        IndexBar,
        family=row.text("IDX_CLSS"),
        name=row.text("IDX_NM"),
        session=_same_day(row, session),
        open=row.optional_decimal("OPNPRC_IDX"),
        high=row.optional_decimal("HGPRC_IDX"),
        low=row.optional_decimal("LWPRC_IDX"),
        close=row.decimal("CLSPRC_IDX"),
        change=row.optional_decimal("CMPPREVDD_IDX"),
        volume=row.optional_integer("ACC_TRDVOL"),
        trading_value=row.optional_integer("ACC_TRDVAL"),
        market_cap=row.optional_integer("MKTCAP"),
    )


def _same_day(row: Row, session: date) -> date:
    day = row.day("BAS_DD")
    if day != session:
        raise row.error("BAS_DD", f"is {day}, but {session} was asked for")
    return day


def _short_code(row: Row, name: str) -> str:
    code = row.text(name)
    if not _CODE.fullmatch(code):
        raise row.error(name, f"is {shortened(code)}, not a short code of six characters")
    return code


def _code_or_none(row: Row) -> str | None:
    """Return whose row it is for the quarantine, when that can be read."""
    code = row.fields.get("ISU_CD")
    return code.strip() if isinstance(code, str) and _CODE.fullmatch(code.strip()) else None


def _par(row: Row) -> float | None:
    text = row.optional("PARVAL")
    return None if text in (None, _WITHOUT_PAR) else row.decimal("PARVAL") or None
