"""The rows of each KRX service, made from the synthetic market; every value is text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from data_pipeline.emulator.figures import figure
from data_pipeline.market.records import DailyBar, Instrument

if TYPE_CHECKING:
    from data_pipeline.sources.mock.market import SyntheticMarket

AFTER_MARKET_SINCE = date(2026, 9, 14)


@dataclass(frozen=True, slots=True)
class Service:
    """One service: whose rows it has and how they are made."""

    market: str
    rows: Callable[[SyntheticMarket, date, bool], list[dict[str, str]]]
    """From market, session and whether volumes include the after-market."""


def _issues(market: SyntheticMarket, session: date, board: str) -> Iterator[tuple[Instrument, DailyBar]]:
    """Yield the stocks of a board, or of every board for ``KRX``, or the funds for ``ETF``, with their bars."""
    for one in market.instruments(session):
        fund = one.security_group == "EF"
        if fund if board == "ETF" else (not fund and board in {one.market, "KRX"}):
            bar = market.daily_bar(one.stock_code, session)
            if bar is not None:
                yield one, bar


def traded_with_after_market(bar: DailyBar, *, after_market: bool) -> tuple[int, int]:
    """Return volume and value of the day; the after-market adds up to a tenth at the close."""
    if not after_market or bar.session < AFTER_MARKET_SINCE or bar.volume == 0:
        return bar.volume, bar.trading_value
    more = bar.volume * figure(bar.stock_code, f"after {bar.session}", 0, 100) // 1000
    return bar.volume + more, bar.trading_value + more * bar.close


def _bar_row(one: Instrument, bar: DailyBar, *, after_market: bool) -> dict[str, str]:
    volume, value = traded_with_after_market(bar, after_market=after_market)
    shares = one.listed_shares or 0
    return {
        "BAS_DD": f"{bar.session:%Y%m%d}",
        "ISU_CD": one.stock_code,
        "ISU_NM": one.name,
        "MKT_NM": one.market,
        "SECT_TP_NM": "",
        "TDD_CLSPRC": str(bar.close),
        "CMPPREVDD_PRC": str(bar.change),
        "FLUC_RT": f"{100 * bar.change / (bar.close - bar.change):.2f}",
        "TDD_OPNPRC": str(bar.open),
        "TDD_HGPRC": str(bar.high),
        "TDD_LWPRC": str(bar.low),
        "ACC_TRDVOL": str(volume),
        "ACC_TRDVAL": str(value),
        "MKTCAP": str(bar.close * shares),
        "LIST_SHRS": str(shares),
    }


def _bars(board: str) -> Service:
    def rows(market: SyntheticMarket, session: date, after_market: bool) -> list[dict[str, str]]:
        found = _issues(market, session, board)
        return [_bar_row(one, bar, after_market=after_market) for one, bar in found]

    return Service(board, rows)


def _funds(market: SyntheticMarket, session: date, _: bool) -> list[dict[str, str]]:
    return [_fund_row(_bar_row(one, bar, after_market=False)) for one, bar in _issues(market, session, "ETF")]


def _fund_row(row: dict[str, str]) -> dict[str, str]:
    """Return a fund's row: no board, but what the fund holds and follows. Funds have no after-market yet."""
    del row["MKT_NM"], row["SECT_TP_NM"]
    index = {"IDX_IND_NM": "코스피 200", "OBJ_STKPRC_IDX": "400.00", "CMPPREVDD_IDX": "0.00", "FLUC_RT_IDX": "0.00"}
    return {**row, "NAV": f"{row['TDD_CLSPRC']}.00", "INVSTASST_NETASST_TOTAMT": row["MKTCAP"], **index}


def _base_info(board: str) -> Service:
    def rows(market: SyntheticMarket, session: date, _: bool) -> list[dict[str, str]]:
        return [_base_row(market, one) for one, _bar in _issues(market, session, board)]

    return Service(board, rows)


def _base_row(market: SyntheticMarket, one: Instrument) -> dict[str, str]:
    kind = "구형우선주" if one.preferred else "보통주"
    return {
        "ISU_CD": one.isin,
        "ISU_SRT_CD": one.stock_code,
        "ISU_NM": f"{one.name}{kind}",
        "ISU_ABBRV": one.name,
        "ISU_ENG_NM": market.english_name(one.stock_code).replace(" ", ""),
        "LIST_DD": f"{one.listed_on:%Y%m%d}" if one.listed_on else "",
        "MKT_TP_NM": one.market,
        "SECUGRP_NM": "주권",
        "SECT_TP_NM": "",
        "KIND_STKCERT_TP_NM": kind,
        "PARVAL": "무액면" if one.face_value is None else f"{one.face_value:g}",
        "LIST_SHRS": str(one.listed_shares),
    }


def _nothing(_market: SyntheticMarket, _session: date, _after_market: bool) -> list[dict[str, str]]:
    """Return no rows: the synthetic market has no such instruments."""
    return []


SERVICES: dict[str, Service] = {
    "sto/stk_bydd_trd": _bars("KOSPI"),
    "sto/ksq_bydd_trd": _bars("KOSDAQ"),
    "sto/knx_bydd_trd": _bars("KONEX"),
    "sto/stk_isu_base_info": _base_info("KOSPI"),
    "sto/ksq_isu_base_info": _base_info("KOSDAQ"),
    "sto/knx_isu_base_info": _base_info("KONEX"),
    "etp/etf_bydd_trd": Service("ETF", _funds),
    "etp/etn_bydd_trd": Service("ETN", _nothing),
}
"""The services that are served, by category and name."""
