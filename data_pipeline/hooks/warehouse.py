"""Connects to the warehouse by an Airflow connection of type ``postgres``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from data_pipeline.hooks.connection import read_connection

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class


class WarehouseHook(BaseHook):
    """
    Opens psycopg2 connections to the warehouse, which loading by COPY needs.

    Airflow's own Postgres hook reads the same connection, but gives psycopg 3.

    :param postgres_conn_id: The Airflow connection; ``schema`` is the database. Its extra may hold any connection
        parameter of libpq (``sslmode``, ``options``, ``service`` ...), which takes precedence over a
        field.
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

        Its settings begin each transaction; in autocommit mode the server's own hold. See
        :func:`data_pipeline.warehouse.connect.connect` for them and for how long it waits.

        :raises ConfigurationError: The connection is of another type, lacks a host or a database and names no
        service, or its extra has a name that libpq does not know; or the server refuses it.
        :raises ConnectionFailedError: The server cannot be reached or is not ready; trying again can help.
        """
        from data_pipeline.warehouse.connect import connect

        return connect(self.get_uri())

    def get_uri(self) -> str:
        """
        Return the address with every parameter. It holds the password, so it goes to a driver and nowhere else.

        :raises ConfigurationError: As for ``get_conn``.
        """
        from data_pipeline.warehouse.fields import connection_url

        connection = read_connection(self.postgres_conn_id, "postgres", "postgresql")
        fields = {name: getattr(connection, name) for name in ("host", "port", "login", "password", "schema")}
        return connection_url(fields, connection.extra, self.postgres_conn_id)
