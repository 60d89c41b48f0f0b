"""``investor-trade-by-stock-daily`` and ``inquire-investor``: who bought and who sold (투자자매매동향)."""

from __future__ import annotations

from datetime import date, timedelta

from data_pipeline.emulator.kis.quote import read_quote
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import SYMBOL, Answer, Call, Endpoint, change_rate, envelope, plain_sign
from data_pipeline.market.investor_records import KINDS, TOTALS
from data_pipeline.market.records import DailyBar
from data_pipeline.sources.mock.flows import flow_of

PAGE = 30
TOLD_AFTER_CLOSE = timedelta(minutes=10)
"""From 15:40 on the session of the day has figures."""
_REACH = timedelta(days=90)
FIELDS = {
    "individual": "prsn", "foreign": "frgn", "institution": "orgn", "securities": "scrt", "trust": "ivtr",
    "private_fund": "pe_fund", "bank": "bank", "insurance": "insu", "merchant_bank": "mrbn", "pension": "fund",
    "other_group": "etc_orgt", "other_corporation": "etc_corp",
}  # fmt: skip
NET = {"pe_fund": "vol", "etc_orgt": "vol", "etc_corp": "vol"}


def past(view: MarketView, call: Call) -> Answer:
    """Return thirty sessions back from DATE_1, newest first, with every kind; values in millions of won."""
    code, last = call.code(), call.day("FID_INPUT_DATE_1")
    quote = read_quote(view, code, call.moment)
    bars = _bars(view, call, last)
    rows = [{**_price(bar), **_of_all(bar), **_amounts(bar, (*TOTALS, *KINDS)), "bold_yn": "N"} for bar in bars]
    before = view.bar_before(code, call.moment.session)
    head = {
        "stck_prpr": str(quote.bar.close),
        "prdy_vrss": str(quote.bar.change),
        "prdy_vrss_sign": plain_sign(quote.bar.change),
        "prdy_ctrt": change_rate(quote.bar),
        "acml_vol": str(quote.bar.volume),
        "prdy_vol": str(before.volume if before else 0),
        "rprs_mrkt_kor_name": "KOSPI",
    }
    return envelope({"output1": head, "output2": rows})


def newest(view: MarketView, call: Call) -> Answer:
    """Return the newest thirty sessions, newest first, with the totals; that of a running session is empty text."""
    read_quote(view, call.code(), call.moment)
    rows = [{**_price(bar, of_day=False), **_amounts(bar, TOTALS)} for bar in _bars(view, call, call.moment.session)]
    if not _is_told(view, call):
        empty = dict.fromkeys(rows[0] if rows else (), "") | {"stck_bsop_date": f"{call.moment.session:%Y%m%d}"}
        rows = [empty, *rows][:PAGE]
    return envelope({"output": rows})


def _is_told(view: MarketView, call: Call) -> bool:
    return call.now >= view.calendar.close_at(call.moment.session) + TOLD_AFTER_CLOSE


def _bars(view: MarketView, call: Call, last: date) -> list[DailyBar]:
    """Return the bars of the newest thirty sessions that are told up to a day, newest first."""
    last = min(last, call.moment.session)
    if last == call.moment.session and not _is_told(view, call):
        last = view.calendar.previous_session(last)
    bars = view.bars(call.code(), last - _REACH, last, call.moment)
    return bars[::-1][:PAGE]


def _price(bar: DailyBar, *, of_day: bool = True) -> dict[str, str]:
    shown = {
        "stck_bsop_date": f"{bar.session:%Y%m%d}",
        "stck_clpr": str(bar.close),
        "prdy_vrss": str(bar.change),
        "prdy_vrss_sign": plain_sign(bar.change),
    }
    return {**shown, "prdy_ctrt": change_rate(bar)} if of_day else shown


def _of_all(bar: DailyBar) -> dict[str, str]:
    return {
        "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.trading_value // 1_000_000),
        "stck_oprc": str(bar.open),
        "stck_hgpr": str(bar.high),
        "stck_lwpr": str(bar.low),
    }


def _amounts(bar: DailyBar, kinds: tuple[str, ...]) -> dict[str, str]:
    flow = flow_of(bar)
    found: dict[str, str] = {}
    for kind in kinds:
        of, traded = FIELDS[kind], flow.of(kind)
        if traded is not None:
            bought, sold = traded.bought_value // 1_000_000, traded.sold_value // 1_000_000
            found |= {
                f"{of}_ntby_{NET.get(of, 'qty')}": str(traded.bought_volume - traded.sold_volume),
                f"{of}_ntby_tr_pbmn": str(bought - sold),
                f"{of}_seln_vol": str(traded.sold_volume),
                f"{of}_shnu_vol": str(traded.bought_volume),
                f"{of}_seln_tr_pbmn": str(sold),
                f"{of}_shnu_tr_pbmn": str(bought),
            }
    return found


PAST = Endpoint(
    "investor-trade-by-stock-daily",
    "FHPTJ04160001",
    past,
    (*SYMBOL, ("FID_INPUT_DATE_1", 10), ("FID_ORG_ADJ_PRC", 2), ("FID_ETC_CLS_CODE", 2)),
    virtual=False,
    slow=True,
    empty_outputs={"output1": {}, "output2": []},
)
ENDPOINT = Endpoint("inquire-investor", "FHKST01010900", newest, SYMBOL, slow=True, empty_outputs={"output": []})
