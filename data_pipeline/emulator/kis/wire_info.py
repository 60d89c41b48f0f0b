"""What the ledger says: ``search-stock-info`` (주식기본조회, CTPF1002R) and ``search-info`` (상품기본조회)."""

from __future__ import annotations

from data_pipeline.emulator.figures import SECTORS, figure
from data_pipeline.emulator.kis.quote import Quote, read_quote
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import Answer, Call, Endpoint, envelope, plain_code

DONE = ("KIOK0530", "조회되었습니다".ljust(80))
MARKET_ID = {"KOSPI": "STK", "KOSDAQ": "KSQ", "KONEX": "KNX"}
EXCHANGE = {"KOSPI": "02", "KOSDAQ": "03", "KONEX": "04"}


def answer(view: MarketView, call: Call) -> Answer:
    """Return the ledger's entry of one listed instrument; every date that does not apply is blank."""
    quote = read_quote(view, plain_code(call.query["PDNO"]), call.moment)
    output = {**_identity(quote), **_dates(quote), **_kind(view, quote), **names(view, quote), **_ledger(view, quote)}
    return envelope({"output": output}, done=DONE)


def answer_product(view: MarketView, call: Call) -> Answer:
    """Return the ledger's entry of one listed instrument as a product."""
    quote = read_quote(view, plain_code(call.query["PDNO"]), call.moment)
    one = quote.instrument
    called = names(view, quote)
    kind = "ETF" if quote.is_fund else "주식"
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


def _identity(quote: Quote) -> dict[str, str]:
    one = quote.instrument
    face = int(one.face_value or 0)
    return {
        "pdno": f"00000A{one.stock_code}",
        "prdt_type_cd": "300",
        "mket_id_cd": MARKET_ID[one.market],
        "scty_grp_id_cd": one.security_group,
        "excg_dvsn_cd": EXCHANGE[one.market],
        "setl_mmdd": "12",
        "lstg_stqt": str(quote.shares),
        "lstg_cptl_amt": "0",
        "cpta": str(quote.shares * face),
        "papr": str(face),
        "issu_pric": str(face),
        "kospi200_item_yn": "Y" if one.stock_code == "005930" else "N",
    }


def _dates(quote: Quote) -> dict[str, str]:
    one = quote.instrument
    listed = f"{one.listed_on:%Y%m%d}" if one.listed_on else ""
    return {
        "scts_mket_lstg_dt": listed if one.market == "KOSPI" else "",
        "scts_mket_lstg_abol_dt": "",
        "kosdaq_mket_lstg_dt": listed if one.market == "KOSDAQ" else "",
        "kosdaq_mket_lstg_abol_dt": "",
        "frbd_mket_lstg_dt": listed if one.market == "KONEX" else "",
        "frbd_mket_lstg_abol_dt": "",
    }


def _kind(view: MarketView, quote: Quote) -> dict[str, str]:
    one = quote.instrument
    industry = f"{figure(view.market.industry(one.stock_code), 'industry', 1, 99):03d}"
    return {
        "reits_kind_cd": "",
        "etf_dvsn_cd": "1" if quote.is_fund else "0",
        "oilf_fund_yn": "N",
        "idx_bztp_lcls_cd": SECTORS[one.market][1:],
        "idx_bztp_mcls_cd": industry,
        "idx_bztp_scls_cd": industry,
        "stck_kind_cd": "201" if one.preferred else "101",
        "mfnd_opng_dt": "",
        "mfnd_end_dt": "",
        "dpsi_erlm_cncl_dt": "",
        "etf_cu_qty": "50000" if quote.is_fund else "0",
    }


def names(view: MarketView, quote: Quote) -> dict[str, str]:
    """Return the instrument's names, Korean and English, full and short, with its ISIN."""
    one = quote.instrument
    full = one.name if quote.is_fund else f"{one.name}{'' if one.preferred else '보통주'}"
    english = view.market.english_name(one.stock_code)
    return {
        "prdt_name": full,
        "prdt_name120": full,
        "prdt_abrv_name": one.name,
        "std_pdno": one.isin,
        "prdt_eng_name": english,
        "prdt_eng_name120": english,
        "prdt_eng_abrv_name": english,
        "dpsi_aptm_erlm_yn": "Y",
        "etf_txtn_type_cd": "00",
        "etf_type_cd": "",
        "lstg_abol_dt": "",
        "nwst_odst_dvsn_cd": "1",
    }


def _ledger(view: MarketView, quote: Quote) -> dict[str, str]:
    one, code = quote.instrument, quote.instrument.stock_code
    substitute = str(quote.base * 7 // 10 // 10 * 10)
    day = f"{quote.bar.session:%Y%m%d}"
    sector, industry = view.market.sector(code), view.market.industry(code)
    return {
        "sbst_pric": substitute,
        "thco_sbst_pric": substitute,
        "thco_sbst_pric_chng_dt": day,
        "tr_stop_yn": "Y" if one.halted else "N",
        "admn_item_yn": "Y" if one.managed else "N",
        "thdt_clpr": str(quote.bar.close),
        "bfdy_clpr": str(quote.base),
        "clpr_chng_dt": day,
        "std_idst_clsf_cd": f"{figure(industry, 'standard', 10_000, 99_999):06d}",
        "std_idst_clsf_cd_name": industry,
        "idx_bztp_lcls_cd_name": "시가총액규모대",
        "idx_bztp_mcls_cd_name": sector,
        "idx_bztp_scls_cd_name": sector,
        "ocr_no": f"{figure(code, 'ocr', 0, 9999):04d}",
        "crfd_item_yn": "N",
        "elec_scty_yn": "Y",
        "issu_istt_cd": f"{figure(code[:5], 'issuer', 0, 99_999):05d}",
        "etf_chas_erng_rt_dbnb": "1" if quote.is_fund else "0",
        "etf_etn_ivst_heed_item_yn": "N",
        "stln_int_rt_dvsn_cd": "01",
        "frnr_psnl_lmt_rt": "0.00000000",
        "lstg_rqsr_issu_istt_cd": "",
        "lstg_rqsr_item_cd": "",
        "trst_istt_issu_istt_cd": "",
    }


_EMPTY = {"output": {"pdno": "", "prdt_type_cd": "300"}}
STOCK = Endpoint(
    "search-stock-info",
    "CTPF1002R",
    answer,
    (("PRDT_TYPE_CD", 3), ("PDNO", 12)),
    virtual=False,
    ledger=True,
    empty_outputs=_EMPTY,
)
PRODUCT = Endpoint(
    "search-info",
    "CTPF1604R",
    answer_product,
    (("PDNO", 12), ("PRDT_TYPE_CD", 3)),
    virtual=False,
    ledger=True,
    empty_outputs=_EMPTY,
)
