"""The services of the KRX Open API that the source uses: one call is one market on one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from data_pipeline.market.boards import ETNS_BEGAN, KONEX_OPENED
from data_pipeline.market.origin import KRX_BEGINS

ROOT = "/svc/apis"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One service; its only parameter is the day (``basDd``)."""

    category: str
    api: str
    market: str
    """The board (KOSPI, KOSDAQ, KONEX), the kind of fund (ETF, ETN) or the family of indices that it covers."""
    document: str
    """Its title on the KRX portal, under which it is applied for."""
    first: date = KRX_BEGINS
    """The first day it has; before that nothing exists, and nobody is asked."""
    may_be_empty: bool = False
    """Whether a session without a single row is possible: every market has instruments, notes may all have expired."""

    @property
    def path(self) -> str:
        """The path of a call."""
        return f"{ROOT}/{self.category}/{self.api}"

    @property
    def name(self) -> str:
        """Category and service, as messages show them."""
        return f"{self.category}/{self.api}"


STOCK_BARS = (
    Endpoint("sto", "stk_bydd_trd", "KOSPI", "유가증권 일별매매정보"),
    Endpoint("sto", "ksq_bydd_trd", "KOSDAQ", "코스닥 일별매매정보"),
    Endpoint("sto", "knx_bydd_trd", "KONEX", "코넥스 일별매매정보", first=KONEX_OPENED),
)
"""The three markets; funds traded on KOSPI are not among them."""

FUND_BARS = (
    Endpoint("etp", "etf_bydd_trd", "ETF", "ETF 일별매매정보"),
    Endpoint("etp", "etn_bydd_trd", "ETN", "ETN 일별매매정보", first=ETNS_BEGAN, may_be_empty=True),
)

BASE_INFO = (
    Endpoint("sto", "stk_isu_base_info", "KOSPI", "유가증권 종목기본정보"),
    Endpoint("sto", "ksq_isu_base_info", "KOSDAQ", "코스닥 종목기본정보"),
    Endpoint("sto", "knx_isu_base_info", "KONEX", "코넥스 종목기본정보", first=KONEX_OPENED),
)
"""Instruments of the three markets as listed on a day. Funds have none."""

INDEX_BARS = (
    Endpoint("idx", "krx_dd_trd", "KRX", "KRX 시리즈 일별시세정보"),
    Endpoint("idx", "kospi_dd_trd", "KOSPI", "KOSPI 시리즈 일별시세정보"),
    Endpoint("idx", "kosdaq_dd_trd", "KOSDAQ", "KOSDAQ 시리즈 일별시세정보"),
)
