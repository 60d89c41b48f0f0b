"""The rows of KRX's three services of indices, made from the synthetic market's indices; every value is text."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from data_pipeline.emulator.krx.rows import Service, traded_with_after_market
from data_pipeline.sources.mock.indices import BASKETS, Basket, indices_of

if TYPE_CHECKING:
    from data_pipeline.sources.mock.market import SyntheticMarket


def _index(family: str) -> Service:
    def rows(market: SyntheticMarket, session: date, after_market: bool) -> list[dict[str, str]]:
        return [_row(market, one, session, after_market) for one in BASKETS if one.family == family]

    return Service(family, rows)


def _row(market: SyntheticMarket, basket: Basket, session: date, after_market: bool) -> dict[str, str]:
    bar = indices_of(market).bar(basket, session)
    members = indices_of(market).members(basket, session)
    traded = [traded_with_after_market(one.bar, after_market=after_market) for one in members]
    change = bar.change or 0.0
    return {
        "BAS_DD": f"{session:%Y%m%d}",
        "IDX_CLSS": basket.family,
        "IDX_NM": basket.name,
        "CLSPRC_IDX": f"{bar.close:.2f}",
        "CMPPREVDD_IDX": f"{change:.2f}",
        "FLUC_RT": f"{100 * change / (bar.close - change):.2f}",
        "OPNPRC_IDX": f"{bar.open:.2f}",
        "HGPRC_IDX": f"{bar.high:.2f}",
        "LWPRC_IDX": f"{bar.low:.2f}",
        "ACC_TRDVOL": str(sum(volume for volume, _ in traded)),
        "ACC_TRDVAL": str(sum(value for _, value in traded)),
        "MKTCAP": str(bar.market_cap),
    }


SERVICES: dict[str, Service] = {
    "idx/krx_dd_trd": _index("KRX"),
    "idx/kospi_dd_trd": _index("KOSPI"),
    "idx/kosdaq_dd_trd": _index("KOSDAQ"),
}
"""The services that are served, by category and name."""
