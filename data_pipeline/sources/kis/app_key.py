"""One app key of KIS: its headers, its token, and the budgets that KIS counts for it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from data_pipeline.client.answer import read_object
from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.client.guard import Guard
from data_pipeline.client.meter import TOKENS_ASKED, Meter
from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.retry import Retry
from data_pipeline.client.scrub import scrubbed
from data_pipeline.client.session import HttpSession
from data_pipeline.client.token import Token, TokenManager
from data_pipeline.client.token_seal import TokenSeal
from data_pipeline.coordination.store import Store, hashed
from data_pipeline.exceptions import AuthenticationError, PayloadError, RequestRefusedError
from data_pipeline.market.clock import SEOUL
from data_pipeline.settings.hidden import Hidden
from data_pipeline.sources.kis.endpoints import TOKEN_PATH, Endpoint
from data_pipeline.sources.kis.parse_answer import refusal
from data_pipeline.sources.kis.parse_fields import Row
from data_pipeline.sources.kis.settings import KisSettings

_SHORTEST_SECRET = 8


class AppKey:
    """A key and all that belongs to it alone; its ``repr`` shows no secret.

    Issuing a token takes no slot: KIS counts tokenP apart from the calls, and the token manager asks at most once a
    minute, which is less than KIS allows. Source: KIS notice of 2026-04-20 on call limits.

    Args:
        pair: App key and app secret.
        settings: Where the server is and what it allows.
        store: The state that processes share; everything of this key lies under its hash.
        session: Asks the server for tokens.
        breaker: The server's breaker, which all keys share.
        retry: How often to try again.
        sleep: Waits that many seconds.
        wall: Real time in seconds since 1970 (UTC), by which tokens expire.
        meter: Hears what is sent with the key; None for nobody.
    """

    def __init__(
        self,
        pair: tuple[str, str],
        settings: KisSettings,
        store: Store,
        session: HttpSession,
        breaker: CircuitBreaker,
        retry: Retry,
        sleep: Callable[[float], None] = time.sleep,
        wall: Callable[[], float] = time.time,
        *,
        meter: Meter | None = None,
    ) -> None:
        self._meter = meter or Meter()
        self._key, self._secret = (Hidden(part) for part in pair)
        self._account = settings.account_number or Hidden()
        self._session, self._breaker, self._wall = session, breaker, wall
        # Two sandboxes may be used with one invented key, and neither knows the other's tokens.
        sandbox = settings.is_sandbox
        name = self.name = hashed(f"{self._key}@{settings.base_url}" if sandbox else self._key)
        rate, ledger, wait = settings.rate_limit or 0.0, settings.ledger_rate_limit or 0.0, settings.queue_timeout
        self.limiter = TokenBucketRateLimiter(store, name, rate, wait, sleep, per_minute=settings.rate_limit_per_minute)
        self.ledger_limiter = TokenBucketRateLimiter(
            store, f"{name}-ledger", ledger, wait, sleep, variable="KIS_API_LEDGER_RATE_LIMIT"
        )
        self._guard, self._ledger_guard = (
            Guard(limiter, breaker, retry, meter=self._meter.with_labels(budget=budget))
            for budget, limiter in self.budgets()
        )
        self.tokens = TokenManager(store, TokenSeal(name, self._secret), self._issue_token, wall, sleep)

    def __repr__(self) -> str:
        return f"AppKey({hashed(self._key)[:4]}...)"

    @property
    def fingerprint(self) -> str:
        """What people see of the key: the first eight hex digits of its hash."""
        return hashed(self._key)[:8]

    @property
    def sent(self) -> int:
        """Calls sent with this key that took a slot, retries included."""
        return self._guard.sent + self._ledger_guard.sent

    def budgets(self) -> tuple[tuple[str, TokenBucketRateLimiter], ...]:
        """Return the budgets of this key, under names that do not reveal it."""
        return (self.fingerprint, self.limiter), (f"{self.fingerprint} ledger", self.ledger_limiter)

    def guard(self, endpoint: Endpoint) -> Guard:
        """Return the guard whose budget this call counts against."""
        return self._ledger_guard if endpoint.ledger else self._guard

    def headers(self, endpoint: Endpoint, token: str) -> dict[str, str]:
        """Return the headers that KIS wants for this call."""
        return {
            "content-type": "application/json; charset=utf-8",
            "authorization": Hidden(f"Bearer {token}"),
            "appkey": self._key,
            "appsecret": self._secret,
            "tr_id": endpoint.tr_id,
            "custtype": "P",
            "tr_cont": "",
        }

    def secrets(self, *tokens: str) -> list[str]:
        """Return what must not stand in an error: key, secret, account and these tokens."""
        found = (self._key, self._secret, self._account, *tokens)
        return [secret for secret in found if len(secret) >= _SHORTEST_SECRET]

    def _issue_token(self) -> Token:
        where = "KIS tokenP"
        request = {"grant_type": "client_credentials", "appkey": self._key, "appsecret": self._secret}
        self._meter.tell(TOKENS_ASKED, key=self.fingerprint)
        with self._breaker.call(), self._meter.request(TOKEN_PATH):
            response = self._session.post(TOKEN_PATH, request, {"content-type": "application/json; charset=utf-8"})
            clean = scrubbed(response, self.secrets())
            body = _hidden(read_object(clean, where))
            if response.status_code == 200 and "access_token" in body:
                # Scrubbing could change the token itself; all else is kept without what the server repeated.
                token = _hidden(read_object(response, where))["access_token"]
                return self._token(Row(where, {**body, "access_token": token}))
            error = refusal(clean, body, where)
            if isinstance(error, RequestRefusedError) and body and response.status_code in {401, 403}:
                raise AuthenticationError(str(error), response=clean)
            raise error

    def _token(self, row: Row) -> Token:
        """Return the token of a tokenP answer; it lives for the shorter of the two times that the answer states."""
        value, lifetime = Hidden(row.text("access_token")), str(row.fields.get("expires_in"))
        seconds = int(lifetime) if re.fullmatch(r"[0-9]{1,9}", lifetime) else 0
        if not re.fullmatch(r"[!-~]+", value) or not seconds:
            raise PayloadError(f"{row.where}: field access_token or expires_in is not what is documented")
        now = datetime.fromtimestamp(self._wall(), SEOUL)
        ends = now + timedelta(seconds=seconds)
        said = Hidden(row.optional("access_token_token_expired") or "")
        if said:
            try:
                stated = datetime.strptime(said, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SEOUL)
            except ValueError:
                raise PayloadError(f"{row.where}: field access_token_token_expired is not a time") from None
            # A local clock that is wrong by hours must not make a fresh token look expired.
            ends = min(ends, stated) if stated > now else ends
        return Token(value, ends.timestamp())


def _hidden(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a tokenP answer, which a traceback with local variables prints without its token."""
    value = body.get("access_token")
    return {**body, "access_token": Hidden(value)} if isinstance(value, str) else body
