"""Makes a KRX source from an Airflow connection of type ``krx``."""

from __future__ import annotations

import os

from airflow.sdk.log import mask_secret

from data_pipeline.hooks.settings_hook import SettingsHook
from data_pipeline.market.clock import market_clock
from data_pipeline.sources.krx.settings import OWN_HOSTS, KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource


class KRXHook(SettingsHook):
    """
    Builds a :class:`KRXDataSource` from an Airflow connection; nothing is sent before the source is asked.

    The connection's password is the key that openapi.krx.co.kr issued. Extra fields: ``environment`` (real or
    sandbox), ``base_url`` (a sandbox's address; the host field does as well) and ``daily_limit`` (calls a day). A field
    left empty means the default of the variable of that name in ``.env.example``; the environment itself is never read
    for credentials.

    :param krx_conn_id: The Airflow connection.
    """

    conn_name_attr = "krx_conn_id"
    default_conn_name = "krx_default"
    conn_type = "krx"
    hook_name = "Korea Exchange (KRX)"
    own_hosts = OWN_HOSTS

    def __init__(self, krx_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.krx_conn_id = krx_conn_id

    def get_conn(self) -> KRXDataSource:
        """
        Return a source; close it after use, or use it as a context manager.

        :raises ConfigurationError: A field of the connection is missing or wrong; the message names it. Or it leads to
            KRX's own server while ``MARKET_CLOCK`` fixes the clock.
        """
        return KRXDataSource(self.settings(), clock=market_clock(os.environ))

    def settings(self) -> KrxSettings:
        """
        Return what the connection says, and tell Airflow's log masker its key.

        :raises ConfigurationError: A field of the connection is missing or wrong; the message names it.
        """
        connection = self._connection()
        if not connection.password:
            raise self._wrong("the field password is empty; put the key of openapi.krx.co.kr there")
        mask_secret(str(connection.password))
        extra = connection.extra
        own = {"KRX_API_BASE_URL": extra.get("base_url") or connection.host, "KRX_API_KEY": connection.password}
        settings = self._read(KrxSettings.from_env, extra, own)
        declared = extra.get("environment")
        if declared not in (None, "", settings.environment):
            raise self._wrong(f"field 'environment' is {declared!r}, but the field 'base_url' leads to another server")
        return settings

    def probe(self) -> str:
        """Ask for the newest indices, three calls."""
        with self.get_conn() as source:
            session = source.publication.last_published()
            indices = list(source.index_bars(session, session))
        return f"{source.name} answered with {len(indices)} indices of {session}."
