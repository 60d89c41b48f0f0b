"""Tokens as the emulated server issues and checks them."""

from __future__ import annotations

import base64
import json
from datetime import datetime

import pytest

from data_pipeline.market.trading_calendar import SEOUL

KEY, SECRET = "K" * 36, "S" * 180
GRANT = {"grant_type": "client_credentials", "appkey": KEY, "appsecret": SECRET}


def _issue(kis, **changed):
    return kis.request("POST", "/oauth2/tokenP", json=GRANT | changed)


def test_a_token_lives_24_hours_and_its_end_is_told_in_seoul_time(kis):
    """The first answer is a Bearer JWT of at most 350 characters with its end as a wall-clock time in Seoul."""
    answer = _issue(kis).json()
    ends = datetime.strptime(answer["access_token_token_expired"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SEOUL)
    assert ends.timestamp() == 1_795_000_000 + 86_400
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 86_400)
    assert len(answer["access_token"]) <= 350
    body = answer["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert claims["iss"] == "unogw"


def test_a_second_request_within_a_minute_is_refused_with_403(kis):
    """One issue a minute: after 59 seconds EGW00133, after 60 an answer."""
    first = _issue(kis).json()["access_token"]
    kis.wall.now += 59
    refused = _issue(kis)
    assert (refused.status_code, refused.json()["error_code"]) == (403, "EGW00133")
    kis.wall.now += 1
    assert _issue(kis).json()["access_token"] == first


def test_within_six_hours_the_same_token_comes_with_the_same_end(kis):
    """Asked again within 6 h the token and its end are the same; after that both are new."""
    first = _issue(kis).json()
    kis.wall.now += 21_599
    second = _issue(kis).json()
    assert second["access_token"] == first["access_token"]
    assert second["access_token_token_expired"] == first["access_token_token_expired"]
    kis.wall.now += 60
    assert _issue(kis).json()["access_token"] != first["access_token"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"appkey": "short"}, "EGW00103"),
        ({"appsecret": "short"}, "EGW00105"),
        ({"appkey": ""}, "EGW00102"),
        ({"appsecret": ""}, "EGW00104"),
        ({"grant_type": "password"}, "EGW00112"),
        ({"appkey": 5}, "EGW00102"),
    ],
)
def test_wrong_credentials_are_refused_by_code(kis, changed, code):
    """Keys of other lengths, absent keys and another grant get HTTP 403 with their own code."""
    refused = _issue(kis, **changed)
    assert (refused.status_code, refused.json()["error_code"]) == (403, code)


def test_with_a_key_list_only_listed_pairs_are_accepted(start):
    """A list of keys replaces the rule of lengths."""
    kis = start(keys={KEY: "right"})
    assert _issue(kis).json()["error_code"] == "EGW00105"
    assert _issue(kis, appkey="L" * 36).json()["error_code"] == "EGW00103"
    assert _issue(kis, appsecret="right").status_code == 200


def test_calls_without_a_good_token_are_refused(kis):
    """No token, a made-up one and another key's are EGW00121; an old one is EGW00123, all HTTP 500."""
    other = kis.token("L" * 36)
    for authorization in ("", "Bearer nonsense", f"Bearer {other}"):
        answer = kis.get("inquire-price", kis.headers("inquire-price", authorization=authorization),
                         FID_COND_MRKT_DIV_CODE="J", FID_INPUT_ISCD="005930")  # fmt: skip
        assert (answer.status_code, answer.json()["msg_cd"]) == (500, "EGW00121")
    assert kis.price().status_code == 200
    kis.wall.now += 86_400
    answer = kis.price()
    assert (answer.status_code, answer.json()["msg_cd"]) == (500, "EGW00123")


def test_a_revoked_token_stops_working_and_cannot_be_revoked_twice(kis):
    """A revoked token is invalid at once (EGW00121)."""
    token = _issue(kis).json()["access_token"]
    headers = kis.headers("inquire-price", authorization=f"Bearer {token}")
    body = {"appkey": KEY, "appsecret": SECRET, "token": token}
    assert kis.request("POST", "/oauth2/revokeP", json=body).json()["code"] == 200
    answer = kis.get("inquire-price", headers, FID_COND_MRKT_DIV_CODE="J", FID_INPUT_ISCD="005930")
    assert answer.json()["msg_cd"] == "EGW00121"
    assert kis.request("POST", "/oauth2/revokeP", json=body).json()["error_code"] == "EGW00121"


@pytest.mark.parametrize(("kills", "code"), [(False, "MCA00000"), (True, "EGW00123")])
def test_a_newer_token_kills_the_older_one_only_on_request(start, kills, code):
    """After 6 h a new token is issued; the older one goes on working unless the option says otherwise."""
    kis = start(newer_token_kills_older=kills)
    headers = kis.headers("inquire-price")
    kis.wall.now += 21_600
    kis.token()
    answer = kis.get("inquire-price", headers, FID_COND_MRKT_DIV_CODE="J", FID_INPUT_ISCD="005930")
    assert answer.json()["msg_cd"] == code


def test_the_websocket_key_is_asked_with_secretkey(kis):
    """Approval takes ``secretkey``, not ``appsecret``, and answers a UUID."""
    body = {"grant_type": "client_credentials", "appkey": KEY}
    assert kis.request("POST", "/oauth2/Approval", json=body | {"appsecret": SECRET}).status_code == 403
    answer = kis.request("POST", "/oauth2/Approval", json=body | {"secretkey": SECRET}).json()
    assert [len(part) for part in answer["approval_key"].split("-")] == [8, 4, 4, 4, 12]


def test_the_hash_key_gives_the_body_back(kis):
    """The hash key answers the body and a hash that changes with it."""
    headers = {"appkey": KEY, "appsecret": SECRET}
    one = kis.request("POST", "/uapi/hashkey", json={"a": "1"}, headers=headers).json()
    two = kis.request("POST", "/uapi/hashkey", json={"a": "2"}, headers=headers).json()
    assert one["JsonBody"] == {"a": "1"}
    assert one["HASH"] != two["HASH"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"x" * 70_000])
def test_a_body_that_is_no_object_is_refused(kis, body):
    """Malformed, empty and oversized bodies get HTTP 403 EGW00101."""
    answer = kis.request("POST", "/oauth2/tokenP", content=body)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "EGW00101")
