"""The emulator's answers against the documented ones: same keys, same shapes, same errors."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import datetime
from typing import Any

import httpx
import pytest

from data_pipeline.emulator.app import create_app
from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.settings import EmulatorSettings
from data_pipeline.sources.mock.market import SyntheticMarket
from tests.support.project import SAMPLES

KIS = SAMPLES / "kis"

QUOTATIONS = "/uapi/domestic-stock/v1/quotations/"
KEY, SECRET = "K" * 36, "S" * 180
ONE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
CALLS = {
    "inquire-price": ("FHKST01010100", ONE),
    "inquire-asking-price-exp-ccn": ("FHKST01010200", ONE),
    "inquire-daily-price": ("FHKST01010400", ONE | {"FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "0"}),
    "inquire-daily-itemchartprice": ("FHKST03010100", ONE | {
        "FID_INPUT_DATE_1": "20260901", "FID_INPUT_DATE_2": "20261120",
        "FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "0"}),
    "inquire-daily-indexchartprice": ("FHKUP03500100", {
        "FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": "0001", "FID_INPUT_DATE_1": "20261101",
        "FID_INPUT_DATE_2": "20261120", "FID_PERIOD_DIV_CODE": "D"}),
    "inquire-index-price": ("FHPUP02100000", {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": "1001"}),
    "inquire-time-itemchartprice": ("FHKST03010200", ONE | {
        "FID_INPUT_HOUR_1": "153000", "FID_PW_DATA_INCU_YN": "Y", "FID_ETC_CLS_CODE": ""}),
    "inquire-time-dailychartprice": ("FHKST03010230", ONE | {
        "FID_INPUT_DATE_1": "20261119", "FID_INPUT_HOUR_1": "140000",
        "FID_PW_DATA_INCU_YN": "Y", "FID_FAKE_TICK_INCU_YN": ""}),
    "investor-trade-by-stock-daily": ("FHPTJ04160001", ONE | {
        "FID_INPUT_DATE_1": "20261120", "FID_ORG_ADJ_PRC": "", "FID_ETC_CLS_CODE": "1"}),
    "inquire-investor": ("FHKST01010900", ONE),
    "inquire-investor-daily-by-market": ("FHPTJ04040000", {
        "FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": "0001", "FID_INPUT_DATE_1": "20261120",
        "FID_INPUT_ISCD_1": "KSP", "FID_INPUT_DATE_2": "20261120", "FID_INPUT_ISCD_2": "0001"}),
    "intstock-multprice": ("FHKST11300006", {
        "FID_COND_MRKT_DIV_CODE_1": "J", "FID_INPUT_ISCD_1": "005930",
        "FID_COND_MRKT_DIV_CODE_2": "J", "FID_INPUT_ISCD_2": "000660"}),
    "search-stock-info": ("CTPF1002R", {"PRDT_TYPE_CD": "300", "PDNO": "005930"}),
    "search-info": ("CTPF1604R", {"PRDT_TYPE_CD": "300", "PDNO": "005930"}),
    "chk-holiday": ("CTCA0903R", {"BASS_DT": "20261120", "CTX_AREA_NK": "", "CTX_AREA_FK": ""}),
}  # fmt: skip
LATER = {
    "inquire-price": {"mang_issu_cls_code"},
    "search-stock-info": {
        "issu_istt_cd", "etf_chas_erng_rt_dbnb", "etf_etn_ivst_heed_item_yn", "stln_int_rt_dvsn_cd",
        "frnr_psnl_lmt_rt", "lstg_rqsr_issu_istt_cd", "lstg_rqsr_item_cd", "trst_istt_issu_istt_cd",
    },
}  # fmt: skip
"""Fields recorded after the sample was taken (the reference says where)."""
CONDITIONAL = {"inquire-price": {"new_hgpr_lwpr_cls_code"}}
OTHER_SHAPE = {"wghn_avrg_stck_prc", "acml_prtt_rate"}
"""Fields whose number of decimals differs between recordings."""


class Server:
    def __init__(self, **settings):
        settings.setdefault("rate", 1000)
        moment = datetime(2026, 11, 20, 20, 30)
        clock = MarketClock(moment, frozen=True, wall=lambda: moment)
        self.app = create_app(
            SyntheticMarket(), EmulatorSettings(**settings), clock, monotonic=lambda: 1000.0, wall=lambda: self.wall
        )
        self.wall = 1_795_000_000.0

    def send(self, method, path, **options):
        async def once():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://kis") as client:
                return await client.request(method, path, **options)

        return asyncio.run(once())

    def get(self, name, **changed):
        tr_id, params = CALLS[name]
        current = self.app.server.desk._current.get(KEY)
        token = current or self.app.server.desk.issue(KEY)[0]
        headers = {"authorization": f"Bearer {token.value}", "appkey": KEY, "appsecret": SECRET, "tr_id": tr_id}
        return self.send("GET", QUOTATIONS + name, params=params | changed, headers=headers)


@pytest.fixture(scope="module")
def server():
    """A real server on the reference evening."""
    return Server()


def sample(name):
    """Return what is documented of an endpoint; see the README beside the samples."""
    return json.loads((KIS / f"{name}.json").read_text(encoding="utf-8"))


def documented(name):
    """Return the documented outputs: name to one example object."""
    return sample(name)["outputs"]


def _objects_of(answer, output):
    found = answer[output]
    return found if isinstance(found, list) else [found]


@pytest.mark.thorough
@pytest.mark.parametrize("name", CALLS)
def test_the_answer_has_the_documented_keys_and_nothing_else(server, name):
    """Every object carries the keys of the documented one, besides those that only sometimes apply."""
    answer = server.get(name).json()
    for output, example in documented(name).items():
        for found in _objects_of(answer, output):
            extra = set(found) - set(example)
            assert set(example) - set(found) == set()
            assert extra - CONDITIONAL.get(name, set()) == LATER.get(name, set())


def shape(text):
    """Return what kind of text a value is: number with its decimals, date, time, flag, padded or plain text."""
    if re.fullmatch(r"-?[\d,]+", text):
        return "whole"
    decimals = re.fullmatch(r"-?\d+\.(\d+)", text)
    if decimals:
        return f"{len(decimals[1])} decimals"
    return "flag" if text in ("Y", "N") else "blank" if not text.strip() else "text"


def alike(example, value):
    """Whether two values have one shape; a blank says nothing about the shape of the other."""
    kinds = {shape(example), shape(value)}
    return len(kinds) == 1 or "blank" in kinds


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"search-info"}))
def test_the_values_have_the_documented_shapes(server, name):
    """Every value is text; numbers, decimals, flags, dates and times look like the documented ones."""
    answer = server.get(name).json()
    for output, example in documented(name).items():
        for found in _objects_of(answer, output):
            assert all(isinstance(value, str) for value in found.values())
            odd = {key: (example[key], found[key]) for key in example if not alike(example[key], found[key])}
            assert {key: pair for key, pair in odd.items() if key not in OTHER_SHAPE} == {}
            lengths = {key for key in example if re.search("date|hour|_dt$|yn$|sign$", key) and example[key]}
            assert {key for key in lengths if found[key] and len(found[key]) != len(example[key])} == set()


@pytest.mark.parametrize("name", CALLS)
def test_no_value_is_longer_than_documented(server, name):
    """Every value fits the documented length ("82" means eight digits, two of them decimals)."""
    limits = sample(name)["longest"]
    answer = server.get(name).json()
    long = {
        key: value
        for output in documented(name)
        for found in _objects_of(answer, output)
        for key, value in found.items()
        if len(value) > limits.get(key, 200)
    }
    assert long == {}


@pytest.mark.parametrize("name", CALLS)
def test_the_envelope_is_the_documented_one(server, name):
    """rt_cd, msg_cd and msg1 stand beside the outputs, with the sample's msg_cd where it shows one."""
    answer = server.get(name).json()
    code = sample(name)["msg_cd"]
    assert answer["rt_cd"] == "0"
    assert code is None or answer["msg_cd"] == code
    assert len(answer["msg1"]) <= 80


def refusal(code):
    """Provoke one documented error and return its answer."""
    grant = {"grant_type": "client_credentials", "appkey": KEY, "appsecret": SECRET}
    if code in ("EGW00103", "EGW00105", "EGW00133"):
        changed = {"EGW00103": {"appkey": "x"}, "EGW00105": {"appsecret": "x"}, "EGW00133": {}}[code]
        server = Server()
        server.app.server.desk.issue(KEY)
        return server.send("POST", "/oauth2/tokenP", json=grant | changed)
    settings: dict[str, dict[str, Any]] = {
        "EGW00201": {"rate": 1},
        "EGW00215": {"ledger_rate": 1},
        "EGW02006": {"server": "virtual"},
    }
    server = Server(**settings.get(code, {}))
    name = {"EGW00215": "search-stock-info", "EGW02006": "intstock-multprice"}.get(code, "inquire-price")
    changed = {"OPSQ2001": {"FID_COND_MRKT_DIV_CODE": "Z"}, "OPSQ2002": {"FID_INPUT_ISCD": "0" * 13},
               "MCA05918": {"FID_INPUT_ISCD": "999999"}}.get(code, {})  # fmt: skip
    if code == "EGW00121":
        server.app.server.desk.issue(KEY)
        server.app.server.desk._tokens.clear()
    if code in ("EGW00201", "EGW00215", "EGW00123"):
        server.get(name)
    if code == "EGW00123":
        server.wall += 86_400
    return server.get(name, **changed)


ERRORS = sample("errors")


@pytest.mark.thorough
@pytest.mark.parametrize("code", ERRORS)
def test_an_error_has_the_documented_status_and_body(code):
    """Each documented error, provoked as a client would, has its status and exactly its body."""
    answer = refusal(code)
    assert {"status": answer.status_code, "body": answer.json()} == ERRORS[code]
