"""Connects to the warehouse by an Airflow connection of type ``postgres``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from airflow.sdk import BaseHook

from data_pipeline.exceptions import ConfigurationError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

LIBPQ_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "target_session_attrs")


class WarehouseHook(BaseHook):
    """
    Opens psycopg2 connections to the warehouse, which loading by COPY needs.

    Airflow's own Postgres hook reads the same connection, but gives psycopg 3.

    :param postgres_conn_id: The Airflow connection; ``schema`` is the database. Of its extra, only the options of
        libpq that concern TLS and connecting are used.
    """

    conn_name_attr = "postgres_conn_id"
    default_conn_name = "market_db"
    conn_type = "postgres"
    hook_name = "Warehouse"

    def __init__(self, postgres_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.postgres_conn_id = postgres_conn_id

    def get_conn(self) -> Connection:
        """
        Return a new connection, which the caller closes; leaving its ``with`` block commits or rolls back.

        :raises ConfigurationError: The connection is of another type, or lacks a host or a database.
        """
        from data_pipeline.warehouse.connect import connect

        return connect(self._url())

    def _url(self) -> str:
        # It holds the password, so it goes to connect() and nowhere else.
        connection = self.get_connection(self.postgres_conn_id)
        if connection.conn_type not in ("postgres", "postgresql"):
            raise ConfigurationError(
                f"connection {self.postgres_conn_id!r} must be of type postgres, not {connection.conn_type!r}"
            )
        if not connection.host or not connection.schema:
            raise ConfigurationError(
                f"connection {self.postgres_conn_id!r}: the fields host and schema (the database) must be filled in"
            )
        credentials = quote(connection.login or "", safe="")
        if connection.password:
            credentials += ":" + quote(connection.password, safe="")
        extra = connection.extra_dejson
        options = urlencode({name: extra[name] for name in LIBPQ_OPTIONS if extra.get(name)})
        address = f"{connection.host}:{connection.port or 5432}/{quote(connection.schema, safe='')}"
        return f"postgresql://{credentials}@{address}" + (f"?{options}" if options else "")
