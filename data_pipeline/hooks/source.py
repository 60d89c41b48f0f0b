"""Opens the source that an Airflow connection names; the connection's type decides which source it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.get_provider_info import get_provider_info
from data_pipeline.hooks.connection import read_connection
from data_pipeline.hooks.stats import tell_airflow

if TYPE_CHECKING:
    from data_pipeline.sources.base import AbstractDataSource

SOURCE_TYPES = tuple(item["connection-type"] for item in get_provider_info()["connection-types"])

OFFICIAL_CONN_ID = "krx_default"
"""The connection of the exchange that is asked without being named."""


def open_source(source_conn_id: str) -> AbstractDataSource:
    """
    Return the source, to be used as a context manager; nothing is sent yet.

    What it tells while it works goes to Airflow's metrics.

    :param source_conn_id: The Airflow connection.
    :raises ConfigurationError: There is no such connection, it is of another type, or one of its fields is wrong.
    """
    from data_pipeline.sources.base import AbstractDataSource

    kind = read_connection(source_conn_id).conn_type
    try:
        hook = BaseHook.get_hook(source_conn_id)
    except AirflowException as error:
        said = str(error)
    else:
        source = hook.get_conn() if kind in SOURCE_TYPES else None
        if isinstance(source, AbstractDataSource):
            source.meter.listen(tell_airflow)
            return source
        said = f"a connection of type {hook.conn_type!r} is no source of market data; {', '.join(SOURCE_TYPES)} are"
    # Raised out here, an error has no context: Airflow's frames hold the connection.
    raise ConfigurationError(f"source_conn_id {source_conn_id!r}: {said}")


def has_official_key() -> bool:
    """Return whether there is a connection ``krx_default`` with a key."""
    try:
        return bool(BaseHook.get_connection(OFFICIAL_CONN_ID).password)
    except AirflowException:
        return False


class Connections:
    """
    The sources that Airflow's connections open, for :func:`data_pipeline.backfill.sources.open_sources`.

    :param scheduled_conn_id: The connection of the scheduled DAGs.
    """

    def __init__(self, scheduled_conn_id: str) -> None:
        self.scheduled_conn_id = scheduled_conn_id

    def name_of(self, kind: str) -> str:
        """Return the scheduled connection when it is of the kind or the kind is ``auto``, else ``<kind>_default``."""
        if kind in ("auto", _type_of(self.scheduled_conn_id)):
            return self.scheduled_conn_id
        return f"{kind}_default"

    def exchange(self) -> str | None:
        """Return the connection ``krx_default`` when there is a key in it."""
        return OFFICIAL_CONN_ID if has_official_key() else None

    def open(self, name: str) -> AbstractDataSource:
        """Return the source of a connection."""
        return open_source(name)


def _type_of(conn_id: str) -> str | None:
    try:
        return str(BaseHook.get_connection(conn_id).conn_type)
    except AirflowException:
        return None
