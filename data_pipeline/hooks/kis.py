"""Makes a KIS source from an Airflow connection of type ``kis``."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from airflow.sdk.log import mask_secret

from data_pipeline.client.circuit_breaker import BreakerSnapshot
from data_pipeline.hooks.settings_hook import SettingsHook
from data_pipeline.market.clock import market_clock
from data_pipeline.settings.hidden import hidden_within
from data_pipeline.sources.kis.settings import OWN_HOSTS, KisSettings
from data_pipeline.sources.kis.source import KISDataSource

APP_KEY = "app_key"
"""The extra field for the app key, which the form shows masked; the field login, which it shows as typed, does too."""
PROBE_CODE = "005930"
_ADDRESS = re.compile(r"field 'base_url(_real|_virtual)'")
_NUMBERED = re.compile(r"KIS_APP_(?:KEY|SECRET)_[0-9]+(?:, _3 \.\.\.)?")


class KISHook(SettingsHook):
    """
    Builds a :class:`KISDataSource` from an Airflow connection; nothing is sent before the source is asked.

    The connection's login is the app key, or its extra field ``app_key``, which the form masks; its password the app
    secret. Its extra fields stand for the documented
    variables (``docs/reference/configuration.md`` lists both); ``environment`` (real or virtual) says the same as
    ``use_virtual_server``, the host field the same as ``base_url``, and ``more_keys`` is a JSON object of further app
    keys and their secrets, over which work spreads. A field left empty means the default of its variable; the
    environment itself is never read for credentials.

    :param kis_conn_id: The Airflow connection.
    """

    conn_name_attr = "kis_conn_id"
    default_conn_name = "kis_default"
    conn_type = "kis"
    hook_name = "Korea Investment & Securities (KIS)"
    more_fields = (APP_KEY,)
    own_hosts = OWN_HOSTS

    def __init__(self, kis_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.kis_conn_id = kis_conn_id

    def get_conn(self) -> KISDataSource:
        """
        Return a source; close it after use, or use it as a context manager.

        :raises ConfigurationError: A field of the connection is missing or wrong; the message names it. Or it leads to
            KIS's own server while ``MARKET_CLOCK`` fixes the clock.
        """
        return KISDataSource(self.settings(), clock=market_clock(os.environ))

    def settings(self) -> KisSettings:
        """
        Return what the connection says, and tell Airflow's log masker its secrets.

        :raises ConfigurationError: A field of the connection is missing or wrong; the message names it.
        """
        connection = self._connection()
        extra = connection.extra
        app_key = connection.login or str(extra.get(APP_KEY) or "").strip()
        for secret in (app_key, connection.password, extra.get("account_number")):
            if secret:
                mask_secret(str(secret))
        if connection.login and extra.get(APP_KEY) not in (None, "", connection.login):
            raise self._wrong(f"the field login and the field {APP_KEY!r} hold different app keys; empty one of them")
        if not app_key:
            raise self._wrong(f"the fields login and {APP_KEY!r} are empty; put the app key into one of them")
        if not connection.password:
            raise self._wrong("the field password is empty; put the app secret there")
        pairs = [(app_key, connection.password), *self._more_keys(extra.get("more_keys"))]
        return self._settings(pairs, connection.host, extra)

    def breaker(self) -> BreakerSnapshot:
        """
        Return the circuit breaker that all processes share, as it stands; nothing is sent.

        :raises ConfigurationError: A field of the connection is missing or wrong; the message names it.
        """
        with self.get_conn() as source:
            return source.client.breaker.snapshot()

    def _more_keys(self, field: Any) -> list[tuple[str, str]]:
        try:
            written = isinstance(field, str) and bool(field.strip())
            found: Any = hidden_within(json.loads(field)) if written else field or {}
        except ValueError:
            found = None
        given: list[tuple[Any, Any]] = [*found.items()] if isinstance(found, dict) else [(None, None)]
        pairs = [pair for pair in given if pair != ("", "")]  # a pair of two empty texts: nobody filled it in
        if not all(isinstance(part, str) and part for pair in pairs for part in pair):
            raise self._wrong("field 'more_keys' must be a JSON object of app keys and their secrets")
        for pair in pairs:
            for secret in pair:
                mask_secret(str(secret))
        return pairs

    def _settings(self, pairs: list[tuple[str, str]], host: str, extra: dict[str, Any]) -> KisSettings:
        address = extra.get("base_url") or host
        own = _credentials(pairs)
        if address:
            own |= dict.fromkeys(("KIS_API_BASE_URL_REAL", "KIS_API_BASE_URL_VIRTUAL"), address)
        environment = extra.get("environment")
        if environment not in (None, "", "real", "virtual"):
            raise self._wrong(f"field 'environment' must be real or virtual, not {environment!r}")
        if environment:
            own["KIS_USE_VIRTUAL_SERVER"] = str(environment == "virtual").lower()
        return self._read(KisSettings.from_env, extra, own)

    def _in_fields(self, message: str) -> str:
        told = super()._in_fields(_NUMBERED.sub("field 'more_keys'", message))
        return _ADDRESS.sub(r"field 'base_url' or 'base_url\1'", told)

    def probe(self) -> str:
        """Ask for one order book, with a token."""
        with self.get_conn() as source:
            book = source.get_order_book(PROBE_CODE)
        return f"{source.name} answered with the order book of {PROBE_CODE} at {book.timestamp}."


def _credentials(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Return the pairs as the documented variables name them."""
    found: dict[str, str] = {}
    for number, (key, secret) in enumerate(pairs, 1):
        end = "" if number == 1 else f"_{number}"
        found |= {f"KIS_APP_KEY{end}": key, f"KIS_APP_SECRET{end}": secret}
    return found
