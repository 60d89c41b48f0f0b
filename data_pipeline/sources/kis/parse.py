"""Answers about the present: price, order book, multi-price, stock info and the holiday list. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from data_pipeline.exceptions import PayloadError, UnknownStockError
from data_pipeline.market.records import (
    BOOK_DEPTH,
    CurrentPrice,
    DailyBar,
    MarketDay,
    OrderBook,
    OrderBookLevel,
    StockInfo,
)
from data_pipeline.sources.kis.codes import short_code
from data_pipeline.sources.kis.english_names import display_name
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.parse_fields import Row

HUNDRED_MILLION = 100_000_000
MARKETS = {"STK": "KOSPI", "KSQ": "KOSDAQ", "KNX": "KONEX"}


def parse_price(stock_code: str, answer: Answer) -> CurrentPrice:
    """Return the price that an inquire-price answer holds; ``hts_avls`` is in hundred million won (억).

    It has no name, so ``stock_name`` is empty, for the caller to fill.

    Raises:
        UnknownStockError: Neither a price nor a base price is there: the empty shell KIS gives for unknown codes.
        PayloadError: A field is missing or malformed, or the answer is about another code.
    """
    row = answer.row("output")
    _require_known(row, stock_code, "stck_prpr", "stck_sdpr")
    _require_code(row, "stck_shrn_iscd", stock_code)
    return row.make(
        CurrentPrice,
        stock_code=stock_code,
        stock_name="",
        current_price=row.integer("stck_prpr"),
        change_price=row.signed("prdy_vrss"),
        change_rate=row.signed_rate("prdy_ctrt"),
        **_candle_so_far(row, "stck_oprc", "stck_hgpr", "stck_lwpr"),
        timestamp=answer.at.isoformat(),
        market_cap=row.integer("hts_avls") * HUNDRED_MILLION if row.optional("hts_avls") else None,
    )


def parse_order_book(stock_code: str, answer: Answer) -> OrderBook:
    """Return the book that an inquire-asking-price-exp-ccn answer holds.

    A level whose price is 0 is not there (outside trading hours all are). KIS publishes no number of orders and no
    name: ``stock_name`` is empty, for the caller to fill.

    Raises:
        UnknownStockError: The empty shell of an unknown code.
        PayloadError: A field is missing or malformed, or the answer is about another code.
    """
    levels, state = answer.row("output1"), answer.row("output2")
    _require_known(state, stock_code, "stck_prpr", "stck_sdpr")
    _require_code(state, "stck_shrn_iscd", stock_code)
    return levels.make(
        OrderBook,
        stock_code=stock_code,
        stock_name="",
        bid_levels=_side(levels, "bidp"),
        ask_levels=_side(levels, "askp"),
        total_bid_volume=levels.integer("total_bidp_rsqn"),
        total_ask_volume=levels.integer("total_askp_rsqn"),
        timestamp=answer.at.isoformat(),
    )


def parse_quotes(stock_codes: Sequence[str], answer: Answer) -> dict[str, Row]:
    """Return the row of each code asked for in one intstock-multprice call.

    Raises:
        UnknownStockError: The slot of a code came back blank or not at all.
        PayloadError: A row is about a code that was not asked for, or one came twice.
    """
    found: dict[str, Row] = {}
    for row in answer.rows("output"):
        if not row.optional("inter_shrn_iscd"):
            continue
        code = short_code(row.text("inter_shrn_iscd"))
        if code not in stock_codes or code in found:
            raise row.error("inter_shrn_iscd", f"is {code!r}, which was not asked for or came twice")
        found[code] = Row(f"{answer.where}, {code}", row.fields)
    for code in stock_codes:
        if code not in found or not found[code].optional("inter_kor_isnm"):
            raise UnknownStockError(code, answer.where)
        _require_known(found[code], code, "inter2_prpr", "inter2_sdpr")
    return found


def parse_quote_price(stock_code: str, at: datetime, row: Row) -> CurrentPrice:
    """Return the price that one row of intstock-multprice holds; it has no market value.

    Args:
        stock_code: The code of the row.
        at: When the server answered.
        row: One row of :func:`parse_quotes`.

    Raises:
        PayloadError: A field is missing or malformed.
    """
    return row.make(
        CurrentPrice,
        stock_code=stock_code,
        stock_name=display_name(stock_code, row.text("inter_kor_isnm")),
        current_price=row.integer("inter2_prpr"),
        change_price=row.signed("inter2_prdy_vrss"),
        change_rate=row.signed_rate("prdy_ctrt"),
        **_candle_so_far(row, "inter2_oprc", "inter2_hgpr", "inter2_lwpr"),
        timestamp=at.isoformat(),
    )


def parse_quote_bar(stock_code: str, session: date, row: Row) -> DailyBar:
    """Return the bar of the quoted session, which the row does not name, from one row of intstock-multprice.

    ``change`` is the close minus ``inter2_sdpr``, the base price. KIS's own change may count from the previous close
    instead, or differ by the rounding of an off-tick base price.

    Raises:
        PayloadError: A field is missing or malformed, or the change fits neither base price nor previous close.
    """
    close, base = row.integer("inter2_prpr"), row.integer("inter2_sdpr")
    said, previous = row.signed("inter2_prdy_vrss"), row.integer("inter2_prdy_clpr")
    tolerance = max(1, base // 100)
    if base <= 0 or min(abs(close - said - base), abs(close - said - previous)) > tolerance:
        raise row.error("inter2_prdy_vrss", f"is {said}, but close {close} has base price {base}")
    candle = row.traded_candle(
        "inter2_oprc", "inter2_hgpr", "inter2_lwpr", close, row.integer("acml_vol"), row.integer("acml_tr_pbmn")
    )
    return row.make(DailyBar, stock_code=stock_code, session=session, change=close - base, **candle)


def parse_stock_info(stock_code: str, answer: Answer) -> StockInfo:
    """Return what a search-stock-info answer says; ``sector`` is the index sector, ``industry`` the standard industry.

    Raises:
        UnknownStockError: Neither number nor name is there.
        PayloadError: A field is missing or malformed, or the answer is about another code.
    """
    row = answer.row("output")
    if not row.optional("prdt_abrv_name") and not row.optional("mket_id_cd"):
        raise UnknownStockError(stock_code, answer.where)
    if row.text("pdno")[-6:] != stock_code:
        raise row.error("pdno", f"does not end with {stock_code}")
    market = row.text("mket_id_cd")
    if market not in MARKETS:
        raise row.error("mket_id_cd", f"is not one of {', '.join(MARKETS)}")
    return row.make(
        StockInfo,
        stock_code=stock_code,
        stock_name=display_name(stock_code, row.text("prdt_abrv_name")),
        market=MARKETS[market],
        sector=row.optional("idx_bztp_mcls_cd_name") or None,
        industry=row.optional("std_idst_clsf_cd_name") or None,
        listed_shares=row.integer("lstg_stqt") if row.optional("lstg_stqt") else None,
        face_value=(row.decimal("papr") or None) if row.optional("papr") else None,
    )


def parse_market_days(first: date, answer: Answer) -> list[MarketDay]:
    """Return consecutive days with whether the stock market opens (``opnd_yn``; ``tr_day_yn`` can be Y on weekends).

    Raises:
        PayloadError: There is no row, they do not run day by day from ``first``, or a field is malformed.
    """
    days = [MarketDay(row.day("bass_dt"), row.flag("opnd_yn")) for row in answer.rows("output")]
    if not days or any(one.day != first + timedelta(days=offset) for offset, one in enumerate(days)):
        raise PayloadError(f"{answer.where}: field bass_dt does not run day by day from {first}")
    return days


def _candle_so_far(row: Row, opened: str, high: str, low: str) -> dict[str, int]:
    volume, value = row.integer("acml_vol"), row.integer("acml_tr_pbmn")
    candle = row.traded_candle(opened, high, low, 0, volume, value)
    prices = {f"{name}_price": candle[name] for name in ("open", "high", "low")}
    return {**prices, "volume": volume, "trading_value": value}


def _side(row: Row, prefix: str) -> tuple[OrderBookLevel, ...]:
    levels = []
    for number in range(1, BOOK_DEPTH + 1):
        price, volume = row.integer(f"{prefix}{number}"), row.integer(f"{prefix}_rsqn{number}")
        if price:
            levels.append(OrderBookLevel(price, volume))
        elif volume:
            raise row.error(f"{prefix}{number}", f"is 0, but {volume} shares wait there")
    return tuple(levels)


def _require_known(row: Row, stock_code: str, *names: str) -> None:
    if all(not row.optional(name).strip("0") for name in names):
        raise UnknownStockError(stock_code, row.where)


def _require_code(row: Row, name: str, stock_code: str) -> None:
    found = row.text(name)
    if short_code(found) != stock_code:
        raise row.error(name, f"is {found!r}, but {stock_code} was asked for")
