"""``inquire-daily-indexchartprice``: daily bars of the KOSPI and KOSDAQ indices (국내주식업종기간별시세)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from data_pipeline.emulator.kis.errors import invalid_field, unknown_symbol
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import SYMBOL, Answer, Call, Endpoint, envelope
from data_pipeline.emulator.krx.rows import SERVICES

PAGE = 50
_INDICES = {"0001": ("idx/kospi_dd_trd", "종합"), "1001": ("idx/kosdaq_dd_trd", "KOSDAQ")}
"""The exchange's service with the same figures, and the name that the head shows."""


def answer(view: MarketView, call: Call) -> Answer:
    """Return up to 50 days counted back from DATE_2, newest first, in thousands of shares and millions of won."""
    code = call.query["FID_INPUT_ISCD"]
    if code not in _INDICES:
        raise unknown_symbol()
    if call.query["FID_PERIOD_DIV_CODE"] != "D":
        raise invalid_field("FID_PERIOD_DIV_CODE")
    first = max(call.day("FID_INPUT_DATE_1"), view.calendar.first_day)
    newest = view.calendar.last_final_session(call.now)
    last = min(call.day("FID_INPUT_DATE_2"), newest)
    days = view.calendar.sessions(first, last)[-PAGE:] if first <= last else []
    rows = [
        {"stck_bsop_date": f"{day:%Y%m%d}", **_figures(_index(view, code, day)), "mod_yn": "N"}
        for day in reversed(days)
    ]
    return envelope({"output1": _head(view, code, newest), "output2": rows})


def _head(view: MarketView, code: str, newest: date) -> dict[str, str]:
    """Return the newest final session beside the one before it; only the head has a change and yesterday's figures."""
    index, before = (_index(view, code, day) for day in (newest, view.calendar.previous_session(newest)))
    change, yesterday = index["CMPPREVDD_IDX"], _figures(before)
    return {
        "bstp_nmix_prdy_vrss": change,
        "prdy_vrss_sign": "5" if change.startswith("-") else "2" if float(change) else "3",
        "bstp_nmix_prdy_ctrt": index["FLUC_RT"],
        "prdy_nmix": yesterday["bstp_nmix_prpr"],
        **_figures(index),
        "hts_kor_isnm": _INDICES[code][1],
        "bstp_cls_code": code,
        "prdy_vol": yesterday["acml_vol"],
        "futs_prdy_oprc": yesterday["bstp_nmix_oprc"],
        "futs_prdy_hgpr": yesterday["bstp_nmix_hgpr"],
        "futs_prdy_lwpr": yesterday["bstp_nmix_lwpr"],
    }


def _index(view: MarketView, code: str, day: date) -> dict[str, str]:
    (index,) = SERVICES[_INDICES[code][0]].rows(view.market, day, False)
    return index


def _figures(index: Mapping[str, str]) -> dict[str, str]:
    return {
        "bstp_nmix_prpr": index["CLSPRC_IDX"],
        "bstp_nmix_oprc": index["OPNPRC_IDX"],
        "bstp_nmix_hgpr": index["HGPRC_IDX"],
        "bstp_nmix_lwpr": index["LWPRC_IDX"],
        "acml_vol": str(int(index["ACC_TRDVOL"]) // 1_000),
        "acml_tr_pbmn": str(int(index["ACC_TRDVAL"]) // 1_000_000),
    }


ENDPOINT = Endpoint(
    "inquire-daily-indexchartprice",
    "FHKUP03500100",
    answer,
    (*SYMBOL, ("FID_INPUT_DATE_1", 10), ("FID_INPUT_DATE_2", 10), ("FID_PERIOD_DIV_CODE", 32)),
    markets=("U",),
    slow=True,
    empty_outputs={"output1": {}, "output2": []},
)
