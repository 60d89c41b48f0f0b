"""``inquire-daily-price``: the last thirty days, weeks or months (주식현재가 일자별, v1_국내주식-010)."""

from __future__ import annotations

from datetime import timedelta

from data_pipeline.emulator.figures import figure
from data_pipeline.emulator.kis.bars import window
from data_pipeline.emulator.kis.quote import read_quote
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import (
    SYMBOL,
    Answer,
    Call,
    Endpoint,
    candle,
    change_rate,
    envelope,
    percent,
    period_and_adjustment,
    plain_sign,
)
from data_pipeline.market.records import DailyBar

PAGE = 30
REACH = {"D": timedelta(days=60), "W": timedelta(days=230), "M": timedelta(days=980)}


def answer(view: MarketView, call: Call) -> Answer:
    """Return the newest 30 bars, newest first; here FID_ORG_ADJ_PRC 0 is raw and 1 adjusted."""
    period, adjust = period_and_adjustment(call, REACH)
    code = call.code()
    read_quote(view, code, call.moment)
    last = call.moment.session
    bars = window(view, call.moment, code, (last - REACH[period], last), period, raw=adjust == "0")[-PAGE - 1 :]
    before = [None, *(bar for bar, _ in bars)]
    rows = [_row(bar, ratio, older) for older, (bar, ratio) in zip(before, bars, strict=False)]
    return envelope({"output": rows[::-1][:PAGE]})


def _row(bar: DailyBar, ratio: float, before: DailyBar | None) -> dict[str, str]:
    volume = before.volume if before else 0
    return {
        "stck_bsop_date": f"{bar.session:%Y%m%d}",
        **candle(bar),
        "stck_clpr": str(bar.close),
        "acml_vol": str(bar.volume),
        "prdy_vrss_vol_rate": percent(bar.volume - volume, volume),
        "prdy_vrss": str(bar.change),
        "prdy_vrss_sign": plain_sign(bar.change),
        "prdy_ctrt": change_rate(bar),
        "hts_frgn_ehrt": f"{figure(bar.stock_code, 'foreign', 0, 6000) / 100:.2f}",
        "frgn_ntby_qty": "0",
        "flng_cls_code": "00",
        "acml_prtt_rate": "0.00" if ratio == 1.0 else f"{ratio:.2f}",
    }


ENDPOINT = Endpoint(
    "inquire-daily-price",
    "FHKST01010400",
    answer,
    (*SYMBOL, ("FID_PERIOD_DIV_CODE", 32), ("FID_ORG_ADJ_PRC", 10)),
    slow=True,
    empty_outputs={"output": []},
)
