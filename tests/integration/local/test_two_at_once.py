"""Two commands of one installation at once: they share what runs, or the second is told about the first."""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from tests.support.processes import read_line
from tests.support.project import ROOT

USE = """
import sys
from pathlib import Path
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
with open_warehouse(Home(Path(sys.argv[1])), {}, migrated=False) as warehouse:
    print("inside", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home():
    """A new installation in a folder that any account may enter; everything of it is deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    folder.chmod(0o711)
    yield Home(folder / "home")
    EmbeddedPostgres(folder / "home" / "postgres").destroy()
    shutil.rmtree(folder)


@pytest.fixture
def command(home):
    """Start `data-pipeline` on this installation; returns the process."""
    environ = {**os.environ, "DATA_PIPELINE_HOME": str(home.root), "WATCH_LIST": "005930", "PYTHONUNBUFFERED": "1"}
    environ.pop("COORDINATION_URL", None)
    return lambda *words: subprocess.Popen(
        [sys.executable, "-m", "data_pipeline", *words],
        env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process):
    """Return the exit code and everything written, on one line."""
    written = " ".join("".join(process.communicate()).split())
    assert "Traceback" not in written
    return process.returncode, written


@pytest.mark.slow
def test_beside_a_run(home, command):
    """A second run is told, `sql` shares its server, `down` leaves it, nothing is deleted, all is loaded."""
    first = command("run")
    assert first.stdout.readline().startswith("Session ")  # it has the lock from here on
    code, said = ended(command("run"))
    assert (code, f"BusyError: `data-pipeline run` (pid {first.pid}, since 20" in said) == (2, True)
    code, said = ended(command("sql", "SELECT 41 + 1 AS answer"))
    assert (code, "42" in said) in [(0, True), (2, False)]  # the run may not have migrated yet
    assert ended(command("down"))[0] == 0
    code, said = ended(command("down", "--delete"))
    assert (code, f"pid {first.pid}" in said) == (2, True)
    code, said = ended(first)
    assert (code, "Everything expected is there" in said) == (0, True), said
    assert not EmbeddedPostgres(home.postgres).running


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


def test_what_up_started_stays(home):
    """A command beside `up` leaves its server running; giving it up stops it."""
    server = EmbeddedPostgres(home.postgres)
    server.start()
    with open_warehouse(home, {}):
        pass
    assert server.running
    assert server.release() is True
    assert not server.running


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
            assert made.result(30) is None
        finally:
            migration.commit()
