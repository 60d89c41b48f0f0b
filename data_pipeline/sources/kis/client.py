"""Speaks HTTP to KIS: headers, token, the guarded send, and the meaning of the answer."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count

from requests.adapters import BaseAdapter

from data_pipeline.client.answer import error_of_status, require_data
from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.client.meter import Meter
from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.retry import Retry
from data_pipeline.client.scrub import scrubbed
from data_pipeline.client.session import HttpSession
from data_pipeline.client.slot import BudgetSnapshot
from data_pipeline.client.token import TokenSnapshot
from data_pipeline.coordination.store import Store, hashed
from data_pipeline.exceptions import QueueTimeoutError, ServerFailureError, UnsupportedDatasetError
from data_pipeline.market.clock import Clock
from data_pipeline.market.rejections import FieldDrift
from data_pipeline.sources.kis.app_key import AppKey
from data_pipeline.sources.kis.endpoints import MASTER_FILES, Endpoint
from data_pipeline.sources.kis.known_fields import KNOWN_FIELDS, field_names
from data_pipeline.sources.kis.parse_answer import Answer, TokenRefusedError, parse_answer, server_time
from data_pipeline.sources.kis.settings import KisSettings

_LARGEST_ANSWER = 4 * 1024 * 1024
"""Bytes; a hundred rows of a chart are 40,000."""
_ZIP = b"PK"
"""With which every zip file begins."""
_LARGEST_FILE = 16 * 1024 * 1024
"""Bytes; the zipped master of a market is under 1,000,000."""


class KisClient:
    """Sends single calls; safe among threads. Its ``repr`` shows no secret.

    Args:
        settings: Where and with which key.
        store: The state that processes share: quota and token under the hashed app key, the breaker under the server's.
        adapter: The transport; None uses the network.
        clock: The market's clock, for answers without a ``Date`` header.
        sleep: Waits that many seconds.
        wall: Real time in seconds since 1970 (UTC), by which tokens expire.
    """

    def __init__(
        self,
        settings: KisSettings,
        store: Store,
        adapter: BaseAdapter | None,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._store = settings, store
        self._clock = clock
        timeout, allowed = settings.timeout, settings.allowed_hosts
        self._session = HttpSession(
            settings.base_url, timeout, adapter=adapter, max_bytes=_LARGEST_ANSWER, allowed=allowed
        )
        self._files = HttpSession(
            settings.master_url, timeout, adapter=adapter, max_bytes=_LARGEST_FILE, allowed=allowed
        )
        self.drift = FieldDrift(KNOWN_FIELDS)
        # When a server fails, it fails for every key.
        server = hashed(settings.base_url)
        self.meter = Meter(source=settings.source_name)
        self.breaker = CircuitBreaker(
            store, server, settings.breaker_threshold, settings.breaker_timeout, meter=self.meter
        )
        self._retry = Retry(sleep=sleep)
        self._keys = tuple(
            AppKey(pair, settings, store, self._session, self.breaker, self._retry, sleep, wall, meter=self.meter)
            for pair in settings.key_pairs
        )
        self._turns = count()

    def __repr__(self) -> str:
        return f"KisClient({self._settings.base_url})"

    @property
    def requests_sent(self) -> int:
        """Calls sent so far that took a slot of the quota, retries included."""
        return sum(key.sent for key in self._keys)

    @property
    def key_names(self) -> list[str]:
        """The hashed names under which the state of each app key is shared."""
        return [key.name for key in self._keys]

    @property
    def limiters(self) -> tuple[TokenBucketRateLimiter, ...]:
        """The budget of each app key, in the order of the settings; ledger calls are counted separately."""
        return tuple(key.limiter for key in self._keys)

    def budgets(self) -> dict[str, BudgetSnapshot]:
        """Return how each budget stands, by the hashed name of its app key; asks the shared state only."""
        return {name: limiter.snapshot() for key in self._keys for name, limiter in key.budgets()}

    def tokens(self) -> dict[str, TokenSnapshot]:
        """Return how the token of each app key stands, by the key's fingerprint; without those that have none."""
        found = {key.fingerprint: key.tokens.snapshot() for key in self._keys}
        return {name: token for name, token in found.items() if token is not None}

    def forget(self) -> None:
        """Forget what rejections taught about the budgets of all app keys; asks the shared state only."""
        for key in self._keys:
            for _, limiter in key.budgets():
                limiter.forget()

    def call(self, endpoint: Endpoint, params: Mapping[str, str], subject: str) -> Answer:
        """Return the successful answer of one call, which is sent again where that can help.

        With several app keys, the one whose next slot comes first is used, so their budgets add up.

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
        try:
            return self._ask(self._soonest(endpoint), endpoint, params, subject)
        except QueueTimeoutError:
            if len(self._keys) == 1:
                raise
        # What is remembered of a key may be a second old, and another one may have room.
        return self._ask(self._soonest(endpoint, surely=True), endpoint, params, subject)

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
            TransientError: The file server failed, or sent no file or half of one, three times; trying later can help.
            RequestRefusedError: It does not have the file.
        """
        path = MASTER_FILES[market]

        def download() -> tuple[bytes, datetime]:
            with self.meter.request(path):
                return self._download(path, market)

        return self._retry.call(download)

    def close(self) -> None:
        """Close every connection; closing twice is safe."""
        self._session.close()
        self._files.close()

    def _soonest(self, endpoint: Endpoint, *, surely: bool = False) -> AppKey:
        """Return the key whose next slot comes first, as far as is remembered, or as the shared state says."""
        if len(self._keys) == 1:
            return self._keys[0]
        first, now = next(self._turns) % len(self._keys), self._store.now()
        in_turn = (*self._keys[first:], *self._keys[:first])
        limiters = [key.guard(endpoint).limiter for key in in_turn]
        ahead = [one.ahead() if surely else one.about_ahead(now) for one in limiters]
        return in_turn[ahead.index(min(ahead))]

    def _ask(self, key: AppKey, endpoint: Endpoint, params: Mapping[str, str], subject: str) -> Answer:
        token = key.tokens.get()
        try:
            return self._send(key, endpoint, params, subject, token)
        except TokenRefusedError:
            key.tokens.invalidate(token)
        return self._send(key, endpoint, params, subject, key.tokens.get())

    def _send(self, key: AppKey, endpoint: Endpoint, params: Mapping[str, str], subject: str, token: str) -> Answer:
        where = f"KIS {endpoint.name} of {subject}"
        # Built before its slot comes, so that only the sending lies between the slot and the wire.
        request = self._session.prepare("GET", endpoint.path, params=params, headers=key.headers(endpoint, token))

        def send() -> Answer:
            with self.meter.request(endpoint.path):
                response = self._session.send(request)
                at = server_time(response, self._clock())
                answer = parse_answer(scrubbed(response, key.secrets(token)), where, subject, at)
            self.drift.note(endpoint.name, field_names(answer.body))
            return answer

        return key.guard(endpoint).run(send)

    def _download(self, path: str, market: str) -> tuple[bytes, datetime]:
        response = self._files.get(path)
        where = f"KIS {market} master"
        if response.status_code != 200:
            raise error_of_status(response, f"{where}: HTTP {response.status_code} from the file server")
        require_data(response, where, _ZIP)
        if not zipfile.is_zipfile(io.BytesIO(response.content)):
            cut = f"the zip file is cut short after {len(response.content):,} bytes"
            raise ServerFailureError(f"{where}: {cut}; nothing of it is used, try again later", response=response)
        return response.content, server_time(response, self._clock())
