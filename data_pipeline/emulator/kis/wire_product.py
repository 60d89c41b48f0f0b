"""``search-info``: what a product is, from the ledger (상품기본조회, v1_국내주식-029)."""

from __future__ import annotations

from data_pipeline.emulator.kis.wire import Answer, Call, Endpoint, envelope, plain_code
from data_pipeline.emulator.kis.wire_info import DONE, names
from data_pipeline.emulator.kis.wire_price import board, read_quote
from data_pipeline.emulator.view import MarketView


def answer(view: MarketView, call: Call) -> Answer:
    """Return the ledger's entry of one listed issue as a product."""
    quote = read_quote(view, plain_code(call.query["PDNO"]), call.moment)
    one = quote.instrument
    called = names(view, quote)
    kind = "ETF" if board(one) == "ETF" else "주식"
    output = {
        "pdno": f"00000A{one.stock_code}",
        "prdt_type_cd": "300",
        "prdt_name": called["prdt_name"],
        "prdt_name120": called["prdt_name120"],
        "prdt_abrv_name": one.name,
        "prdt_eng_name": called["prdt_eng_name"],
        "prdt_eng_name120": called["prdt_eng_name120"],
        "prdt_eng_abrv_name": called["prdt_eng_abrv_name"],
        "std_pdno": one.isin,
        "shtn_pdno": one.stock_code,
        "prdt_sale_stat_cd": "",
        "prdt_risk_grad_cd": "",
        "prdt_clsf_cd": "101110",
        "prdt_clsf_name": kind,
        "sale_strt_dt": "",
        "sale_end_dt": "",
        "wrap_asst_type_cd": "06",
        "ivst_prdt_type_cd": "1011",
        "ivst_prdt_type_cd_name": kind,
        "frst_erlm_dt": "",
    }
    return envelope({"output": output}, done=DONE)


ENDPOINT = Endpoint(
    "search-info",
    "CTPF1604R",
    answer,
    (("PDNO", 12), ("PRDT_TYPE_CD", 3)),
    virtual=False,
    ledger=True,
    empty_outputs={"output": {"pdno": "", "prdt_type_cd": "300"}},
)
