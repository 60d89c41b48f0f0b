"""Answers about the present."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.exceptions import PayloadError, UnknownStockError
from data_pipeline.market.records import DailyBar, MarketDay, StockInfo
from data_pipeline.sources.kis import parse
from data_pipeline.sources.kis.codes import kis_code
from data_pipeline.sources.kis.parse_answer import Answer
from tests.support.kis_answers import PRICE, QUOTE

AT = datetime(2026, 11, 20, 20, 30, tzinfo=ZoneInfo("Asia/Seoul"))
BOOK = {
    **{f"askp{level}": str(71000 + 100 * level) for level in range(1, 11)},
    **{f"bidp{level}": str(71100 - 100 * level) for level in range(1, 11)},
    **{f"{side}_rsqn{level}": str(10 * level) for side in ("askp", "bidp") for level in range(1, 11)},
    "total_askp_rsqn": "550", "total_bidp_rsqn": "550",
}  # fmt: skip
STATE = {"stck_shrn_iscd": "005930", "stck_prpr": "71000", "stck_sdpr": "69580"}
HALTED = {"acml_vol": "0", "acml_tr_pbmn": "0", "inter2_oprc": "0", "inter2_hgpr": "0", "inter2_lwpr": "0"}


def answer(**body: object) -> Answer:
    """Return a successful answer."""
    return Answer("KIS call of 005930", body, AT)


def without(fields: dict[str, str], name: str) -> dict[str, str]:
    """Return the fields but one."""
    return {key: value for key, value in fields.items() if key != name}


def test_price():
    """A quote becomes a record: won, shares, percent, and a market value out of hundreds of millions."""
    price = parse.parse_price("005930", answer(output=PRICE))
    assert (price.current_price, price.change_price, price.change_rate) == (71000, 1420, 2.04)
    assert (price.open_price, price.high_price, price.low_price, price.volume) == (69800, 71000, 69200, 25483920)
    assert (price.market_cap, price.timestamp) == (420_300_000_000_000, "2026-11-20T20:30:00+09:00")


def test_price_without_market_value():
    """hts_avls may be absent; then there is no market value, not a zero."""
    assert parse.parse_price("005930", answer(output=without(PRICE, "hts_avls"))).market_cap is None


@pytest.mark.parametrize("shell", [
    {"rprs_mrkt_kor_name": "", "temp_stop_yn": "N", "stck_prpr": "0"}, {}, {"stck_prpr": "0", "stck_sdpr": "0"},
    {"stck_shrn_iscd": "005930", "stck_prpr": "0", "stck_sdpr": "0"}, {"stck_prpr": "", "stck_sdpr": ""},
])  # fmt: skip
def test_empty_shell_is_an_unknown_stock(shell):
    """KIS answers an unknown code with rt_cd 0 and next to nothing inside."""
    with pytest.raises(UnknownStockError, match="005930"):
        parse.parse_price("005930", answer(output=shell))


@pytest.mark.parametrize("field", ["stck_prpr", "prdy_vrss", "acml_vol", "acml_tr_pbmn", "stck_oprc", "stck_shrn_iscd"])
@pytest.mark.parametrize("value", [None, "", "N/A"])
def test_single_bad_field_names_code_call_and_field(field, value):
    """One missing, blank or wrong field is a PayloadError that says which."""
    fields = without(PRICE, field) if value is None else {**PRICE, field: value}
    with pytest.raises(PayloadError, match=rf"KIS call of 005930: field {field}"):
        parse.parse_price("005930", answer(output=fields))


def test_answer_about_another_code():
    """An answer about another code is refused, not stored under the code asked for."""
    with pytest.raises(PayloadError, match="stck_shrn_iscd is '000660'"):
        parse.parse_price("005930", answer(output={**PRICE, "stck_shrn_iscd": "000660"}))


def test_prices_that_contradict_each_other():
    """A high below the low cannot be right."""
    with pytest.raises(PayloadError, match="contradict"):
        parse.parse_price("005930", answer(output={**PRICE, "stck_hgpr": "69000"}))


def test_letter_code_and_etn_code():
    """A letter code is sent as it is; an ETN gets its Q, and the Q in the answer is accepted."""
    assert (kis_code("0001A0"), kis_code("500001"), kis_code("900140")) == (
        "0001A0",
        "Q500001",
        "900140",
    )
    assert parse.parse_price("500001", answer(output={**PRICE, "stck_shrn_iscd": "Q500001"})).stock_code == "500001"


def test_order_book():
    """Ten levels a side, best first; the number of orders is not published."""
    book = parse.parse_order_book("005930", answer(output1=BOOK, output2=STATE))
    assert (book.best_ask, book.best_bid, len(book.ask_levels), len(book.bid_levels)) == (71100, 71000, 10, 10)
    assert (book.ask_levels[9].price, book.ask_levels[9].volume, book.ask_levels[9].count) == (72000, 100, None)
    assert book.total_ask_volume == 550


def test_order_book_outside_trading_hours():
    """Levels of price 0 are not there; a book may be empty."""
    nothing = dict.fromkeys(BOOK, "0")
    assert parse.parse_order_book("005930", answer(output1=nothing, output2=STATE)).ask_levels == ()


def test_order_book_with_shares_at_price_zero():
    """Shares that wait at no price are refused."""
    with pytest.raises(PayloadError, match="askp3"):
        parse.parse_order_book("005930", answer(output1={**BOOK, "askp3": "0"}, output2=STATE))


@pytest.mark.parametrize("state", [{}, {"stck_prpr": "0", "stck_sdpr": "0"}])
def test_order_book_of_an_unknown_code(state):
    """The empty shell is an unknown stock."""
    with pytest.raises(UnknownStockError):
        parse.parse_order_book("005930", answer(output1={"aspr_acpt_hour": "000000"}, output2=state))


def quoted_bar(**changed: str) -> DailyBar:
    """Return the bar out of a quote with some fields changed."""
    rows = parse.parse_quotes(["005930"], answer(output=[{**QUOTE, **changed}]))
    return parse.parse_quote_bar("005930", date(2026, 11, 20), rows["005930"])


def test_bar_out_of_a_quote():
    """The quoted session's bar: the close is the last price, the change counts from the base price."""
    expected = DailyBar("005930", date(2026, 11, 20), 69800, 71000, 69200, 71000, 25483920, 1790000000000, 1420)
    assert quoted_bar() == expected


def test_bar_of_a_halted_issue():
    """Nothing traded: open, high and low are 0, the close stays and the change is 0."""
    bar = quoted_bar(**HALTED, inter2_prpr="69580", inter2_prdy_vrss="0", prdy_vrss_sign="3")
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.change) == (0, 0, 0, 69580, 0, 0)


def test_bar_of_a_halted_issue_that_repeats_its_close():
    """A server that writes the close into open, high and low of a halted day means the same."""
    same = dict.fromkeys(("inter2_oprc", "inter2_hgpr", "inter2_lwpr", "inter2_prpr"), "69580")
    bar = quoted_bar(**{**HALTED, **same}, inter2_prdy_vrss="0", prdy_vrss_sign="3")
    assert (bar.open, bar.high, bar.low) == (0, 0, 0)


def test_change_counts_from_the_base_price():
    """On a day whose base price is not the previous close, the change is close minus base price."""
    bar = quoted_bar(inter2_sdpr="35500", inter2_prdy_clpr="69580")
    assert bar.change == 71000 - 35500


def test_change_that_fits_nothing():
    """A change that fits neither base price nor previous close shows a wrong field."""
    with pytest.raises(PayloadError, match="inter2_prdy_vrss"):
        quoted_bar(inter2_prdy_vrss="-1420", prdy_vrss_sign="5")


@pytest.mark.parametrize("rows", [
    [QUOTE], [QUOTE, {"inter_shrn_iscd": ""}],
    [QUOTE, {"inter_shrn_iscd": "999990", "inter_kor_isnm": "", "inter2_prpr": "0", "acml_vol": "0"}],
])  # fmt: skip
def test_blank_slot_names_the_unknown_code(rows):
    """The code whose slot came back blank, or not at all, is the unknown one."""
    with pytest.raises(UnknownStockError, match="999990") as caught:
        parse.parse_quotes(["005930", "999990"], answer(output=rows))
    assert caught.value.stock_code == "999990"


def test_quotes_are_matched_by_code_not_by_place():
    """Rows in another order still belong to their codes."""
    other = {**QUOTE, "inter_shrn_iscd": "0001A0", "inter_kor_isnm": "새회사"}
    rows = parse.parse_quotes(["005930", "0001A0"], answer(output=[other, QUOTE]))
    assert rows["0001A0"].text("inter_kor_isnm") == "새회사"


@pytest.mark.parametrize("rows", [[QUOTE, QUOTE], [{**QUOTE, "inter_shrn_iscd": "000660"}]])
def test_rows_that_were_not_asked_for(rows):
    """A row of another code, or a code twice, is refused."""
    with pytest.raises(PayloadError, match="inter_shrn_iscd"):
        parse.parse_quotes(["005930"], answer(output=rows))


INFO = {
    "pdno": "00000A000660", "mket_id_cd": "STK", "prdt_abrv_name": "SK하이닉스", "lstg_stqt": "728002365",
    "papr": "5000", "idx_bztp_mcls_cd_name": "전기,전자", "std_idst_clsf_cd_name": "반도체 제조업",
}  # fmt: skip


def test_stock_info():
    """search-stock-info: market, sector, industry, shares and par value."""
    expected = StockInfo("000660", "SK hynix", "KOSPI", "전기,전자", "반도체 제조업", 728002365, 5000.0)
    assert parse.parse_stock_info("000660", answer(output=INFO)) == expected


def test_stock_info_of_a_small_company_is_named_in_korean():
    """Only large issuers have an English name here."""
    info = {**INFO, "pdno": "00000A0001A0", "prdt_abrv_name": "새회사", "mket_id_cd": "KSQ", "papr": "0"}
    found = parse.parse_stock_info("0001A0", answer(output=info))
    assert (found.stock_name, found.market, found.face_value) == ("새회사", "KOSDAQ", None)


def test_stock_info_of_an_unknown_code():
    """The empty shell of the ledger is an unknown stock."""
    with pytest.raises(UnknownStockError):
        parse.parse_stock_info("000660", answer(output={"pdno": "", "prdt_type_cd": "300"}))


@pytest.mark.parametrize("changed", [{"pdno": "00000A005930"}, {"mket_id_cd": "XXX"}, {"lstg_stqt": "many"}])
def test_stock_info_that_cannot_be_right(changed):
    """Another code, an unknown market or a wrong number is refused."""
    with pytest.raises(PayloadError, match=next(iter(changed))):
        parse.parse_stock_info("000660", answer(output={**INFO, **changed}))


def test_holidays():
    """opnd_yn says whether the market opens; tr_day_yn, which can be Y on a Sunday, is not looked at."""
    rows = [
        {"bass_dt": "20261120", "opnd_yn": "Y", "tr_day_yn": "Y"},
        {"bass_dt": "20261121", "opnd_yn": "N", "tr_day_yn": "Y"},
    ]
    expected = [MarketDay(date(2026, 11, 20), is_open=True), MarketDay(date(2026, 11, 21), is_open=False)]
    assert parse.parse_market_days(date(2026, 11, 20), answer(output=rows)) == expected


@pytest.mark.parametrize("days", [[], ["20261121"], ["20261120", "20261122"], ["20261120", "20261120"]])
def test_holidays_with_a_gap(days):
    """A missing, doubled or shifted day is refused."""
    with pytest.raises(PayloadError, match="bass_dt"):
        parse.parse_market_days(date(2026, 11, 20), answer(output=[{"bass_dt": day, "opnd_yn": "Y"} for day in days]))
