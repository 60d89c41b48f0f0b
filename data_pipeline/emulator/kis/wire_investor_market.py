"""``inquire-investor-daily-by-market``: what investors bought net on a whole board (시장별 투자자매매동향(일별))."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from data_pipeline.emulator.kis.errors import invalid_field, unknown_symbol
from data_pipeline.emulator.kis.index_codes import INDICES
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import SYMBOL, Answer, Call, Endpoint, envelope, percent
from data_pipeline.emulator.kis.wire_investor import FIELDS, NET, TOLD_AFTER_CLOSE
from data_pipeline.market.investor_records import KINDS, TOTALS, MarketFlow
from data_pipeline.sources.mock.flows import market_flow
from data_pipeline.sources.mock.indices import basket_of, indices_of
from data_pipeline.sources.mock.market import SyntheticMarket

ROWS = 2
"""KIS gives about 300 whatever the dates; each costs the sums of a whole board here."""
BOARDS = {"0001": ("KSP", "KOSPI"), "1001": ("KSQ", "KOSDAQ")}


def answer(view: MarketView, call: Call) -> Answer:
    """Return the sessions up to DATE_1, newest first, in millions of won; that of the day is told from 15:40 on."""
    index = call.query["FID_INPUT_ISCD"]
    if index not in BOARDS:
        raise unknown_symbol()
    code, board = BOARDS[index]
    if call.query["FID_INPUT_ISCD_1"] != code:
        raise invalid_field("FID_INPUT_ISCD_1")
    newest = call.moment.session
    if call.now < view.calendar.close_at(newest) + TOLD_AFTER_CLOSE:
        newest = view.calendar.previous_session(newest)
    last = min(call.day("FID_INPUT_DATE_1"), newest)
    days = view.calendar.sessions(view.calendar.first_day, last)[: -ROWS - 1 : -1]
    return envelope({"output": [{**_index(view, index, day), **_net(view.market, board, day)} for day in days]})


def _index(view: MarketView, code: str, day: date) -> dict[str, str]:
    basket = basket_of(*INDICES[code][:2])
    bar = indices_of(view.market).bar(basket, day)
    change = bar.change or 0.0
    return {
        "stck_bsop_date": f"{day:%Y%m%d}",
        "bstp_nmix_prpr": f"{bar.close:.2f}",
        "bstp_nmix_prdy_vrss": f"{change:.2f}",
        "prdy_vrss_sign": "5" if change < 0 else "2" if change else "3",
        "bstp_nmix_prdy_ctrt": percent(change, bar.close - change),
        "bstp_nmix_oprc": f"{bar.open:.2f}",
        "bstp_nmix_hgpr": f"{bar.high:.2f}",
        "bstp_nmix_lwpr": f"{bar.low:.2f}",
        "stck_prdy_clpr": f"{bar.close - change:.2f}",
    }


def _net(market: SyntheticMarket, board: str, day: date) -> dict[str, str]:
    """Return the values by kind; shares, whose unit no document gives, stand as 0."""
    flow = _flow(market, board, day)
    found: dict[str, str] = {}
    for kind in (*TOTALS, *KINDS):
        of = FIELDS[kind]
        found |= {f"{of}_ntby_{NET.get(of, 'qty')}": "0", f"{of}_ntby_tr_pbmn": str(flow.net[kind] // 1_000_000)}
    foreign = found["frgn_ntby_tr_pbmn"]
    others = flow.net["other_group"] + flow.net["other_corporation"]
    return found | {
        "frgn_reg_ntby_qty": "0", "frgn_nreg_ntby_qty": "0", "frgn_reg_ntby_pbmn": foreign, "frgn_nreg_ntby_pbmn": "0",
        "etc_ntby_qty": "0", "etc_ntby_tr_pbmn": str(others // 1_000_000),
    }  # fmt: skip


@lru_cache(maxsize=64)
def _flow(market: SyntheticMarket, board: str, day: date) -> MarketFlow:
    return market_flow(market, board, day)


ENDPOINT = Endpoint(
    "inquire-investor-daily-by-market",
    "FHPTJ04040000",
    answer,
    (
        *SYMBOL, ("FID_INPUT_DATE_1", 10), ("FID_INPUT_ISCD_1", 12), ("FID_INPUT_DATE_2", 10),
        ("FID_INPUT_ISCD_2", 10),
    ),
    markets=("U",),
    virtual=False,
    slow=True,
    empty_outputs={"output": []},
)  # fmt: skip
