"""Access tokens as the emulated server issues and checks them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from data_pipeline.emulator.kis.errors import auth_error, gateway_error
from data_pipeline.emulator.settings import EmulatorSettings

APP_KEY_LENGTH = 36
APP_SECRET_LENGTH = 180


@dataclass(slots=True)
class IssuedToken:
    """One token and the key it belongs to; times are seconds of real time since the epoch."""

    value: str = field(repr=False)
    app_key: str = field(repr=False)
    issued_at: float
    expires_at: float


class TokenDesk:
    """Issues, checks and revokes tokens by the server's rules.

    Tokens live on the real wall clock even when the market clock is pinned, because clients compare their expiry with
    their own clock.

    Args:
        settings: Key list and token times.
        wall: Real time in seconds since the epoch.
        approve: Makes the approval key of an app key, which the stream wants.
    """

    def __init__(
        self,
        settings: EmulatorSettings,
        wall: Callable[[], float] = time.time,
        approve: Callable[[str], str] = lambda _: str(uuid.uuid4()),
    ) -> None:
        self.approve = approve
        self._settings = settings
        self._wall = wall
        self._current: dict[str, IssuedToken] = {}
        self._answered_at: dict[str, float] = {}
        self._tokens: dict[str, IssuedToken] = {}
        self._signing_key = secrets.token_bytes(32)
        self.issued = 0

    def check_key(self, app_key: str, app_secret: str) -> None:
        """Accept the pair or raise the server's refusal (EGW00102 to EGW00105, HTTP 403)."""
        keys = self._settings.keys
        if not app_key:
            raise auth_error("EGW00102")
        if len(app_key) != APP_KEY_LENGTH if keys is None else app_key not in keys:
            raise auth_error("EGW00103")
        if not app_secret:
            raise auth_error("EGW00104")
        if len(app_secret) != APP_SECRET_LENGTH if keys is None else not _same(app_secret, keys[app_key]):
            raise auth_error("EGW00105")

    def issue(self, app_key: str) -> tuple[IssuedToken, float]:
        """Return the key's token and the seconds it has left: the same one within 6 h, refused within a minute."""
        now = self._wall()
        answered = self._answered_at.get(app_key)
        if answered is not None and 0 <= now - answered < self._settings.issue_seconds:
            raise auth_error("EGW00133")
        token = self._current.get(app_key)
        if token is None or not self._still_the_same(token, now):
            token = self._replace(app_key, now)
        self._answered_at[app_key] = now
        return token, token.expires_at - now

    def check(self, authorization: str, app_key: str) -> None:
        """Accept the ``authorization`` header or raise EGW00121 (invalid) or EGW00123 (expired), HTTP 500."""
        kind, _, value = authorization.partition(" ")
        token = self._tokens.get(value.strip())
        if kind.lower() != "bearer" or token is None or token.app_key != app_key:
            raise gateway_error("EGW00121")
        if self._wall() >= token.expires_at:
            raise gateway_error("EGW00123")

    def revoke(self, value: str, app_key: str) -> None:
        """Make the token invalid from now on; EGW00121 when it is not a token of this key."""
        token = self._tokens.get(value)
        if token is None or token.app_key != app_key:
            raise auth_error("EGW00121")
        del self._tokens[value]
        if self._current.get(app_key) is token:
            del self._current[app_key]

    def expire_all(self) -> int:
        """Let every token expire now, as a test of refreshing wants it; returns how many there were."""
        now = self._wall()
        for token in self._tokens.values():
            token.expires_at = min(token.expires_at, now)
        self._current.clear()
        return len(self._tokens)

    def _still_the_same(self, token: IssuedToken, now: float) -> bool:
        young = 0 <= now - token.issued_at < self._settings.same_token_seconds
        return young and now < token.expires_at

    def _replace(self, app_key: str, now: float) -> IssuedToken:
        older = self._current.get(app_key)
        if older is not None and self._settings.newer_token_kills_older:
            older.expires_at = min(older.expires_at, now)
        expires_at = now + self._settings.token_seconds
        token = IssuedToken(self._jwt(app_key, now, expires_at), app_key, now, expires_at)
        self._current[app_key] = self._tokens[token.value] = token
        self.issued += 1
        return token

    def _jwt(self, app_key: str, now: float, expires_at: float) -> str:
        claims = {"sub": "token", "aud": str(uuid.uuid4()), "prdt_cd": "", "iss": "unogw"}
        times = {"exp": int(expires_at), "iat": int(now), "jti": app_key}
        head = _segment(_compact({"typ": "JWT", "alg": "HS512"}))
        body = _segment(_compact({**claims, **times}))
        signature = hmac.new(self._signing_key, f"{head}.{body}".encode(), hashlib.sha512).digest()
        return f"{head}.{body}.{_segment(signature)}"


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _compact(claims: Mapping[str, object]) -> bytes:
    return json.dumps(claims, separators=(",", ":")).encode()


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
