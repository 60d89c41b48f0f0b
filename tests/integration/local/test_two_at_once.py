"""Two commands of one installation at once: they share what runs, or the second is told about the first."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.processes import wait_until
from data_pipeline.local.up import stop_everything
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from tests.support.installation import home
from tests.support.processes import read_line
from tests.support.project import ROOT

__all__ = ["home"]

USE = """
import sys
from pathlib import Path
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
with open_warehouse(Home(Path(sys.argv[1])), {}, migrated=False) as warehouse:
    print("inside", flush=True)
    sys.stdin.read()
"""


@pytest.mark.thorough
def test_the_last_user_stops_the_server(home):
    """A command that started the server and ends first leaves it to the other; so does `down`'s part of it."""
    with open_warehouse(home, {}):
        other = subprocess.Popen(
            [sys.executable, "-c", USE, str(home.root)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert read_line(other) == b"inside\n"
    server = EmbeddedPostgres(home.postgres)
    assert server.running
    assert server.release() is False
    assert server.running
    other.communicate()
    assert not server.running


@pytest.mark.thorough
def test_what_up_started_stays(home):
    """A command beside `up` leaves its server running; giving it up stops it."""
    server = EmbeddedPostgres(home.postgres)
    server.start()
    with open_warehouse(home, {}):
        pass
    assert server.running
    assert server.release() is True
    assert not server.running


@pytest.mark.thorough
def test_down_waits_for_a_server_that_is_ending(home):
    """A `run` beside it may have ended just then: new connections are refused, and `down` succeeds all the same."""
    server = EmbeddedPostgres(home.prepare().postgres)
    server.start()
    session = psycopg2.connect(server.url("postgres", "admin"))
    assert server.pid is not None
    os.kill(server.pid, signal.SIGTERM)  # a smart shutdown, which waits for the session
    with ThreadPoolExecutor(1) as threads:
        stopped = threads.submit(lambda: [*stop_everything(home)])
        refused = "the database system is shutting down"
        assert wait_until(lambda: refused in server.cluster.log.read_text("utf-8", "replace"), 60)
        session.close()
        assert stopped.result(60) == ["Postgres"]
    assert not server.running


@pytest.mark.thorough
def test_a_start_that_fails_is_no_user(home):
    """A server that could not start is not counted as used: the next one stops it."""
    server = EmbeddedPostgres(home.postgres)
    server.start()
    passwords = home.postgres / "passwords.json"
    right = passwords.read_text()
    passwords.write_text(right.replace(server.cluster.password("admin"), "wrong"))
    with pytest.raises(Exception, match=r"passwords\.json"), server:
        pass
    passwords.write_text(right)
    assert server.release() is True


def test_one_database_made_by_many_at_once(server):
    """Nobody fails because somebody else makes the same database."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: server.create_database("at_once"), range(8)))


def test_a_database_that_is_there_is_left_alone(server):
    """Making it again does not wait for, nor break, a migration that grants rights on it at the same moment."""
    server.create_database("granted")
    with closing(psycopg2.connect(server.url("postgres", "admin"))) as migration, ThreadPoolExecutor(1) as threads:
        migration.cursor().execute("GRANT CONNECT ON DATABASE granted TO market_reader")
        made = threads.submit(server.create_database, "granted")
        try:
            assert made.result(30) is False
        finally:
            migration.commit()
