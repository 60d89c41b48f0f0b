"""Faults, the request log and the clock."""

from __future__ import annotations

import io
import json
import zipfile

import httpx
import pytest

from data_pipeline.emulator.faults import KINDS
from data_pipeline.emulator.settings import EmulatorSettings, parse_span, read_keys
from data_pipeline.exceptions import ConfigurationError

CHART = ("005930", "20261101", "20261120")


def test_a_status_fault_plays_on_every_third_call_of_its_path(kis):
    """Every third quote is a 503 without JSON; the chart is untouched; DELETE ends it."""
    kis.faults({"kind": "status", "status": 503, "body": "down", "path": "inquire-price", "every": 3})
    assert [kis.price().status_code for _ in range(6)] == [200, 200, 503, 200, 200, 503]
    assert kis.chart(*CHART).status_code == 200
    kis.request("DELETE", "/emulator/faults")
    assert [kis.price().status_code for _ in range(3)] == [200] * 3


def test_count_and_skip_bound_a_fault(kis):
    """Skipping one call and playing twice spoils the second and third call alone."""
    kis.faults({"kind": "status", "status": 500, "skip": 1, "count": 2})
    assert [kis.price().status_code for _ in range(4)] == [200, 500, 500, 200]


def test_a_fault_is_bound_to_a_code_or_a_tr(kis):
    """Only the code and the TR named are spoiled, in a multi-price call too."""
    kis.faults({"kind": "html", "stock_code": "000660", "tr_id": "FHKST11300006"})
    assert "html" in kis.many("005930", "000660").headers["content-type"]
    assert kis.many("005930").json()["rt_cd"] == "0"
    assert kis.price("000660").json()["rt_cd"] == "0"


def test_throttling_and_expiry_can_be_played_under_both_statuses(kis):
    """EGW00201 comes with 500, EGW00123 with 500 or the 200 that was seen once."""
    kis.faults({"kind": "rate", "count": 1}, {"kind": "expired_token", "count": 1},
               {"kind": "expired_token", "status": 200, "count": 1})  # fmt: skip
    answers = [kis.price() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert [answer.json()["msg_cd"] for answer in answers] == ["EGW00201", "EGW00123", "EGW00123"]


def test_the_token_endpoint_can_fail_too(kis):
    """A fault on /oauth2/tokenP replaces the token."""
    kis.faults({"kind": "status", "status": 500, "body": {"error_code": "EGW00002"}, "path": "tokenP"})
    answer = kis.request("POST", "/oauth2/tokenP", json={})
    assert (answer.status_code, answer.json()) == (500, {"error_code": "EGW00002"})


def test_a_truncated_answer_is_no_json(kis):
    """The body ends in the middle."""
    kis.faults({"kind": "truncated"})
    with pytest.raises(json.JSONDecodeError):
        kis.price().json()


@pytest.mark.parametrize(("dress", "status", "begins", "ends"), [
    ("page", 200, b"<html>", b"</html>"),
    ("cut_page", 200, b"<html>", b"\xbd\xc3\xbd\xba\xc5\xdb \xc1\xa1\xb0"),
    ("empty", 200, b"", b""),
    ("408", 408, b"<html>", b"</html>"),
    ("429", 429, b"<html>", b"</html>"),
    ("503", 503, b"<html>", b"</html>"),
    ("EGW00316", 500, b'{"rt_cd":"1","msg_cd":"EGW00316"', b"}"),
    ("unknown_code", 500, b'{"rt_cd":"1","msg_cd":"EGW99999"', b"}"),
])  # fmt: skip
def test_maintenance_has_many_dresses(kis, dress, status, begins, ends):
    """Pages are in EUC-KR, where 시스템 is BDC3 BDBA C5DB and 점검 begins with C1A1 B0."""
    kis.faults({"kind": "maintenance", "value": dress})
    answer = kis.price()
    assert answer.status_code == status
    assert answer.content.startswith(begins)
    assert answer.content.endswith(ends)
    if begins == b"<html>":
        assert answer.headers["content-type"] == "text/html; charset=euc-kr"


def test_a_redirect_of_maintenance_leads_to_a_page(kis):
    """302 with a place on the same host."""
    kis.faults({"kind": "maintenance", "value": "redirect"})
    answer = kis.price()
    assert (answer.status_code, answer.headers["location"], answer.content) == (302, "/maintenance.html", b"")


def test_a_master_file_can_be_cut_or_short(kis):
    """Half of the zip file, or a whole one with the first hundred lines."""
    path = "/common/master/konex_code.mst.zip"
    whole = kis.request("GET", path).content
    kis.faults({"kind": "truncated", "count": 1}, {"kind": "short_page", "rows": 100})
    assert kis.request("GET", path).content == whole[: len(whole) // 2]
    short = kis.request("GET", path).content
    before, after = (zipfile.ZipFile(io.BytesIO(one)).read("konex_code.mst") for one in (whole, short))
    assert (before.count(b"\n"), after.count(b"\n")) == (110, 100)
    assert before.startswith(after)


def test_a_dropped_connection_is_no_answer(kis):
    """The connection breaks off without a byte, and the log says status 0."""
    kis.faults({"kind": "drop"})
    with pytest.raises((ConnectionResetError, httpx.TransportError)):
        kis.price()
    assert kis.request("GET", "/emulator/requests").json()[-1]["status"] == 0


def test_a_hanging_call_ends_without_an_answer(kis):
    """After its seconds a hanging call is dropped."""
    kis.faults({"kind": "hang", "seconds": 0})
    with pytest.raises((ConnectionResetError, httpx.TransportError)):
        kis.price()


def test_fields_can_be_missing_or_no_number(kis):
    """missing_field takes the field away, non_numeric puts text in its place, in single objects and rows alike."""
    kis.faults({"kind": "missing_field", "field": "stck_prpr", "count": 1},
               {"kind": "non_numeric", "field": "acml_vol", "value": "-"})  # fmt: skip
    assert "stck_prpr" not in kis.price().json()["output"]
    assert kis.price().json()["output"]["acml_vol"] == "-"
    assert {row["acml_vol"] for row in kis.chart(*CHART).json()["output2"]} == {"-"}


def test_shells_other_codes_and_doubled_rows(kis):
    """An empty shell says rt_cd 0, a wrong code names another instrument, duplicates come twice, empty rows follow."""
    kis.faults({"kind": "empty_shell", "count": 1}, {"kind": "wrong_code", "value": "000660", "count": 1},
               {"kind": "duplicate_rows", "count": 1}, {"kind": "empty_rows", "count": 1})  # fmt: skip
    shell = kis.price().json()
    assert shell["rt_cd"] == "0"
    assert "stck_prpr" not in shell["output"]
    assert kis.price().json()["output"]["stck_shrn_iscd"] == "000660"
    doubled = [row["stck_bsop_date"] for row in kis.chart("005930", "20261119", "20261120").json()["output2"]]
    assert doubled == ["20261120", "20261120", "20261119", "20261119"]
    assert kis.chart("005930", "20261120", "20261120").json()["output2"][1:] == [{}, {}, {}]


def test_one_figure_of_one_instrument_can_be_scaled(kis):
    """A tenth of the value in the row of the code that the fault names, and in no other; then all of it."""
    kis.faults({"kind": "scaled", "stock_code": "000660", "field": "acml_tr_pbmn", "value": "0.1", "count": 1})
    slots = {"FID_COND_MRKT_DIV_CODE_1": "J", "FID_INPUT_ISCD_1": "005930",
             "FID_COND_MRKT_DIV_CODE_2": "J", "FID_INPUT_ISCD_2": "000660"}  # fmt: skip
    wrong, right = (kis.get("intstock-multprice", **slots).json()["output"] for _ in range(2))
    tenth = f"{int(right[1]['acml_tr_pbmn']) // 10}"
    assert wrong == [right[0], {**right[1], "acml_tr_pbmn": tenth}]


def test_a_bar_can_stand_under_a_closed_day_too(kis):
    """Friday the 13th once more as Saturday the 14th, in the order of the days; then the truth."""
    kis.faults({"kind": "closed_day", "count": 1})
    window = ("005930", "20261112", "20261117")
    wrong, right = (kis.chart(*window).json()["output2"] for _ in range(2))
    assert [row["stck_bsop_date"][6:] for row in wrong] == ["17", "16", "14", "13", "12"]
    assert {**wrong[2], "stck_bsop_date": "20261113"} == wrong[3]
    assert wrong[:2] + wrong[3:] == right


def test_a_page_can_be_cut_under_success(kis):
    """short_page keeps none of the rows or so many, at either end or around the middle, and the head."""
    window = ("005930", "20261116", "20261120")
    kis.faults({"kind": "short_page", "count": 1}, {"kind": "short_page", "rows": 2, "count": 1},
               {"kind": "short_page", "rows": 2, "value": "newest", "count": 1},
               {"kind": "short_page", "rows": 3, "value": "middle", "count": 1})  # fmt: skip
    answers = [kis.chart(*window).json() for _ in range(5)]
    assert {(one["rt_cd"], one["output1"]["stck_shrn_iscd"]) for one in answers} == {("0", "005930")}
    assert [[row["stck_bsop_date"][6:] for row in one["output2"]] for one in answers] == [
        [], ["20", "19"], ["17", "16"], ["20", "19", "16"], ["20", "19", "18", "17", "16"],
    ]  # fmt: skip


def test_the_day_before_can_pose_as_today(kis):
    """previous_day answers Thursday's close and, for a window of Friday alone, Thursday's row."""
    thursday = kis.chart("005930", "20261119", "20261119").json()["output2"][0]
    kis.faults({"kind": "previous_day"})
    assert kis.price().json()["output"]["stck_prpr"] == thursday["stck_clpr"]
    assert kis.chart("005930", "20261120", "20261120").json()["output2"] == [thursday]


@pytest.mark.parametrize(
    "rules",
    [{}, [1], [{"kind": "nonsense"}], [{"kind": "drop", "evry": 2}], [{"kind": "missing_field"}],
     [{"kind": "short_page", "value": "left"}],
     [{"kind": "scaled", "field": "acml_vol", "value": "half"}], [{"kind": "scaled", "value": "0.5"}],
     [{"kind": "maintenance", "value": "holiday"}],
     [{"kind": "drip", "value": "trailers"}],
     [{"kind": "drop", "count": "2"}], [{"kind": "drop", "path": 1}]],
)  # fmt: skip
def test_wrong_faults_are_refused_and_change_nothing(kis, rules):
    """An unknown kind or name and a value of the wrong type are 422; the faults before stay."""
    kis.faults({"kind": "rate"})
    assert kis.request("PUT", "/emulator/faults", json=rules).status_code == 422
    assert len(kis.request("GET", "/emulator/faults").json()["faults"]) == 1


def test_every_kind_of_fault_is_explained(kis):
    """GET /emulator/faults lists the kinds with what they do."""
    assert kis.request("GET", "/emulator/faults").json()["kinds"] == KINDS


def test_the_log_counts_and_names_no_secret(start):
    """Two accepted and one rejected call are counted under the key's hash; key, secret and token appear nowhere."""
    kis = start(rate=2)
    token = kis.token()
    for _ in range(3):
        kis.price()
    log = kis.request("GET", "/emulator/requests")
    summary = kis.request("GET", "/emulator/requests", params={"summary": "true"})
    counts = summary.json()
    assert (counts["total"], counts["accepted"], counts["rejected"]) == (3, 2, 1)
    assert list(counts["per_key"].values()) == [{"accepted": 2, "rejected": 1}]
    assert counts["per_second"] == {"1000": {"accepted": 2, "rejected": 1}}
    assert [entry["accepted"] for entry in log.json()] == [True, True, False]
    for secret in ("K" * 36, "S" * 180, token):
        assert secret not in log.text + summary.text


def test_the_log_is_filtered_and_emptied(kis):
    """Filters by path, code and number; DELETE starts counting from zero."""
    kis.price("005930")
    kis.price("000660")
    kis.chart(*CHART)

    def numbers(**wanted):
        return [entry["number"] for entry in kis.request("GET", "/emulator/requests", params=wanted).json()]

    assert (numbers(path="inquire-price"), numbers(stock_code="000660"), numbers(since=2)) == ([1, 2], [2], [3])
    assert (numbers(limit=1), numbers(accepted="false")) == ([1], [])
    kis.request("DELETE", "/emulator/requests")
    assert numbers() == []
    assert kis.request("GET", "/emulator/requests", params={"summary": "true"}).json()["total"] == 0


def test_the_clock_can_be_moved_and_released(kis):
    """PUT /emulator/clock pins the market's time; a moment without a zone is Seoul's."""
    answer = kis.request("PUT", "/emulator/clock", json={"now": "2026-11-16T10:30:00", "frozen": True}).json()
    assert answer == {"now": "2026-11-16T10:30:00+09:00", "frozen": True, "quoted_session": "2026-11-16"}
    assert kis.price().headers["date"] == "Mon, 16 Nov 2026 01:30:00 GMT"
    assert kis.request("PUT", "/emulator/clock", json={"now": None}).json()["frozen"] is False


def test_health_says_what_kind_of_server_it_is(start):
    """Health names the server and its quotas."""
    health = start(server="virtual", rate=None).request("GET", "/emulator/health").json()
    assert (health["status"], health["server"], health["limits"]["rate"]) == ("ok", "virtual", 1)


def test_wrong_settings_are_refused():
    """Unknown kinds, quotas below one and reversed spans name what is wrong."""
    for wrong in ({"server": "x"}, {"rate": 0}, {"window": "x"}, {"jitter_ms": (5.0, 1.0)}, {"unknown_symbol": "x"}):
        with pytest.raises(ConfigurationError):
            EmulatorSettings(**wrong)


def test_spans_and_key_files_are_parsed(tmp_path):
    """``5:50`` is a span, ``5`` a span without width; a key file is a JSON object of text."""
    assert (parse_span("5:50"), parse_span("5")) == ((5.0, 50.0), (5.0, 5.0))
    with pytest.raises(ConfigurationError):
        parse_span("fast")
    keys = tmp_path / "keys.json"
    keys.write_text('{"a": "b"}')
    assert read_keys(keys) == {"a": "b"}
    keys.write_text("[]")
    with pytest.raises(ConfigurationError):
        read_keys(keys)
    with pytest.raises(ConfigurationError):
        read_keys(tmp_path / "absent.json")
