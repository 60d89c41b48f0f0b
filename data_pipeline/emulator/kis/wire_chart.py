"""``inquire-daily-itemchartprice``: day, week, month and year bars (국내주식기간별시세, v1_국내주식-016)."""

from __future__ import annotations

from data_pipeline.emulator.figures import figure
from data_pipeline.emulator.kis.bars import PAGE, REACH, window
from data_pipeline.emulator.kis.quote import Quote, read_quote
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import (
    EOK,
    SYMBOL,
    Answer,
    Call,
    Endpoint,
    candle,
    change,
    envelope,
    percent,
    period_and_adjustment,
    plain_sign,
)
from data_pipeline.market.records import DailyBar


def answer(view: MarketView, call: Call) -> Answer:
    """Return up to 100 bars counted back from DATE_2, newest first; FID_ORG_ADJ_PRC 0 is adjusted, 1 raw."""
    period, adjust = period_and_adjustment(call, REACH)
    first, last = call.day("FID_INPUT_DATE_1"), call.day("FID_INPUT_DATE_2")
    code = call.code()
    quote = read_quote(view, code, call.moment)
    bars = window(view, call.moment, code, (first, last), period, raw=adjust == "1")
    rows = [row(bar, ratio) for bar, ratio in bars[::-1][:PAGE]]
    return envelope({"output1": _head(view, call, quote), "output2": rows})


def row(bar: DailyBar, ratio: float) -> dict[str, str]:
    """Return one row of output2; a split day carries its ratio and a reason, a day without a trade mod_yn Y."""
    return {
        "stck_bsop_date": f"{bar.session:%Y%m%d}",
        "stck_clpr": str(bar.close),
        **candle(bar),
        "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.trading_value),
        "flng_cls_code": "00",
        "prtt_rate": "0.00" if ratio == 1.0 else f"{ratio:.2f}",
        "mod_yn": "N" if bar.high else "Y",
        "prdy_vrss_sign": plain_sign(bar.change),
        "prdy_vrss": str(bar.change),
        "revl_issu_reas": "" if ratio == 1.0 else "99",
    }


def _head(view: MarketView, call: Call, quote: Quote) -> dict[str, str]:
    one, bar, before = quote.instrument, quote.bar, quote.before
    book = view.book(one.stock_code, call.moment)
    earnings, worth = quote.earnings, quote.book_value
    return {
        **change(bar, quote.limits),
        "stck_prdy_clpr": str(quote.base),
        "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.trading_value),
        "hts_kor_isnm": one.name,
        "stck_prpr": str(bar.close),
        "stck_shrn_iscd": one.stock_code,
        "prdy_vol": str(before.volume if before else 0),
        "stck_mxpr": str(quote.limits[1]),
        "stck_llam": str(quote.limits[0]),
        **candle(bar),
        "stck_prdy_oprc": str(before.open if before else 0),
        "stck_prdy_hgpr": str(before.high if before else 0),
        "stck_prdy_lwpr": str(before.low if before else 0),
        "askp": str(book.best_ask),
        "bidp": str(book.best_bid),
        "prdy_vrss_vol": str(bar.volume - (before.volume if before else 0)),
        "vol_tnrt": percent(bar.volume, quote.shares),
        "stck_fcam": str(int(one.face_value or 0)),
        "lstn_stcn": str(quote.shares),
        "cpfn": str(int(quote.shares * (one.face_value or 0)) // EOK),
        "hts_avls": str(bar.close * quote.shares // EOK),
        "per": f"{bar.close / earnings:.2f}" if earnings else "0.00",
        "eps": f"{earnings}.00",
        "pbr": f"{bar.close / worth:.2f}" if worth else "0.00",
        "itewhol_loan_rmnd_ratem name": f"{figure(one.stock_code, 'loan', 0, 300) / 100:.2f}",
    }


_WINDOW = (("FID_INPUT_DATE_1", 10), ("FID_INPUT_DATE_2", 10), ("FID_PERIOD_DIV_CODE", 32), ("FID_ORG_ADJ_PRC", 10))
ENDPOINT = Endpoint(
    "inquire-daily-itemchartprice",
    "FHKST03010100",
    answer,
    SYMBOL + _WINDOW,
    slow=True,
    empty_outputs={"output1": {}, "output2": []},
)
