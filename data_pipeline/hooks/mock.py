"""Makes a synthetic source from an Airflow connection of type ``mock``."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from airflow.sdk import BaseHook

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.get_provider_info import MOCK_FIELDS
from data_pipeline.hooks.connection import read_connection, require_fields
from data_pipeline.market.clock import Clock, market_clock
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.sources.mock.source import MockDataSource


class MockHook(BaseHook):
    """
    Builds a :class:`MockDataSource`; no credentials, no network.

    Extra fields of the connection: ``seed`` (another seed is another market), ``now`` (a fixed time as ISO 8601 with
    a zone; empty means the market's clock, which is real unless ``MARKET_CLOCK`` fixes it). Rows carry ``mock`` as
    their source.

    :param mock_conn_id: The Airflow connection.
    """

    conn_name_attr = "mock_conn_id"
    default_conn_name = "mock_default"
    conn_type = "mock"
    hook_name = "Synthetic market (mock)"

    def __init__(self, mock_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.mock_conn_id = mock_conn_id

    def get_conn(self) -> MockDataSource:
        """
        Return a source; close it after use, or use it as a context manager.

        :raises ConfigurationError: ``seed`` is not a whole number, ``now`` is not a time with a zone, or there is a
            field of another name.
        """
        extra = read_connection(self.mock_conn_id, self.conn_type, shown=MOCK_FIELDS).extra
        require_fields(self.mock_conn_id, extra, MOCK_FIELDS)
        return MockDataSource(self._market(extra), self._clock(extra))

    def _market(self, extra: dict[str, Any]) -> SyntheticMarket:
        seed = extra.get("seed")
        if seed in (None, ""):
            return SyntheticMarket()
        try:
            return SyntheticMarket(seed=int(str(seed)))
        except ValueError:
            raise ConfigurationError(
                f"connection {self.mock_conn_id!r}: field 'seed' must be a whole number, not {seed!r}"
            ) from None

    def _clock(self, extra: dict[str, Any]) -> Clock:
        fixed = extra.get("now")
        if not fixed:
            return market_clock(os.environ)
        try:
            now = datetime.fromisoformat(str(fixed))
        except ValueError:
            now = None
        if now is None or now.tzinfo is None:
            raise ConfigurationError(
                f"connection {self.mock_conn_id!r}: field 'now' must be ISO 8601 with a zone, not {fixed!r}"
            )
        return lambda: now

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the connection's fields are usable, and a sentence."""
        try:
            source = self.get_conn()
        except ConfigurationError as error:
            return False, str(error)
        return True, f"{source.name} is made up and needs no connection."
