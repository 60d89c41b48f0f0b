"""The KRX side of the emulator: its key, its refusals, its gate at eight, its empty blocks and its day's quota."""

from __future__ import annotations

from datetime import datetime

import pytest

KEY = {"AUTH_KEY": "K" * 40}
STOCKS, FUNDS = "/svc/apis/sto/stk_bydd_trd", "/svc/apis/etp/etf_bydd_trd"
MONDAY = datetime(2026, 11, 23, 8, 30)


@pytest.fixture
def krx(start):
    """The emulator on the Monday morning after Friday, 20 November 2026."""
    return start(MONDAY)


def rows(krx, path=STOCKS, day="20261120", **options):
    """Return the rows of one call."""
    answer = krx.request("GET", path, params={"basDd": day}, headers=KEY, **options)
    assert answer.status_code == 200
    assert list(answer.json()) == ["OutBlock_1"]
    return answer.json()["OutBlock_1"]


@pytest.mark.thorough
def test_a_market_day(krx):
    """Every stock of the board as text, without funds and without commas."""
    found = {row["ISU_CD"]: row for row in rows(krx)}
    assert len(found) == 940
    assert "069500" not in found
    samsung = found["005930"]
    assert (samsung["TDD_CLSPRC"], samsung["CMPPREVDD_PRC"], samsung["FLUC_RT"]) == ("71000", "1420", "2.04")
    assert (samsung["ACC_TRDVOL"], samsung["BAS_DD"], samsung["ISU_NM"]) == ("25483920", "20261120", "삼성전자")
    assert int(samsung["MKTCAP"]) == 71000 * int(samsung["LIST_SHRS"])
    assert all(isinstance(value, str) for row in found.values() for value in row.values())


def test_isu_cd_means_two_things(krx):
    """The base info writes the ISIN where the daily service writes the short code."""
    found = {row["ISU_SRT_CD"]: row for row in rows(krx, "/svc/apis/sto/stk_isu_base_info")}
    assert found["005930"]["ISU_CD"] == "KR7005930003"
    assert (found["005930"]["ISU_ABBRV"], found["005930"]["ISU_NM"]) == ("삼성전자", "삼성전자보통주")


@pytest.mark.thorough
def test_post_and_suffix(krx):
    """A POST of JSON and the suffix .json say the same as a GET; unknown parameters are ignored."""
    found = rows(krx)
    posted = krx.request("POST", STOCKS, json={"basDd": "20261120"}, headers=KEY)
    assert posted.json()["OutBlock_1"] == found
    assert rows(krx, f"{STOCKS}.json") == found
    asked = krx.request("GET", STOCKS, params={"basDd": "20261120", "isuCd": "005930"}, headers=KEY)
    assert asked.json()["OutBlock_1"] == found


@pytest.mark.parametrize(
    "day", ["20261121", "20261123", "20270104", "20091230", "19990104", "2026-11-20", "20261399", ""]
)
def test_an_empty_block_has_many_reasons(krx, day):
    """A closed day, a day not published, one too old and one malformed all look alike."""
    assert rows(krx, day=day) == []


def test_the_gate_opens_at_eight(krx):
    """Friday is published at 08:00 on Monday by the market clock, not a second before."""
    krx.clock.set(datetime(2026, 11, 23, 7, 59, 59), frozen=True)
    assert rows(krx) == []
    krx.clock.set(datetime(2026, 11, 23, 8), frozen=True)
    assert len(rows(krx)) == 940


@pytest.mark.parametrize(
    ("path", "headers", "status", "message"),
    [
        (STOCKS, {}, 401, "Unauthorized Key"),
        (STOCKS, {"AUTH_KEY": "short"}, 401, "Unauthorized Key"),
        ("/svc/apis/sto/sw_bydd_trd", KEY, 404, "/svc/apis/sto/sw_bydd_trd does not exist."),
        (FUNDS, KEY, 401, "Unauthorized API Call"),
    ],
)
def test_refusals(krx, path, headers, status, message):
    """No key, a service that is not approved, and one that is not there."""
    krx.request("PUT", "/emulator/krx", json={"approved": ["sto/stk_bydd_trd"]})
    answer = krx.request("GET", path, params={"basDd": "20261120", "AUTH_KEY": "K" * 40}, headers=headers)
    assert (answer.status_code, answer.json()) == (status, {"respMsg": message, "respCode": str(status)})


def test_the_days_quota(krx):
    """Each key has its calls of the day in Seoul; one more is a 429, and midnight brings new ones."""
    krx.request("PUT", "/emulator/krx", json={"daily_limit": 2})
    assert [rows(krx, day="20261121"), rows(krx, day="20261121")] == [[], []]
    refused = krx.request("GET", STOCKS, params={"basDd": "20261120"}, headers=KEY)
    assert (refused.status_code, refused.json()) == (429, {"respMsg": "Limit Exceeded"})
    other = krx.request("GET", STOCKS, params={"basDd": "20261121"}, headers={"AUTH_KEY": "L" * 40})
    assert other.status_code == 200
    krx.clock.set(datetime(2026, 11, 24), frozen=True)
    assert rows(krx, day="20261121") == []
    assert krx.request("GET", "/emulator/requests", params={"summary": True}).json()["rejected"] == 1


def test_blank_funds_on_a_closed_day(krx):
    """On request a Saturday brings every ETF with blank figures, as was seen once."""
    assert rows(krx, FUNDS, "20261121") == []
    krx.request("PUT", "/emulator/krx", json={"blank_funds_when_closed": True})
    blank = rows(krx, FUNDS, "20261121")
    assert len(blank) == 60
    assert {(row["BAS_DD"], row["TDD_CLSPRC"], row["ACC_TRDVOL"]) for row in blank} == {("20261121", "", "")}


@pytest.mark.thorough
def test_the_after_market(krx):
    """On request volumes since 14 September 2026 hold the after-market; the close stays that of 15:30."""
    before = {row["ISU_CD"]: row for row in rows(krx)}
    old = rows(krx, day="20260911")
    krx.request("PUT", "/emulator/krx", json={"after_market": True})
    after = {row["ISU_CD"]: row for row in rows(krx)}
    more = [code for code, row in after.items() if int(row["ACC_TRDVOL"]) > int(before[code]["ACC_TRDVOL"])]
    assert len(more) > 800
    assert all(row["TDD_CLSPRC"] == before[code]["TDD_CLSPRC"] for code, row in after.items())
    assert rows(krx, day="20260911") == old


@pytest.mark.thorough
def test_maintenance_and_spoiled_rows(krx):
    """Faults of the shared list play here too: a web page under 200, a field that is gone, yesterday's rows."""
    krx.faults({"kind": "html", "path": "stk_bydd_trd", "count": 1})
    page = krx.request("GET", STOCKS, params={"basDd": "20261120"}, headers=KEY)
    assert (page.status_code, page.text[:15]) == (200, "<!DOCTYPE html>")
    krx.faults({"kind": "missing_field", "field": "TDD_CLSPRC"})
    assert not any("TDD_CLSPRC" in row for row in rows(krx))
    krx.faults({"kind": "previous_day"})
    assert {row["BAS_DD"] for row in rows(krx)} == {"20261119"}


@pytest.mark.thorough
def test_no_key_is_shown(krx):
    """Neither the log nor the rules tell a key."""
    rows(krx)
    shown = krx.request("GET", "/emulator/requests").text + krx.request("GET", "/emulator/krx").text
    assert "K" * 40 not in shown
    assert "stk_bydd_trd" in shown
