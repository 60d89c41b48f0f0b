"""Leases in the warehouse: work that only one process on any host may do, without a lock that keeps a session busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.warehouse.errors import said_plainly
from data_pipeline.warehouse.process import is_gone, myself

PAUSE_S = 0.2
_TAKE = """
    INSERT INTO market.lease (name, process, expires_at)
    VALUES (%(name)s, %(own)s, clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (name) DO UPDATE SET process = excluded.process, expires_at = excluded.expires_at
    WHERE lease.expires_at < clock_timestamp() OR lease.process = %(gone)s
    RETURNING expires_at
"""
_HOLDER = "SELECT process FROM market.lease WHERE name = %s"
_LEAVE = "DELETE FROM market.lease WHERE name = %s AND expires_at = %s"


@contextmanager
def leased(
    connection: Connection, name: str, seconds: float, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold a lease for the block, which may commit and ask vendors; wait for it while another one holds it.

    A lease whose process is gone is taken over: at once when that ran on this host, else at its expiry.

    Args:
        connection: Of a user that may load, without a transaction open; it is left so.
        name: What is done.
        seconds: Longer than the block can take; whoever takes longer may be joined by another one.
        sleep: Waits that many seconds.

    Raises:
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        ConnectionFailedError: The connection broke; trying again can help.
    """
    while (taken := _take(connection, name, seconds)) is None:
        sleep(PAUSE_S)
    try:
        yield
    finally:
        with suppress(psycopg2.Error):  # a broken connection: it expires by itself, and the block's own error matters
            connection.rollback()
            with connection, connection.cursor() as cursor:
                cursor.execute(_LEAVE, (name, taken))


def _take(connection: Connection, name: str, seconds: float) -> object:
    """Return the expiry of the lease that was taken; None while another one holds it."""
    holders = [process for (process,) in _execute(connection, _HOLDER, (name,))]
    gone = next((process for process in holders if is_gone(str(process))), None)
    values = {"name": name, "own": myself(), "seconds": seconds, "gone": gone}
    return next((expiry for (expiry,) in _execute(connection, _TAKE, values)), None)


def _execute(connection: Connection, statement: str, values: object) -> list[tuple[object, ...]]:
    with said_plainly("lease"), connection, connection.cursor() as cursor:
        cursor.execute(statement, values)  # type: ignore[arg-type]
        return list(cursor.fetchall()) if cursor.description else []
