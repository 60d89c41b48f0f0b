"""Leases: one process at a time, without a lock of the session and without an open transaction."""

from __future__ import annotations

import pytest
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

from data_pipeline.exceptions import PayloadError
from data_pipeline.warehouse.lease import lease

HELD = (
    "INSERT INTO market.lease VALUES ('dishes', 'somebody', now() - interval '1 hour', now() + interval '%s minutes')"
)


def somebody_holds(database, minutes):
    """Let another process hold the lease until so many minutes from now; it is gone without a trace."""
    with database.connect() as other, other, other.cursor() as cursor:
        cursor.execute(HELD % minutes)


def never(_seconds):
    """Nobody has to wait."""
    raise AssertionError("waited")


def test_no_transaction_is_open_meanwhile(connection, database):
    """The row says who holds it, for as long as the block lasts, and the connection is free for the work."""
    with lease(connection, "dishes", 60, never):
        assert connection.info.transaction_status == TRANSACTION_STATUS_IDLE
        assert database.rows("SELECT name, expires_at - taken_at > interval '59 seconds' FROM market.lease") == [
            ("dishes", True)
        ]
    assert database.rows("SELECT count(*) FROM market.lease") == [(0,)]


def test_it_is_given_back_after_an_error(connection, database):
    """Whatever the block raises passes through, and the next one need not wait."""
    with pytest.raises(PayloadError), lease(connection, "dishes", 60, never):
        raise PayloadError("broken")
    assert database.rows("SELECT count(*) FROM market.lease") == [(0,)]


def test_the_next_one_waits(connection, database):
    """A lease that somebody else holds is looked at again until it is free."""
    somebody_holds(database, 5)
    waits = []

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            with database.connect() as other, other, other.cursor() as cursor:
                cursor.execute("DELETE FROM market.lease")

    with lease(connection, "dishes", 60, wait):
        assert len(waits) == 3


def test_the_lease_of_a_killed_process_expires(connection, database):
    """Once it has expired, anybody takes it over."""
    somebody_holds(database, -1)
    with lease(connection, "dishes", 60, never):
        assert database.rows("SELECT holder = 'somebody' FROM market.lease") == [(False,)]


def test_one_that_was_taken_over_is_left_alone(connection, database):
    """Whoever took longer than its lease does not end that of its successor."""
    with lease(connection, "dishes", 60, never), database.connect() as other, other, other.cursor() as cursor:
        cursor.execute("UPDATE market.lease SET holder = 'successor'")
    assert database.rows("SELECT holder FROM market.lease") == [("successor",)]
