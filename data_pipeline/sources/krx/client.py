"""Speaks HTTP to KRX: the key in a header, the day's quota, the guarded send, and the meaning of the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date

import requests
from requests.adapters import BaseAdapter

from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.client.daily_quota import DailyQuota
from data_pipeline.client.meter import Meter
from data_pipeline.client.retry import Retry
from data_pipeline.client.scrub import scrubbed
from data_pipeline.client.session import HttpSession
from data_pipeline.coordination.identity import SharedBudget
from data_pipeline.coordination.store import Store, hashed
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.market.clock import Clock
from data_pipeline.market.rejections import FieldDrift
from data_pipeline.sources.krx.endpoints import Endpoint
from data_pipeline.sources.krx.known_fields import KNOWN_FIELDS
from data_pipeline.sources.krx.parse_answer import QuotaSpentError, parse_answer
from data_pipeline.sources.krx.parse_fields import Row
from data_pipeline.sources.krx.settings import KrxSettings

_SHORTEST_SECRET = 8


class KrxClient:
    """Sends single calls; safe among threads. Its ``repr`` shows no secret.

    Args:
        settings: Where and with which key.
        store: The state that processes share: the day's count under the hashed key, the breaker under the server's.
        adapter: The transport; None uses the network.
        clock: The market's clock, which decides to which day in Seoul a call counts.
        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        settings: KrxSettings,
        store: Store,
        adapter: BaseAdapter | None,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._session = HttpSession(
            settings.base_url, settings.timeout, adapter=adapter, allowed=settings.allowed_hosts
        )
        # The days of a sandbox are not the exchange's, and must not use up or forget the real day's count.
        sandbox = settings.environment == "sandbox"
        name = hashed(f"{settings.api_key}@{settings.base_url}" if sandbox else settings.api_key)
        self.budget = SharedBudget(store, [name])
        self.quota = DailyQuota(store, f"krx-{name}", settings.daily_limit, clock)
        self.meter = Meter(source=settings.source_name)
        self.breaker = CircuitBreaker(store, hashed(settings.base_url), meter=self.meter)
        self.drift = FieldDrift(KNOWN_FIELDS)
        self._retry = Retry(sleep=sleep)
        self._lock = threading.Lock()
        self._sent = 0

    def __repr__(self) -> str:
        return f"KrxClient({self._settings.base_url})"

    @property
    def requests_sent(self) -> int:
        """Calls sent so far, each of which counts against the day's quota; retries included."""
        return self._sent

    def rows(self, endpoint: Endpoint, day: date) -> list[Row]:
        """Return the rows that one service has for one day, in the server's order.

        An empty list proves nothing: KRX answers so on closed days, before it has published, and for days that it does
        not have. The caller has to know which of these is possible.

        Raises:
            DailyQuotaError: The key's calls of today are spent, by our count (nothing was sent) or by KRX's.
            CircuitOpenError: KRX failed again and again; nothing was sent.
            CoordinationError: The shared state cannot be used; nothing was sent.
            AuthenticationError, ServiceNotApprovedError, RequestRefusedError: At once, for good.
            TransientError: What may pass by itself; it was tried three times where that made sense.
            PayloadError: A success that is not the documented JSON.
        """
        where = f"KRX {endpoint.name} of {day}"
        try:
            rows = self._retry.call(lambda: self._attempt(endpoint, day, where))
        except _DaySpentError:
            rows = None
        if rows is None:
            # Raised out here, the error does not carry the answer that led to it.
            raise self.quota.spent()
        self.drift.note(f"KRX {endpoint.name}", rows[0].fields if rows else ())
        return rows

    def close(self) -> None:
        """Close every connection; closing twice is safe."""
        self._session.close()

    def _attempt(self, endpoint: Endpoint, day: date, where: str) -> list[Row]:
        self.breaker.check()
        self.quota.take()
        with self._lock:
            self._sent += 1
        try:
            with self.breaker.call(), self.meter.request(endpoint.path):
                response = self._session.get(endpoint.path, {"basDd": f"{day:%Y%m%d}"}, self._headers())
                return parse_answer(self._scrubbed(response), endpoint, where)
        except QuotaSpentError:
            self.quota.stop()
            raise _DaySpentError from None

    def _headers(self) -> dict[str, str]:
        return {"AUTH_KEY": self._settings.api_key, "Accept": "application/json"}

    def _scrubbed(self, response: requests.Response) -> requests.Response:
        key = self._settings.api_key
        return scrubbed(response, [key] if len(key) >= _SHORTEST_SECRET else [])


class _DaySpentError(DataPipelineError):
    """Escapes the retries, which would otherwise try a 429 again."""
