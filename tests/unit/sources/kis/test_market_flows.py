"""Flows of whole boards: units by an answer made by hand, the one day among many, and what each server has."""

from __future__ import annotations

import json
from datetime import date

import pytest

from data_pipeline.exceptions import PayloadError, UnsupportedDatasetError
from tests.support.kis_answers import ok
from tests.support.project import SAMPLES

CALL = "inquire-investor-daily-by-market"
DAY = date(2026, 11, 20)


def row(day=DAY, **changes):
    """Return the hand-made row, of another day."""
    body = json.loads((SAMPLES / "kis" / f"{CALL}.json").read_text("utf-8"))
    return body["outputs"]["output"] | {"stck_bsop_date": f"{day:%Y%m%d}"} | changes


def test_millions_of_won_of_the_day_among_many(kis, make_source):
    """120 million net by individuals; other days of the answer are not read, and each board is one call."""
    other = row(date(2026, 11, 19), prsn_ntby_tr_pbmn="999")
    kis.answer(CALL, ok(output=[row(), other]), ok(output=[other, row()]))
    kospi, kosdaq = make_source().market_flows(DAY)
    assert (kospi.market, kosdaq.market, kospi.session) == ("KOSPI", "KOSDAQ", DAY)
    assert (kospi.net["individual"], kospi.net["foreign"], kosdaq.net["institution"]) == (
        120_000_000,
        -75_000_000,
        -40_000_000,
    )
    assert (kospi.net["pension"], kospi.net["other_corporation"]) == (-15_000_000, -3_000_000)
    asked = [(one["FID_INPUT_ISCD"], one["FID_INPUT_ISCD_1"], one["FID_INPUT_ISCD_2"]) for one in kis.queries(CALL)]
    assert asked == [("0001", "KSP", "0001"), ("1001", "KSQ", "1001")]


@pytest.mark.parametrize("rows", [[], [row(date(2026, 11, 19))], [row(), row()]])
def test_a_day_without_its_one_row_is_an_error(kis, make_source, rows):
    """None, another day's alone, and two."""
    kis.answer(CALL, ok(output=rows))
    with pytest.raises(PayloadError, match="not one"):
        list(make_source().market_flows(DAY))


def test_the_virtual_server_is_not_asked(kis, make_source):
    """It does not have the call."""
    with pytest.raises(UnsupportedDatasetError, match="use the real server"):
        make_source(environment="virtual").market_flows(DAY)
    assert kis.queries(CALL) == []
