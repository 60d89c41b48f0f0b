"""App keys of KIS as the live service uses them: what each may register, and a session over a line of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime

from requests.adapters import BaseAdapter

from data_pipeline.client.address import Address
from data_pipeline.client.line import Line, Wire
from data_pipeline.client.session import HttpSession
from data_pipeline.coordination.store import Store, hashed
from data_pipeline.exceptions import CoordinationError
from data_pipeline.market.stream_records import Subscription
from data_pipeline.settings.hidden import Hidden
from data_pipeline.sources.kis.approval import approval_keys
from data_pipeline.sources.kis.parse_live import records_of
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.stream.fields import feed_of
from data_pipeline.sources.kis.stream.session import Session
from data_pipeline.sources.registrations import Registrations

log = logging.getLogger(__name__)
OpenLine = Callable[[Address, str, Callable[[], float]], Wire]
PATH = "/tryitout"
"""Any path is taken. Source: koreainvestment/open-trading-api, kis_auth.py."""
PACE_S = {False: 0.05, True: 0.5}
"""Seconds between two commands, by whether the server is the virtual one. Source: the same."""


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
        self._approval_key = Hidden("")
        self._renewed = False

    def __repr__(self) -> str:
        return f"LiveKey({self.fingerprint[:4]}...)"

    def require_offered(self, one: Subscription) -> None:
        """Refuse what the server does not have; see :func:`~data_pipeline.sources.kis.stream.fields.feed_of`."""
        feed_of(one, virtual=self._virtual)

    def prepare(self) -> None:
        """Have an approval key at hand, asking for one when none is shared.

        Raises:
            DataPipelineError: As :meth:`~data_pipeline.client.token.TokenManager.get` does.
        """
        self._approval_key = Hidden(self._approvals.get())

    def renew(self) -> bool:
        """Forget the approval key, once until :meth:`trust`, and return whether it is; a newer one stays.

        It never raises: while the shared state is away, the key stays there.
        """
        if self._renewed:
            return False
        self._renewed = True
        try:
            self._approvals.invalidate(self._approval_key)
        except CoordinationError as error:
            log.warning("%s", error)
        return True

    def trust(self) -> None:
        """Say that something was registered with the approval key."""
        self._renewed = False

    def open(self, limit: int) -> Session:
        """Return a session over a new line with the approval key of :meth:`prepare`, and nothing registered.

        Raises:
            ConnectionFailedError, RequestTimeoutError: As :class:`~data_pipeline.client.line.Line` does; trying again
                later can help.
            ConfigurationError: As it does; trying again cannot.
        """
        wire = self._open_line(self._address, self._url, self._monotonic)
        registrations = Registrations(limit, PACE_S[self._virtual])
        return Session(
            wire, self._approval_key, registrations, records_of, self._monotonic, self._clock, virtual=self._virtual
        )


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
