"""Speaks HTTP to KIS: headers, token, the guarded send, and the meaning of the answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from requests.adapters import BaseAdapter

from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.client.guard import Guard
from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.retry import Retry
from data_pipeline.client.session import HttpSession
from data_pipeline.client.token import Token, TokenManager
from data_pipeline.coordination.store import Store, hashed
from data_pipeline.exceptions import (
    AuthenticationError,
    PayloadError,
    RequestRefusedError,
    ServerFailureError,
    UnsupportedDatasetError,
)
from data_pipeline.sources.kis.endpoints import MASTER_FILES, TOKEN_PATH, Endpoint
from data_pipeline.sources.kis.parse_answer import (
    Answer,
    TokenRefusedError,
    parse_answer,
    parse_body,
    refusal,
    scrubbed,
    server_time,
)
from data_pipeline.sources.kis.parse_fields import Row
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.trading_calendar import SEOUL

_SHORTEST_SECRET = 8


class KisClient:
    """Sends single calls; safe among threads. Its ``repr`` shows no secret.

    Args:
        settings: Where and with which key.
        store: The state that processes share: quota, breaker and token, under the hashed app key.
        adapter: The transport; None uses the network.
        clock: The local clock, for answers without a ``Date`` header and for the token's life.
        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        settings: KisSettings,
        store: Store,
        adapter: BaseAdapter | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(SEOUL),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._session = HttpSession(settings.base_url, settings.timeout, adapter=adapter)
        self._files = HttpSession(settings.master_url, settings.timeout, adapter=adapter)
        # Two sandboxes may be used with one made-up key, and neither knows the other's tokens.
        sandbox = settings.environment == "sandbox"
        key = hashed(f"{settings.app_key}@{settings.base_url}" if sandbox else settings.app_key)
        rate = settings.rate_limit or 0.0
        self.limiter = TokenBucketRateLimiter(store, key, rate, settings.queue_timeout, sleep)
        self.breaker = CircuitBreaker(store, key, settings.breaker_threshold, settings.breaker_timeout)
        self._retry = Retry(sleep=sleep)
        self._guard = Guard(self.limiter, self.breaker, self._retry)
        self._tokens = TokenManager(store, key, self._issue_token, lambda: clock().timestamp(), sleep)

    def __repr__(self) -> str:
        return f"KisClient({self._settings.base_url})"

    @property
    def requests_sent(self) -> int:
        """Calls sent so far that took a slot of the quota, retries included."""
        return self._guard.sent

    def call(self, endpoint: Endpoint, params: Mapping[str, str], subject: str) -> Answer:
        """Return the successful answer of one call, which is sent again where that can help.

        Args:
            endpoint: Which call.
            params: Its query; every value is sent, blank ones too.
            subject: The stock code it is about, for messages.

        Raises:
            UnsupportedDatasetError: The virtual server does not have this call; nothing was sent.
            AuthenticationError: The key is refused, or two tokens in a row are.
            TransientError: What may pass by itself; it was tried three times where that made sense.
            DataPipelineError: What :func:`~data_pipeline.sources.kis.parse_answer.parse_answer` raises.
        """
        self.require(endpoint)
        token = self._tokens.get()
        try:
            return self._guard.run(lambda: self._send(endpoint, params, subject, token))
        except TokenRefusedError:
            self._tokens.invalidate(token)
        newer = self._tokens.get()
        return self._guard.run(lambda: self._send(endpoint, params, subject, newer))

    def require(self, endpoint: Endpoint) -> None:
        """Raise when the server does not have this call.

        Raises:
            UnsupportedDatasetError: It is the virtual server and the call exists on the real one only.
        """
        if self._settings.use_virtual and not endpoint.virtual:
            raise UnsupportedDatasetError(
                f"the virtual server of KIS (모의투자) does not offer {endpoint.name} ({endpoint.document}); "
                "use a real key with KIS_USE_VIRTUAL_SERVER=false"
            )

    def download_master(self, market: str) -> tuple[bytes, datetime]:
        """Return the zipped master file of one market and the file server's time; no key or quota is needed.

        Raises:
            ServerFailureError: The file server failed, three times; trying again later can help.
            RequestRefusedError: It does not have the file.
        """
        return self._retry.call(lambda: self._download(MASTER_FILES[market], market))

    def close(self) -> None:
        """Close every connection; closing twice is safe."""
        self._session.close()
        self._files.close()

    def _send(self, endpoint: Endpoint, params: Mapping[str, str], subject: str, token: str) -> Answer:
        where = f"KIS {endpoint.name} of {subject}"
        response = self._session.get(endpoint.path, params, self._headers(endpoint, token))
        at = server_time(response, self._clock())
        return parse_answer(scrubbed(response, self._secrets(token)), where, subject, at)

    def _headers(self, endpoint: Endpoint, token: str) -> dict[str, str]:
        return {
            "content-type": "application/json; charset=utf-8",
            "authorization": f"Bearer {token}",
            "appkey": self._settings.app_key,
            "appsecret": self._settings.app_secret,
            "tr_id": endpoint.tr_id,
            "custtype": "P",
            "tr_cont": "",
        }

    def _secrets(self, *tokens: str) -> list[str]:
        found = (self._settings.app_key, self._settings.app_secret, self._settings.account_number or "", *tokens)
        return [secret for secret in found if len(secret) >= _SHORTEST_SECRET]

    def _download(self, path: str, market: str) -> tuple[bytes, datetime]:
        response = self._files.get(path)
        where = f"KIS {market} master: HTTP {response.status_code}"
        if response.status_code >= 500:
            raise ServerFailureError(where, response=response)
        if response.status_code != 200:
            raise RequestRefusedError(where, response=response)
        return response.content, server_time(response, self._clock())

    def _issue_token(self) -> Token:
        where = "KIS tokenP"
        key, secret = self._settings.app_key, self._settings.app_secret
        request = {"grant_type": "client_credentials", "appkey": key, "appsecret": secret}
        with self.breaker.call():
            response = self._session.post(TOKEN_PATH, request, {"content-type": "application/json; charset=utf-8"})
            clean = scrubbed(response, self._secrets())
            if response.status_code == 200 and b"access_token" in clean.content:
                return self._token(Row(where, parse_body(response, where)))
            error = refusal(clean, parse_body(clean, where), where)
            if isinstance(error, RequestRefusedError) and response.status_code in {401, 403}:
                raise AuthenticationError(str(error), response=clean)
            raise error

    def _token(self, row: Row) -> Token:
        """Return the token of a tokenP answer; it lives for the shorter of the two times that the answer states."""
        value, lifetime = row.text("access_token"), str(row.fields.get("expires_in"))
        seconds = int(lifetime) if re.fullmatch(r"[0-9]{1,9}", lifetime) else 0
        if not re.fullmatch(r"[!-~]+", value) or not seconds:
            raise PayloadError(f"{row.where}: field access_token or expires_in is not what is documented")
        now = self._clock()
        ends = now + timedelta(seconds=seconds)
        said = row.optional("access_token_token_expired")
        if said:
            try:
                stated = datetime.strptime(said, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SEOUL)
            except ValueError:
                raise row.error("access_token_token_expired", "is not a time") from None
            # A local clock that is wrong by hours must not make a fresh token look expired.
            ends = min(ends, stated) if stated > now else ends
        return Token(value, ends.timestamp())
