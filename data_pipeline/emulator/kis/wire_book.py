"""``inquire-asking-price-exp-ccn``: the ten-level order book (주식현재가 호가/예상체결, v1_국내주식-011)."""

from __future__ import annotations

from data_pipeline.emulator.kis.quote import read_quote
from data_pipeline.emulator.kis.view import MarketView, Moment
from data_pipeline.emulator.kis.wire import SYMBOL, Answer, Call, Endpoint, candle, envelope, percent, plain_sign
from data_pipeline.market.records import OrderBook, OrderBookLevel

DEPTH = 10
NOBODY = OrderBookLevel(0, 0)


def answer(view: MarketView, call: Call) -> Answer:
    """Return both sides of the book, best first; levels that nobody fills are "0"."""
    code = call.code()
    return view.fragments.get(("book", code, call.moment), lambda: _answer(view, code, call.moment))


def _answer(view: MarketView, code: str, moment: Moment) -> Answer:
    quote = read_quote(view, code, moment)
    book = view.book(code, moment)
    bar = quote.bar
    phase = view.phase(moment)
    in_auction = phase == "auction"
    expected = bar.close if in_auction and bar.high else 0
    change = expected - quote.base if expected else 0
    output2 = {
        "antc_mkop_cls_code": "311" if in_auction else "112",
        "stck_prpr": str(bar.close),
        **candle(bar),
        "stck_sdpr": str(quote.base),
        "antc_cnpr": str(expected),
        "antc_cntg_vrss_sign": plain_sign(change),
        "antc_cntg_vrss": str(change),
        "antc_cntg_prdy_ctrt": percent(change, quote.base),
        "antc_vol": str(bar.volume // 50) if expected else "0",
        "stck_shrn_iscd": code,
        "vi_cls_code": "N",
    }
    return envelope({"output1": _levels(book, phase, moment), "output2": output2})


def _levels(book: OrderBook, phase: str, moment: Moment) -> dict[str, str]:
    asks = [*book.ask_levels, *[NOBODY] * DEPTH][:DEPTH]
    bids = [*book.bid_levels, *[NOBODY] * DEPTH][:DEPTH]
    fields = {"aspr_acpt_hour": f"{moment.at:%H%M%S}"}
    for name, side in (("askp", asks), ("bidp", bids)):
        fields |= {f"{name}{level}": str(one.price) for level, one in enumerate(side, 1)}
    for name, side in (("askp_rsqn", asks), ("bidp_rsqn", bids)):
        fields |= {f"{name}{level}": str(one.volume) for level, one in enumerate(side, 1)}
    for name in ("askp_rsqn_icdc", "bidp_rsqn_icdc"):
        fields |= {f"{name}{level}": "0" for level in range(1, DEPTH + 1)}
    return fields | {
        "total_askp_rsqn": str(book.total_ask_volume),
        "total_bidp_rsqn": str(book.total_bid_volume),
        "total_askp_rsqn_icdc": "0",
        "total_bidp_rsqn_icdc": "0",
        "ovtm_total_askp_icdc": "0",
        "ovtm_total_bidp_icdc": "0",
        "ovtm_total_askp_rsqn": "0",
        "ovtm_total_bidp_rsqn": "0",
        "ntby_aspr_rsqn": str(book.total_bid_volume - book.total_ask_volume),
        "new_mkop_cls_code": {"before": "10", "open": "20", "auction": "20", "after": "31"}[phase],
    }


ENDPOINT = Endpoint(
    "inquire-asking-price-exp-ccn",
    "FHKST01010200",
    answer,
    SYMBOL,
    slow=True,
    empty_outputs={"output1": {"aspr_acpt_hour": "000000"}, "output2": {}},
)
