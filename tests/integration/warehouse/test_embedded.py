"""The embedded Postgres against real processes: start, share, kill, recover, stop."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.local.processes import wait_until
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.postmaster import gone
from tests.support.project import ROOT

USE = """
import sys
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.postmaster import gone
with EmbeddedPostgres(sys.argv[1], durable=False) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""


def query(server, statement, database="market", role="owner"):
    """Run one statement and return its rows."""
    with closing(psycopg2.connect(server.url(database, role))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


def user(directory):
    """A process inside a ``with`` block; it leaves when its standard input is closed."""
    command = [sys.executable, "-c", USE, str(directory)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def folder():
    """A folder that any account may enter; pytest's own has mode 0700."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def empty(folder):
    """A driver whose folder does not exist yet."""
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    yield server
    server.destroy()


@pytest.fixture(scope="module")
def prototype():
    """A server that was started once, copied below because initdb takes long."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    server.stop()
    yield server
    server.destroy()
    shutil.rmtree(folder)


@pytest.fixture
def fresh(empty, prototype):
    """A stopped server of its own."""
    subprocess.run(["cp", "-a", prototype.directory, empty.directory], check=True)
    return empty


def test_started_server_answers_and_has_the_market_database(fresh):
    """After start() the owner can create a table in the database market."""
    fresh.start()
    query(fresh, "CREATE TABLE kept (n int)")
    assert query(fresh, "SELECT current_user, current_database()") == [("market_owner", "market")]


def test_rows_and_port_survive_a_stop(fresh):
    """A stopped server starts again on the same port with the same rows."""
    fresh.start()
    query(fresh, "CREATE TABLE kept AS SELECT 42 AS n")
    url = fresh.url()
    fresh.stop()
    assert not fresh.running
    fresh.start()
    assert fresh.url() == url
    assert query(fresh, "SELECT n FROM kept") == [(42,)]


def test_passwords_are_readable_by_their_owner_alone(server):
    """The file with the generated passwords has mode 0600, and each role has its own."""
    path = server.directory / "passwords.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(set(json.loads(path.read_text()).values())) == 5


def test_wrong_password_is_refused(server):
    """Nobody comes in without the password, not even from this machine."""
    url = server.url().replace("market_owner:", "market_owner:x")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url)


def test_server_listens_on_loopback_alone(server):
    """No address but 127.0.0.1 and no socket file."""
    assert query(server, "SHOW listen_addresses") == [("127.0.0.1",)]
    assert query(server, "SHOW unix_socket_directories", role="admin") == [("",)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_runs_the_server_as_somebody_else(server):
    """When root starts it, the server's process and data belong to an unprivileged account."""
    assert Path(f"/proc/{server.pid}").stat().st_uid == server.cluster.data.stat().st_uid != 0


@pytest.mark.thorough
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_folder_out_of_reach_is_left_as_it_is(folder):
    """Under a parent of mode 0700 the server still starts, the parent keeps its mode and nothing is left over."""
    parent = folder / "closed"
    parent.mkdir(mode=0o700)
    server = EmbeddedPostgres(parent / "postgres", durable=False)
    server.start()
    base = server.cluster.base
    try:
        assert query(server, "SELECT 1") == [(1,)]
        assert stat.S_IMODE(parent.stat().st_mode) == 0o700
        assert base != server.directory
        assert EmbeddedPostgres(parent / "postgres").url() == server.url()
        shutil.rmtree(server.directory)
        server.start()
        assert query(server, "SELECT 1") == [(1,)]
        assert not base.exists()
        base = server.cluster.base
    finally:
        server.destroy()
    assert not base.exists()


def test_second_driver_finds_the_running_server(server):
    """Another driver of the same folder starts nothing and talks to the same process."""
    other = EmbeddedPostgres(server.directory)
    other.start()
    assert other.pid == server.pid
    assert other.url() == server.url()


@pytest.mark.thorough
def test_eight_starts_at_once_start_one_server(empty):
    """Eight processes starting at once get the same server, also in a folder where initdb was killed half way."""
    half = empty.directory / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    script = (
        "import sys; from data_pipeline.warehouse.embedded import EmbeddedPostgres;"
        "s = EmbeddedPostgres(sys.argv[1], durable=False); s.start(); print(s.pid)"
    )
    command = [sys.executable, "-c", script, str(empty.directory)]
    with ThreadPoolExecutor(8) as pool:
        runs = list(
            pool.map(lambda _: subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False), range(8))
        )
    assert [run.stderr for run in runs] == [""] * 8
    assert {run.stdout.strip() for run in runs} == {str(empty.pid)}


def test_killed_server_is_recovered_with_committed_rows(fresh):
    """After kill -9 of the server the next start recovers it, and what was committed is there."""
    fresh.start()
    query(fresh, "CREATE TABLE kept AS SELECT 42 AS n")
    query(fresh, "CHECKPOINT", "postgres", "admin")
    before = fresh.pid
    os.kill(before, signal.SIGKILL)
    fresh.start()
    assert fresh.pid != before
    assert query(fresh, "SELECT n FROM kept") == [(42,)]


def test_killed_server_whose_pid_was_given_to_another_is_recovered(fresh):
    """A stale postmaster.pid that names a living stranger does not keep the server from starting."""
    fresh.start()
    os.kill(fresh.pid, signal.SIGKILL)
    pidfile = fresh.cluster.data / "postmaster.pid"
    lines = pidfile.read_text().splitlines()
    pidfile.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert not fresh.running
    fresh.start()
    assert query(fresh, "SELECT 1") == [(1,)]


def test_killed_server_that_stays_a_zombie_is_recovered(fresh):
    """A postmaster.pid whose process is a zombie of the server's own account does not keep it from starting."""
    fresh.start()
    os.kill(fresh.pid, signal.SIGKILL)
    who = {"user": fresh.account.uid, "group": fresh.account.gid} if fresh.account.switched else {}
    zombie = subprocess.Popen(["/bin/true"], cwd="/", **who)
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    pidfile = fresh.cluster.data / "postmaster.pid"
    lines = pidfile.read_text().splitlines()
    pidfile.write_text("\n".join([str(zombie.pid), *lines[1:]]) + "\n")
    fresh.start()
    assert query(fresh, "SELECT 1") == [(1,)]
    zombie.wait()


def test_last_of_two_users_stops_the_server(fresh):
    """A with block that is left while another process is inside leaves the server running; the last stops it."""
    with user(fresh.directory) as other:
        pid = int(other.stdout.readline())
        with fresh:
            assert fresh.pid == pid
        assert fresh.running
        other.communicate()
    assert not fresh.running


def test_killed_user_does_not_keep_the_server_running(fresh):
    """A process killed inside its with block is not waited for."""
    with user(fresh.directory) as other:
        other.stdout.readline()
        with fresh:
            other.kill()
            other.wait()
    assert not fresh.running


def test_server_of_a_killed_user_is_stopped(fresh):
    """Nobody is there to stop it, and nobody has to come by."""
    with user(fresh.directory) as other:
        pid = int(other.stdout.readline())
        other.kill()
    assert wait_until(lambda: gone(pid), 60)


def test_started_server_outlives_with_blocks(fresh):
    """What start() began is ended by stop(), not by a with block."""
    fresh.start()
    with EmbeddedPostgres(fresh.directory) as other:
        assert other.running
    assert fresh.running


def test_stop_ends_open_connections(fresh):
    """A client that is still connected does not hold up the stop."""
    fresh.start()
    with closing(psycopg2.connect(fresh.url())) as connection:
        fresh.stop()
        assert not fresh.running
        with pytest.raises(psycopg2.OperationalError):
            connection.cursor().execute("SELECT 1")


def test_stop_twice_is_quiet(fresh):
    """Stopping a server that does not run does nothing."""
    fresh.start()
    fresh.stop()
    fresh.stop()
    assert not fresh.running


def test_own_database_for_another_role(server):
    """create_database gives Airflow a database that the warehouse's loader may not enter; twice is safe."""
    server.create_database("airflow", "airflow")
    server.create_database("airflow", "airflow")
    query(server, "CREATE TABLE kept (n int)", "airflow", "airflow")
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(server.url("airflow", "loader"))


def test_foreign_passwords_are_named(fresh):
    """A passwords.json of another server is said to be wrong, not waited for."""
    fresh.start()
    path = fresh.directory / "passwords.json"
    path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_text()), "wrong")))
    with pytest.raises(ConfigurationError, match=r"passwords\.json"):
        fresh.start()


def test_server_that_cannot_start_says_why(fresh):
    """A setting that Postgres refuses comes back in its own words."""
    fresh.start()
    fresh.stop()
    settings = fresh.cluster.data / "postgresql.conf"
    settings.write_text(settings.read_text() + "wal_compression = 'lz4'\n")
    with pytest.raises(ConfigurationError, match="wal_compression"):
        fresh.start()


def test_url_before_the_first_start(empty):
    """An address is refused until there is a server."""
    with pytest.raises(ConfigurationError, match="call start"):
        empty.url()


def test_unknown_role(server):
    """A role that does not exist is named."""
    with pytest.raises(ConfigurationError, match="'root'"):
        server.url(role="root")
