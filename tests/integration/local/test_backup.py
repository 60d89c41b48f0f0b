"""`data-pipeline backup` and `restore`: out of one server into a fresh one, roles included."""

import json
import shutil
import tempfile
from contextlib import closing
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
from rich.console import Console

from data_pipeline.cli import _parser
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.local.backup import make_backup, restore_backup
from data_pipeline.local.home import Home
from data_pipeline.local.verify import verify
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate, newest_version
from tests.support.old_months import fill_minutes, fill_moments

COMMANDS = {"backup": make_backup, "restore": restore_backup, "verify": verify}


def run(url, folder, name, *words):
    """Return the exit code of a command and what it printed."""
    out = StringIO()
    options = _parser().parse_args([name, *map(str, words)])
    environ = {"MARKET_DB_URL": url}
    code = COMMANDS[name](options, Home(folder), environ, Console(file=out, width=200))
    return code, out.getvalue()


@pytest.fixture(scope="module")
def fresh():
    """A server that has never seen a warehouse: nothing but its administrator."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-fresh-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    with closing(psycopg2.connect(server.url("postgres", "admin"))) as admin:
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute("DROP DATABASE market")
            cursor.execute("DROP ROLE market_owner, market_loader, market_reader, airflow")
    yield server
    server.destroy()
    shutil.rmtree(folder)


@pytest.fixture
def empty(fresh, request):
    """An empty database of that server, as its administrator; its roles stay for the next test."""
    name = f"into_{request.node.name.partition('[')[0][-30:]}"
    with closing(psycopg2.connect(fresh.url("postgres", "admin"))) as admin:
        admin.autocommit = True
        admin.cursor().execute(f"CREATE DATABASE {name}")
        yield fresh.url(name, "admin")
        admin.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def filled_url(database, connection):
    """A warehouse with rows, seals and proofs, and an analyst who may read."""
    fill_minutes(connection)
    fill_moments(connection)
    with closing(psycopg2.connect(database.url("admin"))) as admin, admin, admin.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS an_analyst")
        cursor.execute("CREATE ROLE an_analyst LOGIN PASSWORD 'secret-of-the-analyst'")
        cursor.execute("GRANT market_reader TO an_analyst")
    yield database.url("owner")
    with closing(psycopg2.connect(database.url("admin"))) as admin, admin, admin.cursor() as cursor:
        cursor.execute("DROP ROLE an_analyst")


def content(url):
    """Every table of the schema with its rows, in order."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("""SELECT relname FROM pg_class WHERE relnamespace = 'market'::regnamespace
            AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1""")
        found = {}
        for (name,) in cursor.fetchall():
            cursor.execute(f"SELECT t::text FROM market.{name} t ORDER BY 1")
            found[name] = [row for (row,) in cursor.fetchall()]
        return found


@pytest.mark.thorough
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_fresh_server_gets_everything_back_in_one_command(filled_url, empty, tmp_path, jobs):
    """Rows, seals and proofs are the same, verify is clean, migrate is accepted, roles and rights are there."""
    path = tmp_path / "market.dump"
    code, said = run(filled_url, tmp_path, "backup", path, "--jobs", jobs)
    assert code == 0
    assert "12 sealed sessions, 54 rows" in said
    before = content(filled_url)
    code, said = run(empty, tmp_path / "home", "restore", path)
    assert code == 0, said
    assert "12 sealed sessions, 54 rows came back" in said
    assert "an_analyst has no password yet" in said or jobs == 2
    assert content(empty) == before
    code, said = run(empty, tmp_path, "verify")
    assert code == 0, said
    migrate(empty)
    with closing(psycopg2.connect(empty)) as admin, admin.cursor() as cursor:
        cursor.execute("SET ROLE an_analyst")
        cursor.execute("SELECT count(*) FROM market.minute_bar")
        assert cursor.fetchone() == (24,)
        cursor.execute("RESET ROLE")
        cursor.execute("SET ROLE market_loader")
        cursor.execute("SELECT market.ensure_partitions('minute_bar', '2026-07-01', '2026-07-31')")
        admin.rollback()
        cursor.execute(
            "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'market'::regnamespace"
        )
        assert cursor.fetchall() == [("market_owner",)]


def test_no_password_is_in_it(filled_url, tmp_path):
    """Neither in what describes it nor in the dump, and both can be read by their owner only."""
    path = tmp_path / "market.dump"
    run(filled_url, tmp_path, "backup", path)
    said = json.loads((tmp_path / "market.dump.json").read_text())
    assert said["schema"] == newest_version()
    assert said["roles"] == [{"name": "an_analyst", "login": True, "member_of": ["market_reader"]}]
    assert b"secret-of-the-analyst" not in path.read_bytes() + (tmp_path / "market.dump.json").read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["market.dump", "market.dump.json"]


def test_a_warehouse_that_is_there_is_never_written_over(filled_url, tmp_path):
    """Neither by a restore nor a backup of that name."""
    path = tmp_path / "market.dump"
    run(filled_url, tmp_path, "backup", path)
    with pytest.raises(ConfigurationError, match=r"is not empty .*: name an empty database"):
        run(filled_url, tmp_path, "restore", path)
    with pytest.raises(InvalidRequestError, match="is there already: choose another name"):
        run(filled_url, tmp_path, "backup", path)


@pytest.mark.thorough
def test_half_a_backup_brings_nothing(filled_url, empty, tmp_path):
    """A file that was cut short is refused, and the database can take the whole one afterwards."""
    path = tmp_path / "market.dump"
    run(filled_url, tmp_path, "backup", path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigurationError, match="pg_restore ended with"):
        run(empty, tmp_path / "home", "restore", path)
    path.write_bytes(whole)
    assert run(empty, tmp_path / "home", "restore", path)[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["restore", "/nowhere/market.dump"], "there is no backup in"),
        (["backup", "/nowhere/market.dump"], "in a folder that exists"),
        (["backup", "/tmp/market.dump", "--jobs", "0"], "--jobs must be from 1 to 64"),
    ],
)
def test_what_is_not_meant_is_refused(filled_url, tmp_path, words, said):
    """With one sentence."""
    with pytest.raises(InvalidRequestError, match=said):
        run(filled_url, tmp_path, *words)


def test_a_newer_backup_is_refused(filled_url, empty, tmp_path):
    """Its schema is of a version that this package does not know."""
    path = tmp_path / "market.dump"
    run(filled_url, tmp_path, "backup", path)
    said = json.loads((tmp_path / "market.dump.json").read_text())
    (tmp_path / "market.dump.json").write_text(json.dumps({**said, "schema": "9999"}))
    with pytest.raises(ConfigurationError, match="is of version 9999"):
        run(empty, tmp_path, "restore", path)
