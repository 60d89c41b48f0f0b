"""A connection to read on: the caller's, or one found the way the command finds the warehouse."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from typing import Any

import psycopg2
from dotenv import dotenv_values
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.state_folder import settings_file
from data_pipeline.warehouse.connect import STATEMENT_S, connect
from data_pipeline.warehouse.errors import said_plainly
from data_pipeline.warehouse.locate import existing, reader_address

SETTINGS = (
    "SELECT set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true),"
    " set_config('extra_float_digits', '1', true)"
)


@contextmanager
def warehouse(
    environ: Mapping[str, str] | None = None, *, timeout_s: float | None = STATEMENT_S
) -> Iterator[Connection]:
    """Open the warehouse for several reads and close it afterwards.

    It is the one that ``MARKET_DB_URL`` names, with the login of ``MARKET_READER_URL`` where that is set; else the
    embedded one, read as ``market_reader``: the database of real rows if the settings choose KIS or KRX, otherwise that
    of synthetic rows. An embedded server that does not run is started, and stopped again when its last user has left.

    Args:
        environ: Where the settings are; None for the process's own and, below them, those of ``.env``, which do not
            enter the process's environment.
        timeout_s: Seconds that one read may take, an hour unless told; None for as long as its rows need.

    Raises:
        ConfigurationError: There is no warehouse yet, or its address or password is wrong.
        ConnectionFailedError: It cannot be reached; trying again can help.
    """
    if environ is None:
        environ = settings_here()
    with (
        existing(environ, "reader", reader_address(environ)) as url,
        closing(open_to_read(url, timeout_s, environ)) as connection,
    ):
        yield connection


def settings_here() -> dict[str, str]:
    """Return the settings of the process and, below them, those of ``.env``, which do not enter its environment."""
    found = dotenv_values(settings_file(), interpolate=False, encoding="utf-8-sig")
    return {**{name: value for name, value in found.items() if value is not None}, **os.environ}


@contextmanager
def reading(where: Any, what: str) -> Iterator[Cursor]:
    """Yield a cursor in a transaction whose settings suit COPY; the connection is left as it was found.

    An idle connection gets a read-only transaction with one snapshot for everything; one that is in a transaction
    keeps it, with its isolation. Nothing can be written within the block in either.

    Args:
        where: None, a ``postgresql://`` address, a psycopg2 connection, or an engine or connection of SQLAlchemy.
        what: What is read, for the error.
    """
    with _opened(where) as connection, said_plainly(what):
        if connection.info.transaction_status == TRANSACTION_STATUS_IDLE:
            begin = ["BEGIN"] if connection.autocommit else []
            begin += ["SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"]
            end = ["ROLLBACK"]
        else:
            # The rollback to the savepoint ends that nothing may be written.
            begin = ["SAVEPOINT data_pipeline_read", "SET TRANSACTION READ ONLY"]
            end = ["ROLLBACK TO SAVEPOINT data_pipeline_read", "RELEASE SAVEPOINT data_pipeline_read"]
        with connection.cursor() as cursor:
            try:
                for statement in (*begin, SETTINGS):
                    cursor.execute(statement)
                yield cursor
            finally:
                _end(connection, cursor, end)


def _end(connection: Connection, cursor: Cursor, statements: list[str]) -> None:
    with suppress(psycopg2.Error):  # a broken connection has nothing to undo, and its own error is being raised
        if statements == ["ROLLBACK"] and not connection.autocommit:
            connection.rollback()
            return
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def _opened(where: Any) -> Iterator[Connection]:
    if where is None:
        with warehouse() as connection:
            yield connection
    elif isinstance(where, str):
        with closing(open_to_read(where.replace("+psycopg2", "", 1))) as connection:
            yield connection
    else:
        with _borrowed(where) as connection:
            yield connection


def open_to_read(
    url: str, timeout_s: float | None = STATEMENT_S, environ: Mapping[str, str] | None = None
) -> Connection:
    """Open a connection for reads that take up to so many seconds each; None for as long as their rows need.

    Raises:
        ConfigurationError: The address or password is wrong.
        ConnectionFailedError: It cannot be reached; trying again can help.
    """
    return connect(url, application_name="data-pipeline read", statement_timeout=timeout_s, environ=environ)


@contextmanager
def _borrowed(where: Any) -> Iterator[Connection]:
    if isinstance(where, Connection):
        yield where
        return
    with closing(where.raw_connection()) if hasattr(where, "raw_connection") else nullcontext(where) as held:
        # SQLAlchemy's Connection holds a pooled one, which holds the driver's.
        pooled = held if hasattr(held, "dbapi_connection") else getattr(held, "connection", held)
        driver = getattr(pooled, "dbapi_connection", pooled)
        if not isinstance(driver, Connection):
            kind = f"{type(driver).__module__}.{type(driver).__qualname__}"
            raise ConfigurationError(
                "reading needs a psycopg2 connection, an SQLAlchemy engine or connection on psycopg2"
                f" (postgresql+psycopg2://...) or a postgresql:// address, not {kind}"
            )
        yield driver
