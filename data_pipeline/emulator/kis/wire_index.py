"""``inquire-daily-indexchartprice``: daily bars of the KOSPI and KOSDAQ indices (국내주식업종기간별시세)."""

from __future__ import annotations

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
    last = min(call.day("FID_INPUT_DATE_2"), view.calendar.last_final_session(call.now))
    days = view.calendar.sessions(first, last)[-PAGE:] if first <= last else []
    rows = [_row(view, code, day) for day in reversed(days)]
    head = {"bstp_cls_code": code, "hts_kor_isnm": _INDICES[code][1]}
    return envelope({"output1": head, "output2": rows})


def _row(view: MarketView, code: str, day: date) -> dict[str, str]:
    service, _ = _INDICES[code]
    (index,) = SERVICES[service].rows(view.market, day, False)
    return {
        "stck_bsop_date": index["BAS_DD"],
        "bstp_nmix_prpr": index["CLSPRC_IDX"],
        "bstp_nmix_oprc": index["OPNPRC_IDX"],
        "bstp_nmix_hgpr": index["HGPRC_IDX"],
        "bstp_nmix_lwpr": index["LWPRC_IDX"],
        "acml_vol": str(int(index["ACC_TRDVOL"]) // 1_000),
        "acml_tr_pbmn": str(int(index["ACC_TRDVAL"]) // 1_000_000),
        "mod_yn": "N",
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
