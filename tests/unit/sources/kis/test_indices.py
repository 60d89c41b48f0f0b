"""The indices of one session: which code means which index, and in which units the chart counts."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.exceptions import InvalidRequestError, PayloadError
from data_pipeline.market.index_records import IndexBar
from tests.support.kis_answers import ok

CHART = "inquire-daily-indexchartprice"
DAY = date(2026, 11, 20)


def row(day, close):
    """Return a row of the documented chart with another day and close."""
    return {
        "stck_bsop_date": day, "bstp_nmix_prpr": close, "bstp_nmix_oprc": "2634.32", "bstp_nmix_hgpr": "2642.75",
        "bstp_nmix_lwpr": "2606.08", "acml_vol": "892653", "acml_tr_pbmn": "9289660", "mod_yn": "N",
    }  # fmt: skip


def chart(code, *rows):
    """Return a chart of the index with this code."""
    return ok(output1={"bstp_cls_code": code, "hts_kor_isnm": "종합"}, output2=list(rows))


ROWS = (row("20261120", "2610.81"), row("20261119", "2644.51"))


def test_1001_is_kosdaq(kis, make_source):
    """At KIS 0001 is KOSPI and 1001 is KOSDAQ, each asked under market U with the session before."""
    kis.answer(CHART, chart("0001", *ROWS), chart("1001", *ROWS))
    bars = list(make_source().index_bars(DAY))
    assert [(bar.family, bar.name) for bar in bars] == [("KOSPI", "코스피"), ("KOSDAQ", "코스닥")]
    asked = kis.queries(CHART)
    assert [query["FID_INPUT_ISCD"] for query in asked] == ["0001", "1001"]
    assert asked[0] == {
        "FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": "0001", "FID_INPUT_DATE_1": "20261119",
        "FID_INPUT_DATE_2": "20261120", "FID_PERIOD_DIV_CODE": "D",
    }  # fmt: skip


def test_thousands_of_shares_and_millions_of_won(kis, make_source):
    """Volume and value are whole shares and won, and the change is counted from the close before, with its sign."""
    kis.answer(CHART, chart("0001", *ROWS), chart("1001", *ROWS))
    assert next(iter(make_source().index_bars(DAY))) == IndexBar(
        "KOSPI", "코스피", DAY, 2634.32, 2642.75, 2606.08, 2610.81, -33.7, 892_653_000, 9_289_660_000_000, None
    )


def test_another_index_is_refused(kis, make_source):
    """An answer that is about another code is no index of ours, whatever its name says."""
    kis.answer(CHART, chart("1001", *ROWS))
    with pytest.raises(PayloadError, match="is not 0001, the code of KOSPI"):
        list(make_source().index_bars(DAY))


def test_a_missing_day_is_an_error(kis, make_source):
    """Without the session before there is no change, and none is made up."""
    kis.answer(CHART, chart("0001", ROWS[0], {}))
    with pytest.raises(PayloadError, match="there is no row of 2026-11-19"):
        list(make_source().index_bars(DAY))


@pytest.mark.parametrize(("day", "why"), [(date(2026, 11, 21), "not a session"), (date(2026, 11, 23), "not final")])
def test_a_day_without_figures_is_refused(kis, make_source, day, why):
    """A Saturday is refused before any call; a session that has not ended by the server's clock after the first."""
    kis.answer(CHART, chart("0001", *ROWS))
    with pytest.raises(InvalidRequestError, match=why):
        list(make_source().index_bars(day))
    assert len(kis.queries(CHART)) == (why == "not final")
