"""Work that one process may do at a time, on whichever host."""

import subprocess
import sys

import pytest

from data_pipeline.warehouse.lease import leased
from tests.support.project import ROOT

TAKE = """
import os, signal, sys
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.lease import leased
with leased(connect(sys.argv[1]), "work", 3600):
    os.kill(os.getpid(), signal.SIGKILL)
"""
NAMES = "SELECT name FROM market.lease"


class Waited(Exception):  # noqa: N818 - it is no error
    """Somebody else has it."""


def wait(_seconds):
    """Stand for the time that passes."""
    raise Waited


def test_the_second_waits_until_the_first_is_done(database, connection):
    """While one holds it nobody else gets it, and afterwards there is no trace of it."""
    with database.connect() as other:
        with leased(connection, "work", 60):
            with pytest.raises(Waited), leased(other, "work", 60, sleep=wait):
                pass
            with leased(other, "other work", 60, sleep=wait):
                assert sorted(database.rows(NAMES)) == [("other work",), ("work",)]
        with leased(other, "work", 60, sleep=wait):
            pass
    assert database.rows(NAMES) == []


def test_a_killed_process_is_not_waited_for(database, connection):
    """Its lease would last another hour; whoever runs on the same host sees that it is gone."""
    subprocess.run([sys.executable, "-c", TAKE, database.url()], cwd=ROOT, check=False)
    assert database.rows(NAMES) == [("work",)]
    with leased(connection, "work", 60, sleep=wait):
        pass
    assert database.rows(NAMES) == []


def test_a_process_of_another_host_is_waited_for_until_its_lease_ends(database, connection):
    """Nobody here can look it up."""
    with database.connect() as holder, holder, holder.cursor() as cursor:
        cursor.execute("INSERT INTO market.lease VALUES ('work', 'elsewhere/1/1 77 1', '2199-01-01')")
    with pytest.raises(Waited), leased(connection, "work", 60, sleep=wait):
        pass
    with database.connect() as holder, holder, holder.cursor() as cursor:
        cursor.execute("UPDATE market.lease SET expires_at = '2001-01-01'")
    with leased(connection, "work", 60, sleep=wait):
        assert database.rows(NAMES) == [("work",)]
