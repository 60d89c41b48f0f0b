"""Single trades over REST are those of the stream: thirty at most, newest first, with the same running volume."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise

import pytest

from data_pipeline.market.venue import Venue
from tests.support.live_emulator import STAGE

TODAY = date(2026, 11, 20)
TEN = 10 * 3_600_000


def rows(kis, name: str, output: str, **query: str):
    """The rows of an answer."""
    wanted = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930", **query}
    answer = kis.get(name, **wanted).json()
    assert answer["rt_cd"] == "0", answer
    return answer[output]


def by_time(kis, hour: str, **query: str):
    """Trades up to a second."""
    return rows(kis, "inquire-time-itemconclusion", "output2", FID_INPUT_HOUR_1=hour, **query)


@pytest.mark.thorough
def test_trades_up_to_a_second(kis):
    """Its own included; each is the tape's, and neighbours differ by the volume of the newer one."""
    found = by_time(kis, "100000")
    tape = STAGE.tape("005930", TODAY, Venue.KRX).before(TEN + 1_000, 30)
    assert [int(row["acml_vol"]) for row in found] == [one.cumulative_volume for one in tape]
    assert [(int(row["stck_prpr"]), int(row["cnqn"])) for row in found] == [(one.price, one.volume) for one in tape]
    assert len(found) == 30
    for newer, older in pairwise(found):
        assert int(newer["acml_vol"]) - int(older["acml_vol"]) == int(newer["cnqn"])
        assert newer["stck_cntg_hour"] >= older["stck_cntg_hour"]
    assert set(found[0]) == {
        "acml_vol", "askp", "bidp", "cnqn", "prdy_ctrt", "prdy_vrss", "prdy_vrss_sign", "stck_cntg_hour", "stck_prpr",
        "tday_rltv",
    }  # fmt: skip


def test_nothing_inside_a_second_can_be_paged(kis):
    """Asked for the second of the newest row again, the same rows come."""
    found = by_time(kis, "090000")
    assert by_time(kis, found[0]["stck_cntg_hour"]) == found


def test_nothing_of_the_future_comes(start):
    """In a running session the newest trade is the last one so far."""
    kis = start(datetime(2026, 11, 20, 10, 0, 0))
    assert by_time(kis, "153000") == by_time(kis, "100000")
    assert by_time(kis, "153000")[0]["stck_cntg_hour"] < "100000"


@pytest.mark.thorough
@pytest.mark.parametrize(("division", "venue"), [("J", Venue.KRX), ("NX", Venue.NXT), ("UN", Venue.UNIFIED)])
def test_each_venue_has_its_trades(division, venue, kis):
    """By the market division."""
    found = by_time(kis, "100000", FID_COND_MRKT_DIV_CODE=division)
    tape = STAGE.tape("005930", TODAY, venue).before(TEN + 1_000, 30)
    assert [int(row["acml_vol"]) for row in found] == [one.cumulative_volume for one in tape]


@pytest.mark.thorough
def test_the_newest_trades(kis):
    """The last one of a day is the closing auction's, at the close of the README's example."""
    found = rows(kis, "inquire-ccnl", "output")
    assert len(found) == 30
    assert (found[0]["stck_cntg_hour"], found[0]["stck_prpr"]) == ("153000", "71000")
    assert set(found[0]) == {
        "cntg_vol", "prdy_ctrt", "prdy_vrss", "prdy_vrss_sign", "stck_cntg_hour", "stck_prpr", "tday_rltv",
    }  # fmt: skip


@pytest.mark.parametrize(("hour", "code"), [("1000", "OPSQ2002"), ("250000", "OPSQ2001"), ("ten000", "OPSQ2001")])
def test_a_time_that_is_none_is_refused(hour, code, kis):
    """As in the other calls."""
    query = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930", "FID_INPUT_HOUR_1": hour}
    assert kis.get("inquire-time-itemconclusion", **query).json()["msg_cd"] == code
