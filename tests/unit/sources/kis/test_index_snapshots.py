"""The indices at a moment: units by the portal's own example, signs, and a day that has not begun."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from data_pipeline.exceptions import PayloadError, UnsupportedDatasetError
from data_pipeline.market.index_records import IndexSnapshot
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.kis.indices import parse_index_snapshot
from data_pipeline.sources.kis.parse_answer import Answer
from tests.support.kis_answers import ok
from tests.support.project import SAMPLES

PRICE = "inquire-index-price"
AT = datetime(2026, 11, 20, 11, 2, 30, tzinfo=SEOUL)


def output(**changes):
    """Return the documented answer's object, with changes."""
    return json.loads((SAMPLES / "kis" / f"{PRICE}.json").read_text("utf-8"))["outputs"]["output"] | changes


def parsed(**changes):
    """Return what is read of it as KOSDAQ."""
    return parse_index_snapshot(Answer("KIS", {"output": output(**changes)}, AT), "1001")


def test_points_thousands_of_shares_and_millions_of_won():
    """The portal's example of KOSDAQ: 857.60 after a fall of 1.61, with its day in whole shares and won."""
    assert parsed() == IndexSnapshot(
        "KOSDAQ", "코스닥", AT, 857.6, -1.61, 863.69, 864.24, 854.72, 1_312_496_000, 11_507_962_000_000
    )


def test_before_the_first_level_of_the_day_there_is_no_day():
    """Three zeros are no levels, and only some of them are no answer."""
    zeros = dict.fromkeys(("bstp_nmix_oprc", "bstp_nmix_hgpr", "bstp_nmix_lwpr"), "0.00")
    found = parsed(**zeros, acml_vol="0", acml_tr_pbmn="0")
    assert (found.open, found.high, found.low, found.volume) == (None, None, None, 0)
    with pytest.raises(PayloadError, match="only some of open, high and low"):
        parsed(bstp_nmix_oprc="0.00")


@pytest.mark.parametrize(
    "changes", [{"prdy_vrss_sign": "2"}, {"bstp_nmix_hgpr": "857.59"}, {"bstp_nmix_prpr": "0.00"}, {"acml_vol": ""}]
)
def test_an_answer_that_contradicts_itself_is_refused(changes):
    """A sign against its change, a level above the highest, no level, and no volume."""
    with pytest.raises(PayloadError):
        parsed(**changes)


def test_each_main_index_is_one_call(kis, make_source):
    """The real server is asked under market U for the four codes."""
    kis.answer(PRICE, *[ok(output=output())] * 4)
    found = list(make_source().index_snapshots())
    assert [one.label for one in found] == ["KOSPI 코스피", "KOSDAQ 코스닥", "KOSPI 코스피 200", "KOSDAQ 코스닥 150"]
    assert [one["FID_INPUT_ISCD"] for one in kis.queries(PRICE)] == ["0001", "1001", "2001", "3003"]
    assert {one["FID_COND_MRKT_DIV_CODE"] for one in kis.queries(PRICE)} == {"U"}


def test_the_virtual_server_is_not_asked(kis, make_source):
    """It does not have the call: the error says so before anything is sent."""
    with pytest.raises(UnsupportedDatasetError, match="use the real server"):
        make_source(environment="virtual").index_snapshots()
    assert kis.queries(PRICE) == []
