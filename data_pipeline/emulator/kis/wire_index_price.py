"""``inquire-index-price``: one index at this moment (국내업종 현재지수)."""

from __future__ import annotations

from data_pipeline.emulator.kis.errors import unknown_symbol
from data_pipeline.emulator.kis.index_codes import INDICES
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import SYMBOL, Answer, Call, Endpoint, envelope, percent
from data_pipeline.market.index_records import IndexBar, IndexSnapshot
from data_pipeline.sources.mock.indices import Basket, SyntheticIndices, basket_of, indices_of


def answer(view: MarketView, call: Call) -> Answer:
    """Return the index and its day so far, in thousands of shares and millions of won; no field tells the time."""
    code = call.query["FID_INPUT_ISCD"]
    if code not in INDICES:
        raise unknown_symbol()
    indices = indices_of(view.market)
    basket = basket_of(*INDICES[code][:2])
    now = indices.snapshot(basket, call.moment.at)
    before = indices.bar(basket, view.calendar.previous_session(call.moment.session))
    shown = {**_change(now, before), **_amounts(now, before), **_day(now, before)}
    return envelope({"output": {**shown, **_members(view, indices, basket, call), **_year(view, call, now, before)}})


def _sign(change: float) -> str:
    return "5" if change < 0 else "2" if change else "3"


def _change(now: IndexSnapshot, before: IndexBar) -> dict[str, str]:
    return {
        "bstp_nmix_prpr": f"{now.level:.2f}",
        "bstp_nmix_prdy_vrss": f"{now.change:.2f}",
        "prdy_vrss_sign": _sign(now.change),
        "bstp_nmix_prdy_ctrt": percent(now.change, before.close),
    }


def _amounts(now: IndexSnapshot, before: IndexBar) -> dict[str, str]:
    return {
        "acml_vol": str(now.volume // 1_000),
        "prdy_vol": str((before.volume or 0) // 1_000),
        "acml_tr_pbmn": str(now.trading_value // 1_000_000),
        "prdy_tr_pbmn": str((before.trading_value or 0) // 1_000_000),
    }


def _day(now: IndexSnapshot, before: IndexBar) -> dict[str, str]:
    opened, high, low = now.open or 0.0, now.high or 0.0, now.low or 0.0
    rise = {"oprc": opened and opened - before.close, "hgpr": high and high - before.close}
    fall = low and low - before.close
    return {
        "bstp_nmix_oprc": f"{opened:.2f}",
        "prdy_nmix_vrss_nmix_oprc": f"{rise['oprc']:.2f}",
        "oprc_vrss_prpr_sign": _sign(rise["oprc"]),
        "bstp_nmix_oprc_prdy_ctrt": percent(rise["oprc"], before.close),
        "bstp_nmix_hgpr": f"{high:.2f}",
        "prdy_nmix_vrss_nmix_hgpr": f"{rise['hgpr']:.2f}",
        "hgpr_vrss_prpr_sign": _sign(rise["hgpr"]),
        "bstp_nmix_hgpr_prdy_ctrt": percent(rise["hgpr"], before.close),
        "bstp_nmix_lwpr": f"{low:.2f}",
        "prdy_clpr_vrss_lwpr": f"{fall:.2f}",
        "lwpr_vrss_prpr_sign": _sign(fall),
        "prdy_clpr_vrss_lwpr_rate": percent(fall, before.close),
    }


def _members(view: MarketView, indices: SyntheticIndices, basket: Basket, call: Call) -> dict[str, str]:
    """Return how many members rose and fell, and what waits in their books."""
    codes = [one.bar.stock_code for one in indices.members(basket, call.moment.session)]
    changes = [view.bar(code, call.moment).change for code in codes]
    books = [view.book(code, call.moment) for code in codes]
    asked, bid = sum(one.total_ask_volume for one in books), sum(one.total_bid_volume for one in books)
    return {
        "ascn_issu_cnt": str(sum(change > 0 for change in changes)),
        "uplm_issu_cnt": "0",
        "stnr_issu_cnt": str(sum(change == 0 for change in changes)),
        "down_issu_cnt": str(sum(change < 0 for change in changes)),
        "lslm_issu_cnt": "0",
        "total_askp_rsqn": str(asked),
        "total_bidp_rsqn": str(bid),
        "seln_rsqn_rate": percent(asked, asked + bid),
        "shnu_rsqn_rate": percent(bid, asked + bid),
        "ntby_rsqn": str(bid - asked),
    }


def _year(view: MarketView, call: Call, now: IndexSnapshot, before: IndexBar) -> dict[str, str]:
    """Return the extremes of the year, for which the session before stands: nobody reads them."""
    day = f"{view.calendar.previous_session(call.moment.session):%Y%m%d}"
    high, low = before.high or before.close, before.low or before.close
    return {
        "dryy_bstp_nmix_hgpr": f"{high:.2f}",
        "dryy_hgpr_vrss_prpr_rate": percent(high - now.level, high),
        "dryy_bstp_nmix_hgpr_date": day,
        "dryy_bstp_nmix_lwpr": f"{low:.2f}",
        "dryy_lwpr_vrss_prpr_rate": percent(low - now.level, low),
        "dryy_bstp_nmix_lwpr_date": day,
    }


ENDPOINT = Endpoint(
    "inquire-index-price",
    "FHPUP02100000",
    answer,
    SYMBOL,
    markets=("U",),
    virtual=False,
    slow=True,
    empty_outputs={"output": {}},
)
