"""Investor flows of one instrument: units by an answer made by hand, pages, and what each server has."""

from __future__ import annotations

import json
from datetime import date

import pytest

from data_pipeline.exceptions import InvalidRequestError, PayloadError, UnsupportedDatasetError
from data_pipeline.market.investor_records import InvestorFlow, Traded
from data_pipeline.market.rejections import collecting
from data_pipeline.market.trading_calendar import krx_calendar
from tests.support.kis_answers import ok
from tests.support.project import SAMPLES

PAST, NEWEST = "investor-trade-by-stock-daily", "inquire-investor"
DAY = date(2026, 11, 20)


def sample(call, output, **changes):
    """Return the documented row of a call, with changes."""
    body = json.loads((SAMPLES / "kis" / f"{call}.json").read_text(encoding="utf-8"))
    return body["outputs"][output] | changes


def row(day=DAY, **changes):
    """Return the documented row of a past session, with a share more for each day before the newest."""
    volume = str(10_000 + (DAY - day).days)
    return sample(PAST, "output2", **{"stck_bsop_date": f"{day:%Y%m%d}", "acml_vol": volume, **changes})


def answer(*rows):
    """Return an answer of the call for the past."""
    return ok(output1=sample(PAST, "output1"), output2=list(rows))


TOTALS = (
    Traded(5000, 4200, 355_000_000, 298_000_000),
    Traded(2600, 3100, 185_000_000, 220_000_000),
    Traded(2200, 2500, 156_000_000, 178_000_000),
)
"""Of individuals, foreigners and institutions."""
KINDS = {
    "securities": Traded(700, 900, 50_000_000, 64_000_000),
    "trust": Traded(300, 250, 21_000_000, 18_000_000),
    "private_fund": Traded(200, 350, 14_000_000, 25_000_000),
    "bank": Traded(100, 50, 7_000_000, 4_000_000),
    "insurance": Traded(150, 200, 11_000_000, 14_000_000),
    "merchant_bank": Traded(50, 0, 4_000_000, 0),
    "pension": Traded(700, 750, 50_000_000, 53_000_000),
    "other_group": Traded(80, 60, 6_000_000, 4_000_000),
    "other_corporation": Traded(120, 140, 8_000_000, 10_000_000),
}


def test_shares_and_millions_of_won(kis, make_source):
    """Amounts are whole shares and won; the day asked for is the newest of the page."""
    kis.answer(PAST, answer(row()))
    (flow,) = make_source().investor_flows(["005930"], DAY, DAY)
    assert flow == InvestorFlow("005930", DAY, 10_000, *TOTALS, KINDS)
    assert kis.queries(PAST) == [{
        "FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930", "FID_INPUT_DATE_1": "20261120",
        "FID_ORG_ADJ_PRC": "", "FID_ETC_CLS_CODE": "1",
    }]  # fmt: skip


def test_a_page_ends_where_the_next_begins(kis, make_source):
    """Two pages of three rows bring four sessions: the second is asked for from the day before the oldest row on."""
    days = krx_calendar().sessions(date(2026, 11, 12), DAY)[::-1]
    kis.answer(PAST, answer(*map(row, days[:3])), answer(*map(row, days[3:6])))
    flows = list(make_source().investor_flows(["005930"], days[3], DAY))
    assert [flow.session for flow in flows] == days[:4]
    assert [one["FID_INPUT_DATE_1"] for one in kis.queries(PAST)] == ["20261120", "20261117"]


def test_a_day_that_is_not_told_yet_is_no_zero(kis, make_source):
    """Empty text stands where figures will be: such a row is left out."""
    days = krx_calendar().sessions(date(2026, 11, 19), DAY)
    empty = dict.fromkeys(row(), "") | {"stck_bsop_date": "20261120"}
    kis.answer(PAST, answer(empty, row(days[0])))
    assert [flow.session for flow in make_source().investor_flows(["005930"], *days)] == [days[0]]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"prsn_ntby_qty": "801"}, "is 801, and 5000 were bought and 4200 sold"),
        ({"orgn_ntby_tr_pbmn": "-20"}, "is -20, and 156 were bought and 178 sold"),
        ({"frgn_shnu_vol": "10100", "frgn_ntby_qty": "7000"}, "traded more than the 10,000 shares of all"),
        ({"bank_shnu_vol": ""}, "bank_shnu_vol has no value"),
    ],
)
def test_a_row_that_contradicts_itself_is_set_aside(kis, make_source, changes, why):
    """Net is bought minus sold, to a million won; nobody trades more than everybody."""
    kis.answer(PAST, answer(row(**changes)))
    with collecting() as held:
        assert list(make_source().investor_flows(["005930"], DAY, DAY)) == []
    assert [(one.stock_code, one.session) for one in held.rows] == [("005930", DAY)]
    assert why in held.rows[0].reason


def test_millions_are_rounded_each_for_itself(kis, make_source):
    """A net value may be a million beside bought minus sold."""
    kis.answer(PAST, answer(row(orgn_ntby_tr_pbmn="-23")))
    assert len(list(make_source().investor_flows(["005930"], DAY, DAY))) == 1


def test_rows_out_of_order_are_an_error(kis, make_source):
    """A day that comes twice, or late, is no page of KIS."""
    kis.answer(PAST, answer(row(), row()))
    with pytest.raises(PayloadError, match="not older than the row before"):
        list(make_source().investor_flows(["005930"], DAY, DAY))


def test_a_running_session_is_refused(kis, make_source):
    """What is told before the session is final would settle nothing."""
    kis.answer(PAST, answer(row(date(2026, 11, 23))))
    with pytest.raises(InvalidRequestError, match="not final"):
        list(make_source().investor_flows(["005930"], date(2026, 11, 23), date(2026, 11, 23)))


def test_the_virtual_server_tells_the_totals_of_thirty_sessions(kis, make_source):
    """One call brings them, without kinds and without the shares of everybody; further back nothing is sent."""
    source = make_source(use_virtual=True)
    kis.answer(NEWEST, ok(output=[sample(NEWEST, "output")]))
    assert list(source.investor_flows(["005930"], DAY, DAY)) == [InvestorFlow("005930", DAY, None, *TOTALS)]
    with pytest.raises(UnsupportedDatasetError, match="newest 30 sessions"):
        list(source.investor_flows(["005930"], date(2026, 9, 1), DAY))
    assert len(kis.queries(NEWEST)) == 1


def test_two_sessions_with_the_same_figures_are_refused(kis, make_source):
    """A row under another day's date would be believed; sessions without a trade are alike and stand."""
    kis.answer(PAST, answer(row(), row(date(2026, 11, 19), acml_vol="10000")))
    with pytest.raises(PayloadError, match="with the figures of 2026-11-20"):
        list(make_source().investor_flows(["005930"], date(2026, 11, 19), DAY))


@pytest.mark.parametrize("lost", ["scrt_shnu_vol", "bank_seln_vol", "acml_vol"])
def test_a_row_without_one_field_of_the_kinds_is_refused(kis, make_source, lost):
    """It is not taken for a row that has the totals alone."""
    kis.answer(PAST, answer({name: value for name, value in row().items() if name != lost}))
    with pytest.raises(PayloadError, match=lost):
        list(make_source().investor_flows(["005930"], DAY, DAY))
