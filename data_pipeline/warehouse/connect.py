"""Connections to the warehouse, and errors that say what is wrong with one without repeating its password."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import NoReturn

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import make_dsn, parse_dsn

from data_pipeline.exceptions import ConfigurationError, ConnectionFailedError
from data_pipeline.market.clock import is_fixed, market_clock

SHAPE = "postgresql://user:password@host:5432/database"
_FIX = """
    SELECT set_config('market.clock', %s, false),
        set_config('market.clock_since', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00"'), false)
"""
"""The start is the server's own time, so that neither a skew between machines nor a shifted clock here adds to it."""
REFUSALS = {
    "password authentication failed": "the user or the password is wrong",
    "no password supplied": "the server wants a password and the address has none",
    "no pg_hba.conf entry": "the server lets this user in from nowhere near here (pg_hba.conf)",
    "is not permitted to log in": "this role may not log in",
    "permission denied for database": "this user may not connect to this database",
    "server does not support SSL": "the address demands TLS (sslmode), and this server offers none",
    "root certificate file": "the file of root certificates (sslrootcert) is not there",
    "certificate verify failed": "the server's certificate is not signed by one of sslrootcert",
    "does not match host name": "the server's certificate is for another host name (sslmode=verify-full)",
}


def connect(
    url: str,
    *,
    application_name: str = "data-pipeline",
    connect_timeout: float = 10.0,
    lock_timeout: float | None = None,
    statement_timeout: float | None = None,
    search_path: str = "market,public",
    environ: Mapping[str, str] | None = None,
) -> Connection:
    """Open a connection that is not in autocommit mode; the caller commits, rolls back and closes it.

    Args:
        url: ``postgresql://user:password@host:port/database?...`` with any parameter that libpq knows.
        application_name: What ``pg_stat_activity`` shows, unless the address says otherwise.
        connect_timeout: Seconds to wait for the server, at least 2, unless the address says otherwise.
        lock_timeout: Seconds that one statement may wait for a lock; None waits without end.
        statement_timeout: Seconds that one statement may run; None lets it run to its end.
        search_path: Schemas for names without one. The package itself always names the schema.
        environ: Where ``MARKET_CLOCK`` may fix what ``market.now()`` says in this session; None for the process's own.

    Raises:
        ConfigurationError: The address is malformed, or the server refuses the user, password, database or TLS.
        ConnectionFailedError: The server cannot be reached or is not ready; trying again can help.
    """
    parameters = require_address(url)
    wanted = {"lock_timeout": lock_timeout, "statement_timeout": statement_timeout}
    options = [
        f"-c search_path={search_path}",
        parameters.get("options", ""),
        *(f"-c {name}={round(seconds * 1000)}" for name, seconds in wanted.items() if seconds is not None),
    ]
    defaults = {"fallback_application_name": application_name, "connect_timeout": str(round(connect_timeout))}
    try:
        connection = psycopg2.connect(
            make_dsn(**{**defaults, **parameters, "options": " ".join(one for one in options if one)})
        )
        return _on_market_time(connection, os.environ if environ is None else environ)
    except psycopg2.OperationalError as error:
        _raise_connect_error(url, error)


def reopener(connection: Connection) -> Callable[[], Connection]:
    """Return a function that opens another connection to the same place, with the same user and options.

    Call this while the connection works: a broken one no longer says where it led. Opening raises
    ``psycopg2.OperationalError``.
    """
    options = make_dsn(**connection.info.dsn_parameters, password=connection.info.password)
    return lambda: _on_market_time(psycopg2.connect(options), os.environ)


def _on_market_time(connection: Connection, environ: Mapping[str, str]) -> Connection:
    """Fix the session's ``market.now()`` if ``MARKET_CLOCK`` says so, before any transaction of the caller."""
    if is_fixed(environ):
        try:
            with connection.cursor() as cursor:
                cursor.execute(_FIX, (market_clock(environ)().isoformat(),))
            connection.commit()
        except BaseException:
            connection.close()
            raise
    return connection


def address(url: str) -> str:
    """Return where an address leads, without its password: ``user@host:port/database``.

    Raises:
        ConfigurationError: It is not a Postgres address.
    """
    parts = require_address(url)
    place = f"{parts.get('host', 'localhost')}:{parts.get('port', '5432')}/{parts.get('dbname', '')}"
    return f"{parts['user']}@{place}" if "user" in parts else place


def require_address(url: str) -> dict[str, str]:
    """Return the parameters of a Postgres address, by libpq's names and without its defaults.

    Raises:
        ConfigurationError: It is not one. The message does not repeat it, because it may hold a password.
    """
    try:
        parts = parse_dsn(url) if url.startswith(("postgresql://", "postgres://")) else {}
    except psycopg2.ProgrammingError:
        parts = {}
    ports = str(parts.get("port", "")).split(",")  # one for each host; an empty one is the default
    if not parts or not all(port == "" or port.isdigit() for port in ports):
        raise ConfigurationError(f"the warehouse's address (MARKET_DB_URL) is not of the form {SHAPE}") from None
    return {name: str(value) for name, value in parts.items()}


def _raise_connect_error(url: str, error: psycopg2.OperationalError) -> NoReturn:
    text = " ".join(str(error).split())
    where = address(url)
    for phrase, meaning in REFUSALS.items():
        if phrase in text:
            raise ConfigurationError(f"Postgres at {where}: {meaning}") from None
    if "FATAL: database" in text and "does not exist" in text:
        raise ConfigurationError(f"Postgres at {where}: there is no such database; create it first") from None
    if "FATAL: role" in text and "does not exist" in text:
        raise ConfigurationError(f"Postgres at {where}: there is no such user") from None
    parameters = require_address(url)
    reason = text
    for secret in filter(None, (parameters.get("password"), parameters.get("sslpassword"))):
        reason = reason.replace(secret, "***")
    raise ConnectionFailedError(f"Postgres at {where} cannot be reached: {reason}") from None
