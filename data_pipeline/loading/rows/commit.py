"""The end of a load: a commit whose answer is lost is looked up, not guessed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.exceptions import ConnectionFailedError, TransientError
from data_pipeline.warehouse.connect import reopener
from data_pipeline.warehouse.errors import plain_error

log = logging.getLogger(__name__)

LOOKS = 5
PATIENCE = 30_000
"""Milliseconds that one look waits for the server to end the lost transaction."""
_STATUS = "SELECT status FROM market.ingest_run WHERE run_id = %s FOR UPDATE"


def commit_run(connection: Connection, run_id: int, sleep: Callable[[float], None] = time.sleep) -> Connection:
    """Commit a load whose ``finish_run`` was in the same transaction, and return the connection to go on with.

    When the connection breaks before the server answers, a new one finds out what became of the load: it waits until
    the server has ended the lost transaction and reads the run's status. A load that was committed is a success.

    Args:
        connection: The one the rows were loaded on.
        run_id: From ``start_run``, finished in this transaction.
        sleep: Waits between looks.

    Returns:
        The same connection; or, when it broke after the commit, a new one, which the caller closes.

    Raises:
        ConnectionFailedError: The load was not committed, or the server cannot be asked; trying again is safe.
        LoadError: Postgres refuses the commit.
    """
    reopen = reopener(connection)
    try:
        connection.commit()
    except psycopg2.Error as error:
        lost = plain_error("commit", error)
        if not isinstance(lost, ConnectionFailedError):
            raise lost from None
    else:
        return connection
    for look in range(LOOKS):
        sleep(look)
        try:
            return _committed(reopen, run_id, lost)
        except psycopg2.Error as error:
            reason = plain_error("ingest_run", error)
            if not isinstance(reason, TransientError):
                raise reason from None
    raise ConnectionFailedError(
        f"{lost}; whether the load is there cannot be asked ({reason}): load it again, that is safe"
    )


def _committed(reopen: Callable[[], Connection], run_id: int, lost: ConnectionFailedError) -> Connection:
    """Return a new connection when the run is a success."""
    again = reopen()
    try:
        with again.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {PATIENCE}")
            cursor.execute(_STATUS, (run_id,))
            (status,) = cursor.fetchone() or (None,)
        again.rollback()
    except BaseException:
        again.close()
        raise
    if status == "success":
        log.warning("the connection broke off during the commit of run %d; the load is there", run_id)
        return again
    with closing(again):
        raise lost
