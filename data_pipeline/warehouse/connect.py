"""Connections to the warehouse, and errors that say what is wrong with one without repeating its password."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import make_dsn

from data_pipeline.market.clock import is_fixed, market_clock
from data_pipeline.settings.hidden import Hidden, hidden
from data_pipeline.warehouse.address import address, require_address, service_parameters
from data_pipeline.warehouse.bounds import BOUNDS
from data_pipeline.warehouse.refusals import raise_connect_error
from data_pipeline.warehouse.session import WarehouseConnection
from data_pipeline.warehouse.silence import Patience, answers

STATEMENT_S = 3600.0
IDLE_S = 120.0
GRACE_S = 60.0
"""How much longer than the server's own limit a statement is waited for."""
PATIENCE = Patience()
_OPTION = re.compile(r"(?:^|\s)(?:-c\s*|--)([A-Za-z_][\w.-]*)\s*=")
_SINCE = """SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00"')"""
"""The start is the server's own time, so that neither a skew between machines nor a shifted clock here adds to it."""


def connect(
    url: str,
    *,
    application_name: str = "data-pipeline",
    connect_timeout: float = 10.0,
    lock_timeout: float | None = None,
    statement_timeout: float | None = STATEMENT_S,
    patience: Patience = PATIENCE,
    environ: Mapping[str, str] | None = None,
) -> Connection:
    """Open a connection that is not in autocommit mode; the caller commits, rolls back and closes it.

    Every transaction begins with the settings: names without a schema are looked for in ``market, public``, the
    timeouts below, and 120 seconds for ``idle_in_transaction_session_timeout``. They hold through PgBouncer in
    transaction mode too, and a setting in the address's ``options`` takes their place. No session outlives its
    transaction there, so nothing may rest on one.

    Waiting for the server ends: within a minute when its host is gone (``BOUNDS``), and as ``patience`` says when it
    takes part in TCP and answers nothing.

    Args:
        url: ``postgresql://user:password@host:port/database?...`` with any parameter that libpq knows, which takes
            precedence.
        application_name: What ``pg_stat_activity`` shows, unless the address says otherwise.
        connect_timeout: Seconds to wait for the server, at least 2, unless the address says otherwise.
        lock_timeout: Seconds that one statement may wait for a lock; None waits without end.
        statement_timeout: Seconds that one statement may run; None lets it run to its end.
        patience: How long a silent server is waited for.
        environ: Where ``MARKET_CLOCK`` may fix what ``market.now()`` says in this session; None for the process's own.

    Raises:
        ConfigurationError: The address is malformed, or the server refuses the user, password, database or TLS.
        ConnectionFailedError: The server cannot be reached or is not ready; trying again can help.
    """
    url, environ = Hidden(url), hidden(os.environ if environ is None else environ)
    parameters = require_address(url)
    given = {**service_parameters(parameters, environ), **parameters}
    defaults = {
        "fallback_application_name": application_name,
        "connect_timeout": str(round(connect_timeout)),
        **BOUNDS,
    }
    dsn = Hidden(make_dsn(**{name: value for name, value in defaults.items() if name not in given}, **parameters))
    chosen = {_plain(name) for name in _OPTION.findall(f"{environ.get('PGOPTIONS', '')} {given.get('options', '')}")}
    wanted = {"idle_in_transaction_session_timeout": IDLE_S}
    wanted |= {"lock_timeout": lock_timeout} if lock_timeout is not None else {}
    wanted |= {"statement_timeout": statement_timeout} if statement_timeout is not None else {}
    settings = [f"SET LOCAL {name} = {round(s * 1000)}" for name, s in wanted.items() if name not in chosen]
    settings += ["SET LOCAL search_path = market, public"] if "search_path" not in chosen else []
    if statement_timeout is not None and "statement_timeout" not in chosen and patience.longest is None:
        patience = Patience(patience.quiet, patience.asking, patience.questions, statement_timeout + GRACE_S)
    try:
        return _open(dsn, settings, patience, environ)
    except psycopg2.OperationalError as error:
        raise_connect_error(address(url), parameters, error)


def reopener(connection: Connection) -> Callable[[], Connection]:
    """Return a function that opens another connection to the same place, with the same user and settings.

    Call this while the connection works: a broken one no longer says where it led. Opening raises
    ``psycopg2.OperationalError``.
    """
    if isinstance(connection, WarehouseConnection):
        return connection.reopen
    dsn = Hidden(make_dsn(**connection.info.dsn_parameters, password=connection.info.password))
    return lambda: _open(dsn, [], PATIENCE, os.environ)


def _open(dsn: str, settings: list[str], patience: Patience, environ: Mapping[str, str]) -> WarehouseConnection:
    connection: WarehouseConnection = psycopg2.connect(dsn, connection_factory=WarehouseConnection)
    try:
        connection.reopen = lambda: _open(dsn, settings, patience, environ)
        connection.watch_for_silence(lambda seconds: answers(dsn, seconds), patience)
        connection.settings = "; ".join(settings + _market_time(connection, environ))
    except BaseException:
        connection.close()
        raise
    return connection


def _market_time(connection: Connection, environ: Mapping[str, str]) -> list[str]:
    """Return what fixes ``market.now()`` if ``MARKET_CLOCK`` says so."""
    if not is_fixed(environ):
        return []
    with connection.cursor() as cursor:
        cursor.execute(_SINCE)
        (since,) = cursor.fetchone() or ("",)
    connection.rollback()
    fixed = {"market.clock": market_clock(environ)().isoformat(), "market.clock_since": since}
    return [
        sql.SQL("SET LOCAL {} = {}").format(sql.SQL(name), sql.Literal(value)).as_string(connection)
        for name, value in fixed.items()
    ]


def _plain(option: str) -> str:
    return option.replace("-", "_").lower()
