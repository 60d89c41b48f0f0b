"""A connection of the commands that only look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.locate import existing, reader_address
from data_pipeline.warehouse.rights import require_reader


@contextmanager
def opened_reader(environ: Mapping[str, str], command: str, timeout_s: float) -> Iterator[Connection]:
    """Yield a connection to the warehouse that is there, with one snapshot and a login that can only read.

    Raises:
        ConfigurationError: There is no warehouse yet, or the login may do more than read.
        ConnectionFailedError: It cannot be reached; trying again can help.
    """
    with (
        existing(environ, "reader", reader_address(environ)) as url,
        closing(
            connect(url, application_name=f"data-pipeline {command}", statement_timeout=timeout_s, environ=environ)
        ) as connection,
    ):
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        require_reader(connection, command)
        yield connection
