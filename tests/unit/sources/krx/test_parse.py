"""Rows of KRX answers: what each field means, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.exceptions import PayloadError
from data_pipeline.market.index_records import IndexBar
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.sources.krx.parse import parse_daily_bars, parse_index_bars, parse_instruments
from data_pipeline.sources.krx.parse_fields import Row
from tests.support.krx_answers import BAR, BASE, BLANK, FRIDAY, INDEX, SUSPENDED


def rows(*found):
    """Return rows as an answer has them."""
    return [Row(f"KRX test, row {number}", fields) for number, fields in enumerate(found, 1)]


def bars(*found):
    """Return the bars of these rows."""
    return list(parse_daily_bars(rows(*found), FRIDAY))


def test_a_bar():
    """Prices in won, volume in shares, the change with its own sign."""
    assert bars(BAR) == [DailyBar("005930", FRIDAY, 69800, 71000, 69200, 71000, 25_483_920, 1_790_000_000_000, 1420)]
    (fallen,) = bars(BAR | {"CMPPREVDD_PRC": "-1420"})
    assert fallen.change == -1420


def test_a_suspended_issue_keeps_its_close():
    """Open, high, low and volume are 0 because nothing traded, and the close is the last one."""
    (bar,) = bars(SUSPENDED)
    assert (bar.open, bar.high, bar.low, bar.volume, bar.close, bar.change) == (0, 0, 0, 0, 5300, 0)


def test_an_issue_that_traded_after_hours_alone():
    """Shares and a value without an open, high and low: nothing traded in regular hours."""
    (bar,) = bars(SUSPENDED | {"TDD_CLSPRC": "9100", "ACC_TRDVOL": "57", "ACC_TRDVAL": "518700"})
    assert bar == DailyBar("000020", FRIDAY, 0, 0, 0, 9100, 57, 518_700, 0)


@pytest.mark.parametrize("mark", ["", "-", " - "])
def test_a_row_without_figures_is_no_bar(mark, caplog):
    """Marks for no value make no zero: the row is left out and the log names its code."""
    blank = BLANK | {name: mark for name in BLANK if name not in {"BAS_DD", "ISU_CD", "ISU_NM"}}
    assert [bar.stock_code for bar in bars(blank, BAR)] == ["005930"]
    assert "1 instruments on 2026-11-20: 069500" in caplog.text


@pytest.mark.parametrize("code", ["0001A0", "00088K", "001465"])
def test_letter_codes_and_preferreds(code):
    """Codes are text of six characters; letters are normal."""
    assert bars(BAR | {"ISU_CD": code})[0].stock_code == code


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ISU_CD": "KR7005930003"}, "ISU_CD"),
        ({"ISU_CD": "5930"}, "ISU_CD"),
        ({"BAS_DD": "20261119"}, "BAS_DD"),
        ({"TDD_CLSPRC": ""}, "TDD_CLSPRC"),
        ({"TDD_OPNPRC": "-"}, "TDD_OPNPRC"),
        ({"TDD_CLSPRC": "71,000"}, "TDD_CLSPRC"),
        ({"ACC_TRDVOL": 5}, "ACC_TRDVOL"),
        ({"ACC_TRDVOL": "NaN"}, "ACC_TRDVOL"),
        ({"CMPPREVDD_PRC": "71000"}, "base price"),
        ({"TDD_HGPRC": "100"}, "contradict"),
        ({"TDD_OPNPRC": "0", "TDD_HGPRC": "0"}, "contradict"),
    ],
    ids=str,
)
def test_a_wrong_bar_is_refused(change, field):
    """The message names the row and the field: an ISIN for a code, another day, no value, a contradiction."""
    with pytest.raises(PayloadError, match=f"row 2.*{field}"):
        bars(SUSPENDED, BAR | change)


def test_a_missing_field_is_named():
    """A field that is gone is an error of its own, never a zero."""
    with pytest.raises(PayloadError, match="TDD_LWPRC is missing"):
        bars({name: value for name, value in BAR.items() if name != "TDD_LWPRC"})


def test_a_code_twice_is_refused():
    """Two rows of one instrument cannot both be right."""
    with pytest.raises(PayloadError, match="005930 stands in the answer twice"):
        bars(BAR, BAR)


def test_base_info_has_isin_and_short_code():
    """ISU_CD is the ISIN here, and the short code of a preferred share is not a part of it."""
    (one,) = parse_instruments(rows(BASE), "KOSPI", FRIDAY)
    assert one == Instrument(
        stock_code="001465", isin="KR7001461003", name="BYC우", market="KOSPI", security_group="ST", as_of=FRIDAY,
        listed_on=date(1989, 10, 21), listed_shares=2_154_150, face_value=500.0, halted=None, managed=None,
        liquidation=None, preferred=True,
    )  # fmt: skip


@pytest.mark.parametrize(("text", "par"), [("무액면", None), ("0", None), ("0.25", 0.25), ("", None), ("5000", 5000.0)])
def test_par_values(text, par):
    """No par value is None; foreign instruments have parts of a unit."""
    (one,) = parse_instruments(rows(BASE | {"PARVAL": text}), "KOSPI", FRIDAY)
    assert one.face_value == par


def test_an_unknown_listing_day_is_unknown():
    """A mark for no value is None; a malformed one is an error."""
    (one,) = parse_instruments(rows(BASE | {"LIST_DD": "-", "LIST_SHRS": ""}), "KOSPI", FRIDAY)
    assert (one.listed_on, one.listed_shares) == (None, None)
    with pytest.raises(PayloadError, match="LIST_DD"):
        list(parse_instruments(rows(BASE | {"LIST_DD": "1989-10-21"}), "KOSPI", FRIDAY))


def test_an_index_bar():
    """Points with decimals; an index that is not computed that day is left out, one without a range keeps None."""
    closing = INDEX | {"IDX_NM": "코스피 200 TR", "OPNPRC_IDX": "-", "HGPRC_IDX": "-", "LWPRC_IDX": "-", "MKTCAP": ""}
    found = list(parse_index_bars(rows(INDEX, INDEX | {"CLSPRC_IDX": "-"}, closing), FRIDAY))
    assert found[0] == IndexBar(
        "KOSPI", "코스피", FRIDAY, 3900.10, 3910.0, 3838.46, 3853.26, -151.59, 350_000_000, 14_000_000_000_000,
        3_100_000_000_000_000,
    )  # fmt: skip
    assert [(bar.name, bar.open, bar.market_cap) for bar in found[1:]] == [("코스피 200 TR", None, None)]


@pytest.mark.parametrize(
    "change", [{"HGPRC_IDX": "1.00"}, {"OPNPRC_IDX": ""}, {"CLSPRC_IDX": "1e400"}, {"BAS_DD": "20261119"}]
)
def test_a_wrong_index_bar_is_refused(change):
    """A range that does not hold its close, half a range, a malformed number, another day."""
    with pytest.raises(PayloadError, match="row 1"):
        list(parse_index_bars(rows(INDEX | change), FRIDAY))


@pytest.mark.parametrize("name", ["LIST_DD", "LIST_SHRS", "PARVAL"])
def test_a_field_that_a_list_leaves_out_is_no_blank(name):
    """A blank says that there is no value; without the field the row is not as documented, and the list is refused."""
    rows = [Row("KRX sto/stk_isu_base_info", {one: value for one, value in BASE.items() if one != name})]
    with pytest.raises(PayloadError, match=f"field {name} is missing"):
        list(parse_instruments(rows, "KOSPI", FRIDAY))
