"""Turns between processes that last longer than a transaction: a row that says whose turn it is, and until when."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.warehouse.errors import said_plainly

LOOK_S = 0.5
_TAKE = """
    INSERT INTO market.lease AS held (name, holder, expires_at)
    VALUES (%(name)s, %(holder)s, clock_timestamp() + %(seconds)s * interval '1 second')
    ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, taken_at = clock_timestamp(), expires_at = excluded.expires_at
    WHERE held.expires_at <= clock_timestamp()
    RETURNING true
"""
_RETURN = "DELETE FROM market.lease WHERE name = %s AND holder = %s"


@contextmanager
def lease(
    connection: Connection, name: str, seconds: float, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold a lease for the block, whatever it commits; nobody else holds it meanwhile, on any host.

    It is no lock of the session: those leak through PgBouncer in transaction mode. Waiting and working leave no
    transaction open. A holder that is killed keeps it until it expires.

    Args:
        connection: Of a user that may load, in no transaction.
        name: What is leased.
        seconds: After which it expires, by the server's clock; longer than the block ever takes.
        sleep: Waits between looks at a lease that somebody else holds.

    Raises:
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        ConnectionFailedError, TransientError: The server is away; trying again can help.
    """
    holder = uuid.uuid4().hex
    while not _changed(connection, _TAKE, {"name": name, "holder": holder, "seconds": seconds}):
        sleep(LOOK_S)
    try:
        yield
    finally:
        with suppress(psycopg2.Error):  # a broken connection: it expires by itself, and the block's own error matters
            connection.rollback()
            with connection, connection.cursor() as cursor:
                cursor.execute(_RETURN, (name, holder))


def _changed(connection: Connection, statement: str, values: dict[str, object]) -> bool:
    with said_plainly("lease"), connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount > 0
