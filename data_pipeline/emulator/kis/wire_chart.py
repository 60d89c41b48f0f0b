"""``inquire-daily-itemchartprice``: day, week, month and year bars (국내주식기간별시세, v1_국내주식-016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby

from data_pipeline.emulator.figures import book_value_per_share, earnings_per_share, figure
from data_pipeline.emulator.kis.adjust import adjusted, split_days, splits_since
from data_pipeline.emulator.kis.errors import invalid_field
from data_pipeline.emulator.kis.wire import (
    SYMBOL,
    Answer,
    Call,
    Endpoint,
    change_rate,
    envelope,
    percent,
    plain_sign,
    sign,
)
from data_pipeline.emulator.kis.wire_price import EOK, Quote, board, read_quote
from data_pipeline.emulator.view import MarketView
from data_pipeline.market.records import DailyBar

PAGE = 100
REACH = {"D": 150, "W": 7, "M": 31, "Y": 366}
"""Calendar days that surely hold 100 rows: 150 for the whole page of days, the others for each row."""
LONGEST = timedelta(days=366)


def answer(view: MarketView, call: Call) -> Answer:
    """Return up to 100 bars counted back from DATE_2, newest first; FID_ORG_ADJ_PRC 0 is adjusted, 1 raw."""
    period, adjust = call.query["FID_PERIOD_DIV_CODE"], call.query["FID_ORG_ADJ_PRC"]
    if period not in REACH:
        raise invalid_field("FID_PERIOD_DIV_CODE")
    if adjust not in ("0", "1"):
        raise invalid_field("FID_ORG_ADJ_PRC")
    first, last = call.day("FID_INPUT_DATE_1"), call.day("FID_INPUT_DATE_2")
    code = call.code()
    quote = read_quote(view, code, call.moment)
    bars = window(view, call, code, (first, last), period, raw=adjust == "1")
    rows = [row(bar, ratio) for bar, ratio in bars[::-1][:PAGE]]
    return envelope({"output1": _head(view, call, quote), "output2": rows})


def window(
    view: MarketView, call: Call, code: str, span: tuple[date, date], period: str, *, raw: bool
) -> list[tuple[DailyBar, float]]:
    """Return the bars of a period from the first to the last day of ``span``, oldest first, each with its split.

    At least the newest 100 are among them, if so many exist. A week, month or year stands under its last session.
    """
    first, last = span
    reach = timedelta(days=REACH[period] * (1 if period == "D" else PAGE))
    start = max(first, min(last, call.moment.session) - reach)
    # A week or a year that begins before the first day counts whole, and the first bar needs the one before it.
    lead = timedelta(days=15) if period == "D" else LONGEST
    bars = view.bars(code, max(start - lead, view.calendar.first_day), last, call.moment)
    if not bars:
        return []
    ratios = split_days(view, code, bars)
    if not raw:
        bars = adjusted(bars, ratios, splits_since(view, code, bars[-1], call.moment))
    if period != "D":
        bars, ratios = merge(bars, ratios, period)
    return [(bar, ratio) for bar, ratio in zip(bars, ratios, strict=True) if bar.session >= first]


def merge(bars: Sequence[DailyBar], ratios: Sequence[float], period: str) -> tuple[list[DailyBar], list[float]]:
    """Return one bar for each week, month or year, under its last session, with the splits that fell into it."""
    merged: list[DailyBar] = []
    splits: list[float] = []
    days = zip(bars, ratios, strict=True)
    for _, group in groupby(days, key=lambda day: _period_of(day[0].session, period)):
        members = list(group)
        merged.append(_merge([bar for bar, _ in members], merged[-1] if merged else None))
        factor = 1.0
        for _, ratio in members:
            factor *= ratio
        splits.append(factor)
    return merged, splits


def _merge(bars: Sequence[DailyBar], before: DailyBar | None) -> DailyBar:
    traded = [bar for bar in bars if bar.high]
    last = bars[-1]
    base = before.close if before else bars[0].close - bars[0].change
    return replace(
        last,
        open=traded[0].open if traded else 0,
        # A fund's close may have moved by quotes after the last trade. What KIS does then is not known.
        high=max(last.close, *(bar.high for bar in traded)) if traded else 0,
        low=min(last.close, *(bar.low for bar in traded)) if traded else 0,
        close=last.close,
        volume=sum(bar.volume for bar in bars),
        trading_value=sum(bar.trading_value for bar in bars),
        change=last.close - base,
    )


def _period_of(day: date, period: str) -> tuple[int, ...]:
    if period == "W":
        return day.isocalendar()[:2]
    return (day.year, day.month) if period == "M" else (day.year,)


def row(bar: DailyBar, ratio: float) -> dict[str, str]:
    """Return one row of output2; a split day carries its ratio and a reason, a day without a trade mod_yn Y."""
    return {
        "stck_bsop_date": f"{bar.session:%Y%m%d}",
        "stck_clpr": str(bar.close),
        "stck_oprc": str(bar.open),
        "stck_hgpr": str(bar.high),
        "stck_lwpr": str(bar.low),
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
    fund = board(one) == "ETF"
    earnings = 0 if fund else earnings_per_share(one.stock_code, quote.base)
    worth = 0 if fund else book_value_per_share(one.stock_code, quote.base)
    return {
        "prdy_vrss": str(bar.change),
        "prdy_vrss_sign": sign(bar, quote.limits),
        "prdy_ctrt": change_rate(bar),
        "stck_prdy_clpr": str(quote.base),
        "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.trading_value),
        "hts_kor_isnm": one.name,
        "stck_prpr": str(bar.close),
        "stck_shrn_iscd": one.stock_code,
        "prdy_vol": str(before.volume if before else 0),
        "stck_mxpr": str(quote.limits[1]),
        "stck_llam": str(quote.limits[0]),
        "stck_oprc": str(bar.open),
        "stck_hgpr": str(bar.high),
        "stck_lwpr": str(bar.low),
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
