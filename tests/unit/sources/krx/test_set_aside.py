"""Wrong rows of KRX are set aside one by one, kept with their market day, and read again after a fix."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.emulator.krx.rows import SERVICES
from data_pipeline.exceptions import InvalidRequestError, PayloadError, UnknownStockError
from data_pipeline.market.rejections import collecting
from data_pipeline.sources.krx.known_fields import KNOWN_FIELDS
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.sources.reread import reread
from tests.support.krx_answers import BAR, BASE, FRIDAY, INDEX, SUSPENDED, block

KOSPI = "KRX sto/stk_bydd_trd"
THIRD = BAR | {"ISU_CD": "000660"}


def bars(source, *codes):
    """Codes of the bars that came."""
    return [bar.stock_code for bar in source.daily_bars(list(codes), FRIDAY, FRIDAY)]


@pytest.fixture
def market(krx):
    """KOSPI has three instruments; the other markets have one each."""
    krx.answer("stk_bydd_trd", block(SUSPENDED, BAR, THIRD))
    for number, api in enumerate(("ksq_bydd_trd", "knx_bydd_trd", "etf_bydd_trd")):
        krx.answer(api, block(BAR | {"ISU_CD": f"90000{number}"}))
    for api in ("stk_isu_base_info", "ksq_isu_base_info", "knx_isu_base_info"):
        krx.answer(api, block(BASE | {"ISU_SRT_CD": f"9000{api[:2].upper()}"}))
    return krx


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"TDD_CLSPRC": "NaN"}, "field TDD_CLSPRC is not a whole number: 'NaN'"),
        ({"TDD_CLSPRC": "71,000"}, "field TDD_CLSPRC is not a whole number: '71,000'"),
        ({"TDD_OPNPRC": "-"}, "field TDD_OPNPRC has no value"),
        ({"TDD_HGPRC": "100"}, "contradict each other"),
        ({"ACC_TRDVOL": 5}, "field ACC_TRDVOL is not text but 5"),
        ({"BAS_DD": "20261119"}, "field BAS_DD is 2026-11-19, but 2026-11-20 was asked for"),
    ],
    ids=str,
)
def test_one_wrong_row_among_three(market, make_source, change, reason):
    """The other two come; the wrong one is kept as it came, with its reason, code, session and service."""
    market.answer("stk_bydd_trd", block(SUSPENDED, BAR | change, THIRD))
    with collecting() as held:
        assert bars(make_source(), "000020", "005930", "000660") == ["000020", "000660"]
    (row,) = held.rows
    assert (row.payload, row.stock_code, row.session, row.origin) == (BAR | change, "005930", FRIDAY, KOSPI)
    assert f"{KOSPI} of 2026-11-20, row 2: " in row.reason
    assert reason in row.reason


def test_a_row_without_a_readable_code(market, make_source):
    """It may be anybody's, so everybody who asks for the session hears of it, and the good rows come."""
    market.answer("stk_bydd_trd", block(SUSPENDED, BAR | {"ISU_CD": "KR7005930003"}, THIRD))
    source = make_source()
    for code in ("000020", "000660"):
        with collecting() as held:
            assert bars(source, code) == [code]
        assert [(row.stock_code, row.session) for row in held.rows] == [(None, FRIDAY)]


def test_a_code_that_stands_twice_has_no_bar(market, make_source):
    """Nobody can tell which of its rows is right: both are set aside, and the others come."""
    market.answer("stk_bydd_trd", block(SUSPENDED, BAR, BAR | {"ACC_TRDVOL": "1"}, THIRD, BAR | {"ISU_CD": "000070"}))
    with collecting() as held:
        assert bars(make_source(), "000020", "005930", "000660") == ["000020", "000660"]
    assert [row.payload["ACC_TRDVOL"] for row in held.rows] == [BAR["ACC_TRDVOL"], "1"]


def test_a_wrong_row_is_told_to_each_who_asks_for_it_and_to_no_other(market, make_source):
    """The market day is fetched once; a kept one still says what is wrong with the code that is asked for."""
    market.answer("stk_bydd_trd", block(SUSPENDED, BAR | {"TDD_CLSPRC": "NaN"}, THIRD))
    source = make_source()
    for code, wrong in (("000660", 0), ("005930", 1), ("005930", 1), ("000020", 0)):
        with collecting() as held:
            assert bars(source, code) == [] if wrong else [code]
        assert len(held.rows) == wrong
    assert market.calls() == ["stk_bydd_trd"]


def test_a_code_with_a_wrong_row_is_known(market, make_source):
    """It is not taken for an unknown one, nor looked for among the funds; the others are not harmed."""
    market.answer("stk_bydd_trd", block(SUSPENDED, BAR | {"TDD_CLSPRC": "NaN"}, THIRD))
    with collecting() as held, pytest.raises(UnknownStockError, match="999999"):
        bars(make_source(), "005930", "999999")
    assert len(held.rows) == 1
    assert "stk_isu_base_info" in market.calls()


def test_without_a_collector_a_wrong_row_raises_for_whom_it_is_about(market, make_source):
    """An interactive caller gets the error for the code asked for, and the bars of all other codes."""
    market.answer("stk_bydd_trd", block(SUSPENDED, BAR | {"TDD_CLSPRC": "NaN"}, THIRD))
    source = make_source()
    assert bars(source, "000660") == ["000660"]
    with pytest.raises(PayloadError, match="TDD_CLSPRC") as caught:
        bars(source, "005930")
    assert caught.value.payload == BAR | {"TDD_CLSPRC": "NaN"}


def test_the_whole_market_comes_without_its_wrong_rows(market, make_source):
    """Every market is asked, and each wrong row of each is set aside."""
    market.answer("stk_bydd_trd", block(SUSPENDED, BAR | {"TDD_CLSPRC": "NaN"}, THIRD))
    with collecting() as held:
        found = [bar.stock_code for bar in make_source().market_bars(FRIDAY)]
    assert sorted(found) == ["000020", "000660", "900000", "900001", "900002"]
    assert [row.stock_code for row in held.rows] == ["005930"]


@pytest.mark.parametrize("good", [0, 1])
def test_an_answer_most_of_whose_rows_are_wrong_is_refused(market, make_source, good):
    """Two wrong rows of three, or all of them: the few good ones are not to be believed either."""
    wrong = [one | {"TDD_CLSPRC": "NaN"} for one in (BAR, THIRD)]
    market.answer("stk_bydd_trd", block(*wrong, *[SUSPENDED] * good))
    with collecting(), pytest.raises(PayloadError, match=f"2 of {2 + good} rows are wrong.*NaN") as caught:
        bars(make_source(), "000020")
    assert caught.value.payload == wrong[0]


def test_half_of_the_rows_may_be_wrong(market, make_source):
    """Exactly half is left to the checks of the load, which see the whole window."""
    market.answer("stk_bydd_trd", block(SUSPENDED, BAR | {"TDD_CLSPRC": "NaN"}))
    with collecting() as held:
        assert bars(make_source(), "000020", "005930") == ["000020"]
    assert len(held.rows) == 1


def test_a_list_of_issues_is_whole_or_not_there(market, make_source):
    """An instrument that is left out would read as delisted: one wrong row refuses the list, and is named and kept."""
    market.answer("stk_isu_base_info", block(BASE | {"ISU_SRT_CD": "005930"}, BASE | {"LIST_SHRS": "many"}))
    with collecting() as held, pytest.raises(PayloadError, match="LIST_SHRS") as caught:
        make_source().instruments(FRIDAY)
    assert caught.value.payload == BASE | {"LIST_SHRS": "many"}
    assert caught.value.origin == "KRX sto/stk_isu_base_info"
    assert held.rows == []


def test_a_wrong_index_is_set_aside(krx, make_source):
    """The other indices of its family come."""
    krx.answer("krx_dd_trd", block(INDEX, INDEX | {"CLSPRC_IDX": "1e400"}))
    for api in ("kospi_dd_trd", "kosdaq_dd_trd"):
        krx.answer(api, block(INDEX))
    with collecting() as held:
        assert len(list(make_source().index_bars(FRIDAY, FRIDAY))) == 3
    assert [(row.stock_code, row.session, row.origin) for row in held.rows] == [(None, FRIDAY, "KRX idx/krx_dd_trd")]


def test_a_new_field_is_counted_and_harms_nothing(market, make_source):
    """The bar is the same, the client and whoever collects count the field once an answer."""
    market.answer("stk_bydd_trd", block(*[one | {"BRAND_NEW": "1"} for one in (BAR, THIRD)]))
    source = make_source()
    with collecting() as held:
        assert bars(source, "005930", "000660") == ["005930", "000660"]
    assert held.unknown_fields == source.client.drift.counts == {f"{KOSPI}.BRAND_NEW": 1}


@pytest.mark.thorough
def test_what_is_served_is_known():
    """No field of any service's rows is taken for a new one."""
    market = SyntheticMarket()
    for name, service in SERVICES.items():
        for row in service.rows(market, date(2026, 9, 21), False)[:1]:
            assert set(row) <= KNOWN_FIELDS[f"KRX {name}"]


def test_a_refused_row_is_read_again():
    """It names its own code, and must be of the session that was asked for; a row of a list is not loaded alone."""
    assert reread("daily_bar", KOSPI, BAR, None, FRIDAY).close == 71000
    with pytest.raises(PayloadError, match="TDD_CLSPRC"):
        reread("daily_bar", KOSPI, BAR | {"TDD_CLSPRC": "NaN"}, "005930", FRIDAY)
    with pytest.raises(PayloadError, match="2026-11-19 was asked for"):
        reread("daily_bar", KOSPI, BAR, "005930", date(2026, 11, 19))
    with pytest.raises(InvalidRequestError, match="load the window again"):
        reread("daily_bar", "KRX sto/stk_isu_base_info", BASE, "001465", FRIDAY)
    with pytest.raises(InvalidRequestError, match="load the window again"):
        reread("daily_bar", KOSPI, BAR, "005930", None)
