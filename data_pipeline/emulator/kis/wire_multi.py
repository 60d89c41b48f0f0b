"""``intstock-multprice``: the prices of up to thirty instruments in one call (관심종목(멀티종목) 시세조회)."""

from __future__ import annotations

from collections.abc import Iterator

from data_pipeline.emulator.exchange import WireError, dumps
from data_pipeline.emulator.kis.errors import invalid_field, missing_field, wrong_size
from data_pipeline.emulator.kis.quote import Quote, read_quote
from data_pipeline.emulator.kis.view import MarketView, Moment
from data_pipeline.emulator.kis.wire import (
    DONE,
    MARKETS,
    Answer,
    Call,
    Endpoint,
    change_rate,
    percent,
    plain_code,
    sign,
)
from data_pipeline.market.records import OrderBook, OrderBookLevel

SLOTS = 30
BOARD = {"KOSPI": "거래소", "KOSDAQ": "코스닥", "KONEX": "코넥스"}
NOBODY = OrderBookLevel(0, 0)
_END = f',"rt_cd":"0","msg_cd":"{DONE[0]}","msg1":"{DONE[1]}"}}'.encode()


def answer(view: MarketView, call: Call) -> Answer:
    """Return one row per filled slot, in the order of the slots; a blank slot is refused."""
    rows = [fragment(view, code, call.moment) for code in _slots(call)]
    return Answer(b'{"output":[' + b",".join(rows) + b"]" + _END)


def _slots(call: Call) -> Iterator[str]:
    query = call.query
    for slot in range(1, SLOTS + 1):
        market, name = f"FID_COND_MRKT_DIV_CODE_{slot}", f"FID_INPUT_ISCD_{slot}"
        if market not in query and name not in query and slot > 1:
            continue
        for field in (market, name):
            if field not in query:
                raise missing_field(field)
        if query[market] not in MARKETS:
            raise invalid_field(market)
        if not 0 < len(query[name]) <= 16:
            raise wrong_size(name)
        yield plain_code(query[name])


def fragment(view: MarketView, code: str, moment: Moment) -> bytes:
    """Return the row of one instrument as JSON; kept for as long as the moment lasts."""
    return view.fragments.get(("multi", code, moment), lambda: dumps(_row(view, code, moment)))


def answer_with_shells(view: MarketView, call: Call) -> Answer:
    """Return rows as :func:`answer` does, an unlisted code as a row of zeros and blanks."""
    rows = [_fragment_or_shell(view, code, call.moment) for code in _slots(call)]
    return Answer(b'{"output":[' + b",".join(rows) + b"]" + _END)


def _fragment_or_shell(view: MarketView, code: str, moment: Moment) -> bytes:
    try:
        return fragment(view, code, moment)
    except WireError:
        return dumps({"inter_shrn_iscd": code, "inter_kor_isnm": "", "inter2_prpr": "0", "acml_vol": "0"})


def _row(view: MarketView, code: str, moment: Moment) -> dict[str, str]:
    quote = read_quote(view, code, moment)
    return {**_price(quote), **_book(view.book(code, moment)), **_expected(quote)}


def _price(quote: Quote) -> dict[str, str]:
    one, bar = quote.instrument, quote.bar
    return {
        "kospi_kosdaq_cls_name": BOARD[one.market],
        "mrkt_trtm_cls_name": BOARD[one.market],
        "hour_cls_code": "0",
        "inter_shrn_iscd": one.stock_code,
        "inter_kor_isnm": one.name,
        "inter2_prpr": str(bar.close),
        "inter2_prdy_vrss": str(bar.change),
        "prdy_vrss_sign": sign(bar, quote.limits),
        "prdy_ctrt": change_rate(bar),
        "acml_vol": str(bar.volume),
        "inter2_oprc": str(bar.open),
        "inter2_hgpr": str(bar.high),
        "inter2_lwpr": str(bar.low),
        "inter2_llam": str(quote.limits[0]),
        "inter2_mxpr": str(quote.limits[1]),
    }


def _book(book: OrderBook) -> dict[str, str]:
    ask = book.ask_levels[0] if book.ask_levels else NOBODY
    bid = book.bid_levels[0] if book.bid_levels else NOBODY
    return {
        "inter2_askp": str(ask.price),
        "inter2_bidp": str(bid.price),
        "seln_rsqn": str(ask.volume),
        "shnu_rsqn": str(bid.volume),
        "total_askp_rsqn": str(book.total_ask_volume),
        "total_bidp_rsqn": str(book.total_bid_volume),
    }


def _expected(quote: Quote) -> dict[str, str]:
    bar, before = quote.bar, quote.before
    return {
        "acml_tr_pbmn": str(bar.trading_value),
        "inter2_prdy_clpr": str(before.close if before else quote.base),
        "oprc_vrss_hgpr_rate": percent(bar.high - bar.open, bar.open),
        "intr_antc_cntg_vrss": "0",
        "intr_antc_cntg_vrss_sign": "3",
        "intr_antc_cntg_prdy_ctrt": "0.00",
        "intr_antc_vol": "0",
        "inter2_sdpr": str(quote.base),
    }


ENDPOINT = Endpoint("intstock-multprice", "FHKST11300006", answer, virtual=False, slow=True)
