"""App keys of KIS as the live service uses them: what each may register, and a session over a line of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from requests.adapters import BaseAdapter

from data_pipeline.client.address import Address
from data_pipeline.client.line import Line
from data_pipeline.client.session import HttpSession
from data_pipeline.coordination.store import Store, hashed
from data_pipeline.market.stream_records import Subscription
from data_pipeline.settings.hidden import Hidden
from data_pipeline.sources.kis.approval import approval_keys
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.stream.session import Session, Wire, feed_of

OpenLine = Callable[[Address, str, Callable[[], float]], Wire]
PATH = "/tryitout"
"""Any path is taken. Source: koreainvestment/open-trading-api, kis_auth.py."""


class LiveKey:
    """One app key of the live stream; its ``repr`` shows no secret.

    Args:
        settings: Where the server is and what it allows.
        pair: App key and app secret. They go to the REST server alone; the line carries the approval key and no other.
        store: The state that processes share.
        http: Asks the REST server for approval keys.
        clock: The market's clock.
        monotonic: Seconds that never jump.
        open_line: Opens a line to an address.
    """

    def __init__(
        self,
        settings: KisSettings,
        pair: tuple[str, str],
        store: Store,
        http: HttpSession,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        open_line: OpenLine = Line,
    ) -> None:
        key = pair[0]
        sandbox = settings.is_sandbox
        self.name = hashed(f"{key}@{settings.base_url}" if sandbox else key)
        self.fingerprint = hashed(key)[:8]
        self.limit = settings.websocket_limit
        self._virtual = bool(settings.use_virtual)
        self._address, self._url = settings.websocket, settings.websocket_url.rstrip("/") + PATH
        self._clock, self._monotonic, self._open_line = clock, monotonic, open_line
        self._approvals = approval_keys(self.name, pair, http, store)

    def __repr__(self) -> str:
        return f"LiveKey({self.fingerprint[:4]}...)"

    def require_offered(self, one: Subscription) -> None:
        """Refuse what the server does not have; see :func:`~data_pipeline.sources.kis.stream.session.feed_of`."""
        feed_of(one, virtual=self._virtual)

    def approve(self) -> str:
        """Return an approval key, asking for one when none is shared.

        Raises:
            DataPipelineError: As :meth:`~data_pipeline.client.token.TokenManager.get` does.
        """
        return Hidden(self._approvals.get())

    def disapprove(self, approval_key: str) -> None:
        """Forget an approval key that was refused; a newer one stays."""
        self._approvals.invalidate(approval_key)

    def open(self, approval_key: str, limit: int) -> Session:
        """Return a session over a new line, with nothing registered.

        Raises:
            ConnectionFailedError, RequestTimeoutError, ConfigurationError: As
                :class:`~data_pipeline.client.line.Line` does.
        """
        wire = self._open_line(self._address, self._url, self._monotonic)
        return Session(wire, approval_key, self._virtual, limit, self._monotonic, self._clock)


def live_keys(
    settings: KisSettings,
    store: Store,
    clock: Callable[[], datetime],
    adapter: BaseAdapter | None = None,
    open_line: OpenLine = Line,
) -> list[LiveKey]:
    """Return every app key of the settings, the first one first; nothing is sent yet."""
    http = HttpSession(settings.base_url, settings.timeout, adapter=adapter, allowed=settings.allowed_hosts)
    return [LiveKey(settings, pair, store, http, clock, open_line=open_line) for pair in settings.key_pairs]
