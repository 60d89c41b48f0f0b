"""``inquire-price``: the last price of one instrument, its day and its year (주식현재가 시세, v1_국내주식-008)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from data_pipeline.emulator.figures import figure
from data_pipeline.emulator.kis.bars import adjusted, split_days
from data_pipeline.emulator.kis.quote import Quote, read_quote
from data_pipeline.emulator.kis.view import MarketView, Moment
from data_pipeline.emulator.kis.wire import EOK, SYMBOL, Answer, Call, Endpoint, candle, change, envelope, percent
from data_pipeline.market.price_rules import ETF, tick_size
from data_pipeline.market.records import DailyBar, Instrument


def answer(view: MarketView, call: Call) -> Answer:
    """Return the quote; when the instrument is not listed, the refusal is the caller's to shape."""
    code = call.code()
    key = ("price", code, call.moment)
    return view.fragments.get(key, lambda: envelope({"output": _output(view, code, call.moment)}))


def _output(view: MarketView, code: str, moment: Moment) -> dict[str, str]:
    quote = read_quote(view, code, moment)
    history = view.history(code, moment.session)
    return {
        **_standing(view, quote),
        **_day(quote),
        **_pivots(quote),
        **_company(quote),
        **_year(view, quote, history),
        **_tail(quote),
    }


def _standing(view: MarketView, quote: Quote) -> dict[str, str]:
    one, code = quote.instrument, quote.instrument.stock_code
    margin = "100.00" if one.halted or one.managed or one.market != "KOSPI" else "20.00"
    fields = {
        "iscd_stat_cls_code": status_code(one),
        "marg_rate": margin,
        "rprs_mrkt_kor_name": "ETF" if quote.is_fund else one.market,
        "bstp_kor_isnm": view.market.sector(code),
        "temp_stop_yn": "N",
        "oprc_rang_cont_yn": "N",
        "clpr_rang_cont_yn": "N",
        "crdt_able_yn": "Y" if margin == "20.00" else "N",
        "grmn_rate_cls_code": "40" if margin == "20.00" else "100",
        "elw_pblc_yn": "Y" if figure(code, "elw", 0, 19) == 0 else "N",
    }
    if not fields["bstp_kor_isnm"]:
        del fields["bstp_kor_isnm"]
    return fields


def status_code(one: Instrument) -> str:
    """Return iscd_stat_cls_code: 58 halted, 51 managed, 55 credit, 57 margin of 100 percent."""
    if one.halted:
        return "58"
    if one.managed:
        return "51"
    return "55" if one.market == "KOSPI" else "57"


def _day(quote: Quote) -> dict[str, str]:
    bar, before = quote.bar, quote.before
    average = bar.trading_value / bar.volume if bar.volume else 0.0
    return {
        "stck_prpr": str(bar.close),
        **change(bar, quote.limits),
        "acml_tr_pbmn": str(bar.trading_value),
        "acml_vol": str(bar.volume),
        "prdy_vrss_vol_rate": percent(bar.volume, before.volume if before else 0),
        **candle(bar),
        "stck_mxpr": str(quote.limits[1]),
        "stck_llam": str(quote.limits[0]),
        "stck_sdpr": str(quote.base),
        "wghn_avrg_stck_prc": f"{average:.2f}",
        "hts_frgn_ehrt": f"{figure(bar.stock_code, 'foreign', 0, 6000) / 100:.2f}",
        "frgn_ntby_qty": "0",
        "pgtr_ntby_qty": str(figure(bar.stock_code, f"program {bar.session}", -bar.volume // 20, bar.volume // 20)),
    }


def _pivots(quote: Quote) -> dict[str, str]:
    before = quote.before
    if before is None or not before.high:
        high = low = close = quote.base
    else:
        high, low, close = before.high, before.low, before.close
    pivot = (high + low + close) // 3
    return {
        "pvt_scnd_dmrs_prc": str(pivot + high - low),
        "pvt_frst_dmrs_prc": str(2 * pivot - low),
        "pvt_pont_val": str(pivot),
        "pvt_frst_dmsp_prc": str(2 * pivot - high),
        "pvt_scnd_dmsp_prc": str(pivot - high + low),
        "dmrs_val": str((pivot + high) // 2),
        "dmsp_val": str((pivot + low) // 2),
    }


def _company(quote: Quote) -> dict[str, str]:
    one, price = quote.instrument, quote.bar.close
    capital = int(quote.shares * (one.face_value or 0))
    earnings, book = quote.earnings, quote.book_value
    return {
        "cpfn": str(capital // EOK),
        "rstc_wdth_prc": str(quote.limits[1] - quote.base),
        "stck_fcam": str(int(one.face_value or 0)),
        "stck_sspr": str(quote.base * 7 // 10 // 10 * 10),
        "aspr_unit": str(tick_size(price, ETF if quote.is_fund else one.market)),
        "hts_deal_qty_unit_val": "1",
        "lstn_stcn": str(quote.shares),
        "hts_avls": str(price * quote.shares // EOK),
        "per": f"{price / earnings:.2f}" if earnings else "0.00",
        "pbr": f"{price / book:.2f}" if book else "0.00",
        "stac_month": "12",
        "vol_tnrt": percent(quote.bar.volume, quote.shares),
        "eps": f"{earnings}.00",
        "bps": f"{book}.00",
    }


def _year(view: MarketView, quote: Quote, history: Sequence[DailyBar]) -> dict[str, str]:
    bar = quote.bar
    past = [*history, bar]
    past = adjusted(past, split_days(view, bar.stock_code, past))
    weeks = [one for one in past if one.session > bar.session - timedelta(days=364)]
    year = [one for one in past if one.session.year == bar.session.year]
    fields: dict[str, str] = {}
    for side, pick in (("hgpr", max), ("lwpr", min)):
        top = [_extreme(bars, side) for bars in (past[-250:], year, weeks)]
        day, since_new_year, year_round = (pick(found, key=lambda one: one[0]) for found in top)
        fields |= {
            f"d250_{side}": str(day[0]),
            f"d250_{side}_date": day[1],
            f"d250_{side}_vrss_prpr_rate": percent(bar.close - day[0], day[0]),
            f"stck_dryy_{side}": str(since_new_year[0]),
            f"dryy_{side}_vrss_prpr_rate": percent(bar.close - since_new_year[0], since_new_year[0]),
            f"dryy_{side}_date": since_new_year[1],
            f"w52_{side}": str(year_round[0]),
            f"w52_{side}_vrss_prpr_ctrt": percent(bar.close - year_round[0], year_round[0]),
            f"w52_{side}_date": year_round[1],
        }
        if bar.high and day[1] == f"{bar.session:%Y%m%d}":
            fields["new_hgpr_lwpr_cls_code"] = "신고가" if side == "hgpr" else "신저가"
    return fields


def _extreme(bars: Sequence[DailyBar], side: str) -> list[tuple[int, str]]:
    """Return the price of each bar on one side with its day; a day without a trade stands with its close."""
    name = "high" if side == "hgpr" else "low"
    return [(getattr(bar, name) or bar.close, f"{bar.session:%Y%m%d}") for bar in bars]


def _tail(quote: Quote) -> dict[str, str]:
    one, code = quote.instrument, quote.instrument.stock_code
    face = int(one.face_value or 0)
    return {
        "whol_loan_rmnd_rate": f"{figure(code, 'loan', 0, 300) / 100:.2f}",
        "ssts_yn": "Y" if one.market != "KONEX" else "N",
        "stck_shrn_iscd": code,
        "fcam_cnnm": f"{face:,}" if face else "무액면",
        "cpfn_cnnm": f"{quote.shares * face // EOK:,} 억",
        "frgn_hldn_qty": str(quote.shares * figure(code, "foreign", 0, 6000) // 10_000),
        "vi_cls_code": "N",
        "ovtm_vi_cls_code": "N",
        "last_ssts_cntg_qty": str(quote.bar.volume // figure(code, "short", 20, 200)),
        "invt_caful_yn": "N",
        "mrkt_warn_cls_code": "00",
        "short_over_yn": "N",
        "sltr_yn": "Y" if one.liquidation else "N",
        "mang_issu_cls_code": "Y" if one.managed else "N",
    }


ENDPOINT = Endpoint(
    "inquire-price",
    "FHKST01010100",
    answer,
    SYMBOL,
    slow=True,
    empty_outputs={"output": {"rprs_mrkt_kor_name": "", "temp_stop_yn": "N", "stck_prpr": "0"}},
)
