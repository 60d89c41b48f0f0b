"""The POST endpoints: tokens, the WebSocket key and the hash key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from data_pipeline.emulator.exchange import dumps
from data_pipeline.emulator.kis.auth import TokenDesk
from data_pipeline.emulator.kis.errors import auth_error
from data_pipeline.market.clock import SEOUL

Post = Callable[[TokenDesk, Mapping[str, str], Mapping[str, Any]], bytes]


def issue_token(desk: TokenDesk, _: Mapping[str, str], body: Mapping[str, Any]) -> bytes:
    """Answer /oauth2/tokenP: a Bearer token, its seconds left and its end in Seoul's time."""
    _check_grant(desk, body, "appsecret")
    token, seconds_left = desk.issue(body["appkey"])
    ends = datetime.fromtimestamp(token.expires_at, SEOUL)
    return dumps(
        {
            "access_token": token.value,
            "access_token_token_expired": f"{ends:%Y-%m-%d %H:%M:%S}",
            "token_type": "Bearer",
            "expires_in": int(seconds_left),
        }
    )


def revoke_token(desk: TokenDesk, _: Mapping[str, str], body: Mapping[str, Any]) -> bytes:
    """Answer /oauth2/revokeP: the token stops working at once."""
    desk.check_key(_text(body, "appkey"), _text(body, "appsecret"))
    desk.revoke(_text(body, "token"), _text(body, "appkey"))
    return dumps({"code": 200, "message": "접근토큰 폐기에 성공하였습니다"})


def approve(desk: TokenDesk, _: Mapping[str, str], body: Mapping[str, Any]) -> bytes:
    """Answer /oauth2/Approval, which names the secret ``secretkey``: a key for the WebSocket."""
    _check_grant(desk, body, "secretkey")
    return dumps({"approval_key": desk.approve(body["appkey"])})


def hash_body(desk: TokenDesk, headers: Mapping[str, str], body: Mapping[str, Any]) -> bytes:
    """Answer /uapi/hashkey: the body and its hash."""
    desk.check_key(headers.get("appkey", ""), headers.get("appsecret", ""))
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return dumps({"JsonBody": body, "HASH": digest})


POSTS: dict[str, Post] = {
    "/oauth2/tokenP": issue_token,
    "/oauth2/revokeP": revoke_token,
    "/oauth2/Approval": approve,
    "/uapi/hashkey": hash_body,
}


def parse_body(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a POST; EGW00101 when it is none."""
    try:
        body = json.loads(raw)
    except ValueError:
        raise auth_error("EGW00101") from None
    if not isinstance(body, dict):
        raise auth_error("EGW00101")
    return body


def _check_grant(desk: TokenDesk, body: Mapping[str, Any], secret: str) -> None:
    if body.get("grant_type") != "client_credentials":
        raise auth_error("EGW00112")
    desk.check_key(_text(body, "appkey"), _text(body, secret))


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    return value if isinstance(value, str) else ""
