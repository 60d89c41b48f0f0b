"""The stocks of the three markets as KRX's base info lists them on a session."""

from __future__ import annotations

import threading
from datetime import date

from data_pipeline.exceptions import PayloadError
from data_pipeline.market.records import Instrument
from data_pipeline.sources.krx.client import KrxClient
from data_pipeline.sources.krx.endpoints import BASE_INFO
from data_pipeline.sources.krx.parse import parse_instruments
from data_pipeline.sources.krx.publication import Publication


class Listing:
    """Keeps the list asked for most recently; safe among threads, which never fetch one twice.

    Args:
        client: Speaks to KRX.
        publication: Knows which session must be there.
    """

    def __init__(self, client: KrxClient, publication: Publication) -> None:
        self._client = client
        self._publication = publication
        self._lock = threading.Lock()
        self._session: date | None = None
        self._kept: dict[str, Instrument] = {}

    def newest(self) -> dict[str, Instrument]:
        """Return the list of the last published session; see :meth:`of`."""
        return self.of(self._publication.last_published())

    def of(self, session: date) -> dict[str, Instrument]:
        """Return every stock of a published session by its code, in order of code; three calls unless it is kept.

        Raises:
            NotPublishedError, IncompleteDataError: A market came empty.
            PayloadError: A row is malformed, or a code is listed on two markets.
        """
        with self._lock:
            if session != self._session:
                self._kept, self._session = self._fetch(session), session
            return self._kept

    def _fetch(self, session: date) -> dict[str, Instrument]:
        found: dict[str, Instrument] = {}
        for endpoint in (one for one in BASE_INFO if one.first <= session):
            rows = self._client.rows(endpoint, session)
            if not rows:
                raise self._publication.nothing_came(f"KRX {endpoint.name}", session)
            for one in parse_instruments(rows, endpoint.market, session):
                if one.stock_code in found:
                    raise PayloadError(f"KRX {endpoint.name}: {one.stock_code} is listed on another market as well")
                found[one.stock_code] = one
        return dict(sorted(found.items()))
