"""The calls of the KIS Open API that the source uses, each with its document."""

from __future__ import annotations

from dataclasses import dataclass

from data_pipeline.market.origin import RequestShape

QUOTATIONS = "/uapi/domestic-stock/v1/quotations"
"""Where all quotations are."""

TOKEN_PATH = "/oauth2/tokenP"  # noqa: S105 - a path
MASTER_FILES = {
    "KOSPI": "/common/master/kospi_code.mst.zip",
    "KOSDAQ": "/common/master/kosdaq_code.mst.zip",
    "KONEX": "/common/master/konex_code.mst.zip",
}
"""Market to path on the file server; no key, token or quota is needed.

Source: koreainvestment/open-trading-api, stocks_info.
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One GET call of KIS."""

    path: str
    tr_id: str
    """The same on the real and the virtual server, since all of these are quotations."""
    virtual: bool
    """Whether the virtual server (모의투자) has it."""
    page_size: int | None
    """The most rows that one answer holds; None when it is one object."""
    document: str
    """Its title on the KIS portal."""
    ledger: bool = False
    """Whether KIS counts it against the quota of the ledger (원장, EGW00215) instead of that of ordinary calls."""

    @property
    def name(self) -> str:
        """The last part of the path, as messages show it."""
        return self.path.rsplit("/", 1)[-1]


PRICE = Endpoint(
    f"{QUOTATIONS}/inquire-price", "FHKST01010100", virtual=True, page_size=None, document="주식현재가 시세"
)
ORDER_BOOK = Endpoint(
    f"{QUOTATIONS}/inquire-asking-price-exp-ccn", "FHKST01010200", virtual=True, page_size=None,
    document="주식현재가 호가/예상체결",
)  # fmt: skip
DAILY_CHART = Endpoint(
    f"{QUOTATIONS}/inquire-daily-itemchartprice", "FHKST03010100", virtual=True, page_size=100,
    document="국내주식기간별시세(일/주/월/년)",
)  # fmt: skip
INDEX_CHART = Endpoint(
    f"{QUOTATIONS}/inquire-daily-indexchartprice", "FHKUP03500100", virtual=True, page_size=RequestShape.index_page,
    document="국내주식업종기간별시세(일/주/월/년)",
)  # fmt: skip
INDEX_PRICE = Endpoint(
    f"{QUOTATIONS}/inquire-index-price", "FHPUP02100000", virtual=False, page_size=None, document="국내업종 현재지수"
)
MINUTES_TODAY = Endpoint(
    f"{QUOTATIONS}/inquire-time-itemchartprice", "FHKST03010200", virtual=True, page_size=30,
    document="주식당일분봉조회",
)  # fmt: skip
MINUTES_PAST = Endpoint(
    f"{QUOTATIONS}/inquire-time-dailychartprice", "FHKST03010230", virtual=False, page_size=120,
    document="주식일별분봉조회",
)  # fmt: skip
MULTI_PRICE = Endpoint(
    f"{QUOTATIONS}/intstock-multprice", "FHKST11300006", virtual=False, page_size=30,
    document="관심종목(멀티종목) 시세조회",
)  # fmt: skip
STOCK_INFO = Endpoint(
    f"{QUOTATIONS}/search-stock-info", "CTPF1002R", virtual=False, page_size=None, document="주식기본조회", ledger=True
)
HOLIDAYS = Endpoint(
    f"{QUOTATIONS}/chk-holiday", "CTCA0903R", virtual=False, page_size=24, document="국내휴장일조회", ledger=True
)
