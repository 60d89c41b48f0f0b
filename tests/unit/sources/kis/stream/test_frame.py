from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_pipeline.exceptions import PayloadError
from data_pipeline.sources.kis.stream.fields import FEEDS
from data_pipeline.sources.kis.stream.frame import Control, Records, read_frame

SAMPLES = Path("tests/samples/kis/stream")


def sample(name: str) -> str:
    """Return a frame of the samples."""
    return (SAMPLES / f"{name}.txt").read_text("utf-8").strip()


def records(text: str) -> Records:
    """Return the records of a frame."""
    found = read_frame(text)
    assert isinstance(found, Records)
    return found


def named(text: str, number: int = 0) -> dict[str, str]:
    """Return one record of a frame by the names of the table."""
    found = records(text)
    return dict(zip(found.feed.names, found.rows[number], strict=False))


@pytest.mark.parametrize(
    ("name", "count", "width"),
    [
        ("h0stcnt0", 2, 47),
        ("h0stcnt0-2025-07-30", 3, 46),
        ("official-h0stcnt0-46", 1, 46),
        ("h0uncnt0", 1, 47),
        ("h0stasp0", 1, 63),
        ("h0nxasp0", 1, 62),
        ("h0unasp0", 1, 66),
        ("h0stmko0", 1, 10),
        ("official-h0stmko0", 1, 10),
        ("official-h0stanc0", 2, 46),
    ],
)
def test_every_record_of_a_frame_is_read(name, count, width):
    """A frame gives as many records as it says, each as wide as its fields divided by their number."""
    found = records(sample(name))
    assert (len(found.rows), found.width) == (count, width)
    assert all(len(row) == width for row in found.rows)


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("h0stcnt0", 1, {"STCK_PRPR": "72000", "CNTG_VOL": "75", "ACML_VOL": "8305293", "ACML_TR_PBMN": "595409543150",
                         "SELN_CNTG_CSNU": "21116", "SHNU_CNTG_CSNU": "28171", "SHNU_CNTG_SMTN": "4163837",
                         "CCLD_DVSN": "1", "BSOP_DATE": "20261123", "NEW_MKOP_CLS_CODE": "20", "HOUR_CLS_CODE": "0",
                         "VI_STND_PRC": "71000", "MARKET_CLS_CODE": "2"}),
        ("h0stasp0", 0, {"BSOP_HOUR": "093730", "ASKP1": "71900", "ASKP10": "72800", "BIDP1": "71800",
                         "BIDP10": "70900", "ASKP_RSQN1": "91918", "BIDP_RSQN10": "158171",
                         "TOTAL_ASKP_RSQN": "1159362", "TOTAL_BIDP_RSQN": "2095167", "ANTC_CNTG_PRDY_CTRT": "-100.00",
                         "ACML_VOL": "3159115", "MID_PRC": "71850", "MARKET_CLS_CODE": "2"}),
        ("h0unasp0", 0, {"KMID_PRC": "71850", "NMID_TOTAL_RSQN": "120", "ANTC_EXCH_CLS_CODE": "1"}),
        ("h0stmko0", 0, {"MKSC_SHRN_ISCD": "003160", "TRHT_YN": "N", "MKOP_CLS_CODE": "AB1",
                         "ANTC_MKOP_CLS_CODE": "311", "ISCD_STAT_CLS_CODE": "55", "VI_CLS_CODE": "Y"}),
        ("official-h0stanc0", 1, {"STCK_PRPR": "308000", "CNTG_VOL": "1", "HOUR_CLS_CODE": "B", "DUMMY": "318000"}),
    ],
)  # fmt: skip
def test_fields_stand_where_the_table_says(name, number, expected):
    """Each name of the table finds the value that the documented frame has for it."""
    assert expected.items() <= named(sample(name), number).items()


def test_the_running_figures_of_a_frame_add_up():
    """Neighbours differ by the trade itself, so that the columns of figures cannot be shifted."""
    before, now = named(sample("h0stcnt0-2025-07-30"), 1), named(sample("h0stcnt0-2025-07-30"), 2)
    assert int(now["ACML_VOL"]) - int(before["ACML_VOL"]) == int(now["CNTG_VOL"]) == 75
    assert int(now["ACML_TR_PBMN"]) - int(before["ACML_TR_PBMN"]) == 72000 * 75
    assert int(now["SHNU_CNTG_CSNU"]) - int(before["SHNU_CNTG_CSNU"]) == 1


def test_more_fields_than_known_are_kept():
    """A record that grew at its end is read, and what is new stays behind it."""
    first = sample("official-h0stcnt0-46")
    found = records(f"{first}^2^NEW")
    assert (found.width, found.rows[0][47]) == (48, "NEW")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (sample("h0stcnt0").rsplit("^", 1)[0], "cut short"),
        (sample("official-h0stcnt0-46").rsplit("^", 1)[0], "cut short"),
        (sample("h0stcnt0").rsplit("^", 2)[0], "begins with '2'"),
        ("0|H0STCNT0|000|", "cut short"),
        ("0|H0STCNT0|001", "neither JSON nor a data frame"),
        ("0|H0ZZZZZ0|001|005930^1", "not known"),
        ("1|H0STCNI9|001|q83v+A==", "encrypted"),
        ("", "neither JSON nor a data frame"),
        ("2|H0STCNT0|001|005930", "neither JSON nor a data frame"),
        ("{", "not a control message"),
        ("[]", "neither JSON nor a data frame"),
        ('{"header": {"tr_id": 7}}', "not a control message"),
        ('{"header": {"tr_id": "PINGPONG"}, "body": []}', "not a control message"),
        ("{" * 100_000, "not a control message"),
        ("0|H0STCNT0|001|" + "1^" * 4_194_304, "8,388,623 characters"),
    ],
)
def test_what_is_no_frame_is_refused_by_name(text, words):
    """A text that is cut short, encrypted, too long or nothing that is known raises, and the message says which."""
    with pytest.raises(PayloadError, match=words) as caught:
        read_frame(text)
    assert len(str(caught.value)) < 250


def test_a_bar_inside_the_records_splits_nothing():
    """Only the first three bars separate."""
    head, body = sample("h0stmko0").rsplit("|", 1)
    assert named(f"{head}|{body.replace('(null)', 'a|b')}")["TR_SUSP_REAS_CNTT"] == "a|b"


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        ({"tr_id": "H0STCNT0", "tr_key": "005930", "encrypt": "N"},
         {"rt_cd": "0", "msg_cd": "OPSP0000", "msg1": "SUBSCRIBE SUCCESS", "output": {"iv": "a", "key": "b"}},
         Control("H0STCNT0", "005930", "0", "OPSP0000", "SUBSCRIBE SUCCESS")),
        ({"tr_id": "(null)", "tr_key": "", "encrypt": "N"},
         {"rt_cd": "9", "msg_cd": "OPSP8996", "msg1": "ALREADY IN USE appkey"},
         Control("(null)", "", "9", "OPSP8996", "ALREADY IN USE appkey")),
    ],
)  # fmt: skip
def test_a_control_message_tells_what_it_answers(header, body, expected):
    """The pair of feed and code, result, message code and text are read, and keys for encryption are left out."""
    assert read_frame(json.dumps({"header": header, "body": body})) == expected


def test_a_heartbeat_is_one():
    """PINGPONG has no body and asks for a Pong."""
    found = read_frame('{"header":{"tr_id":"PINGPONG","datetime":"20261123093015"}}')
    assert isinstance(found, Control)
    assert found.is_heartbeat


def test_the_widths_are_those_that_come_today():
    """Fields of each feed as counted in the documents and on the wire since 2026-09-14."""
    assert {name: one.width for name, one in FEEDS.items()} == {
        "H0STCNT0": 47, "H0NXCNT0": 47, "H0UNCNT0": 47, "H0STASP0": 63, "H0NXASP0": 62, "H0UNASP0": 66,
        "H0STMKO0": 10, "H0NXMKO0": 10, "H0UNMKO0": 10, "H0STANC0": 46, "H0NXANC0": 46, "H0UNANC0": 46,
    }  # fmt: skip


def test_the_virtual_server_has_two_feeds():
    """Only trades and books of the KRX are there."""
    assert [name for name, one in FEEDS.items() if one.virtual] == ["H0STCNT0", "H0STASP0"]
