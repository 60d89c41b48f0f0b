"""``inquire-daily-indexchartprice``: daily bars of the main indices and of sectors (국내주식업종기간별시세)."""

from __future__ import annotations

from datetime import date

from data_pipeline.emulator.kis.errors import invalid_field, unknown_symbol
from data_pipeline.emulator.kis.index_codes import INDICES
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import SYMBOL, Answer, Call, Endpoint, envelope
from data_pipeline.market.index_records import IndexBar
from data_pipeline.sources.mock.indices import basket_of, indices_of

PAGE = 50


def answer(view: MarketView, call: Call) -> Answer:
    """Return up to 50 days counted back from DATE_2, newest first, in thousands of shares and millions of won."""
    code = call.query["FID_INPUT_ISCD"]
    if code not in INDICES:
        raise unknown_symbol()
    if call.query["FID_PERIOD_DIV_CODE"] != "D":
        raise invalid_field("FID_PERIOD_DIV_CODE")
    first = max(call.day("FID_INPUT_DATE_1"), view.calendar.first_day)
    newest = min(view.calendar.last_final_session(call.now), call.moment.session)
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
    change, yesterday = index.change or 0.0, _figures(before)
    return {
        "bstp_nmix_prdy_vrss": f"{change:.2f}",
        "prdy_vrss_sign": "5" if change < 0 else "2" if change else "3",
        "bstp_nmix_prdy_ctrt": f"{100 * change / before.close:.2f}",
        "prdy_nmix": yesterday["bstp_nmix_prpr"],
        **_figures(index),
        "hts_kor_isnm": INDICES[code][2],
        "bstp_cls_code": code,
        "prdy_vol": yesterday["acml_vol"],
        "futs_prdy_oprc": yesterday["bstp_nmix_oprc"],
        "futs_prdy_hgpr": yesterday["bstp_nmix_hgpr"],
        "futs_prdy_lwpr": yesterday["bstp_nmix_lwpr"],
    }


def _index(view: MarketView, code: str, day: date) -> IndexBar:
    return indices_of(view.market).bar(basket_of(*INDICES[code][:2]), day)


def _figures(index: IndexBar) -> dict[str, str]:
    return {
        "bstp_nmix_prpr": f"{index.close:.2f}",
        "bstp_nmix_oprc": f"{index.open:.2f}",
        "bstp_nmix_hgpr": f"{index.high:.2f}",
        "bstp_nmix_lwpr": f"{index.low:.2f}",
        "acml_vol": str((index.volume or 0) // 1_000),
        "acml_tr_pbmn": str((index.trading_value or 0) // 1_000_000),
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
