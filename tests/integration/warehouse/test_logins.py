"""What `data-pipeline migrate` does about the logins of loader and reader."""

from __future__ import annotations

import io
import json
import stat
from contextlib import closing

import psycopg2
import pytest
from dotenv import dotenv_values
from psycopg2.extensions import parse_dsn
from rich.console import Console

from data_pipeline.local.home import Home
from data_pipeline.local.migration import migrate_warehouse
from data_pipeline.warehouse.fields import connection_url
from data_pipeline.warehouse.logins import make_logins
from data_pipeline.warehouse.migrate import migrate

BOTH = ["market_loader", "market_reader"]
LOGINS = "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'market\\_%er' AND rolcanlogin ORDER BY 1"


@pytest.fixture
def new(unknown):
    """A server on which ann may make roles and has migrated; nobody can load or read yet."""
    unknown.run("ALTER ROLE ann CREATEROLE")
    unknown.run("GRANT CREATE ON DATABASE managed TO ann")
    migrate(unknown.url())
    assert unknown.rows(LOGINS) == []
    return unknown


def made(url, passwords=None):
    """What became of the logins, and the addresses that were handed over to be kept."""
    kept: dict[str, str] = {}
    return make_logins(url, passwords or {}, kept.update), kept


def who(url):
    """Whom the server takes a login for."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text, count(*) FROM market.instrument")
        (login, _) = cursor.fetchone() or ("nobody", 0)
    return login


def test_where_nobody_can_load_or_read_both_get_a_login(new):
    """With a password of its own each; a second time nothing changes."""
    done, kept = made(new.url())
    assert (done.made, done.told, done.lacking) == (BOTH, [], [])
    assert [who(kept[role]) for role in BOTH] == BOTH
    again, nothing = made(new.url())
    assert (again.made, nothing) == ([], {})
    assert [who(kept[role]) for role in BOTH] == BOTH


def test_a_password_that_the_settings_name_is_set_each_time(new):
    """So it can be changed there; it is not handed over to be kept."""
    for password in ("first é '1'", "second"):
        done, kept = made(new.url(), dict.fromkeys(BOTH, password))
        assert (done.told, kept) == (BOTH, {})
        place = new.server.url("managed").rpartition("@")[2].partition("/")[0].rpartition(":")
        fields = {"host": place[0], "port": place[2], "login": "market_reader", "password": password}
        assert who(connection_url({**fields, "schema": "managed"}, {}, "x")) == "market_reader"


def test_a_login_of_the_users_own_is_left_alone(new):
    """Whoever made a member of the role does not get a second login by an upgrade."""
    new.run("CREATE ROLE desk LOGIN IN ROLE market_reader")
    done, kept = made(new.url())
    new.run("DROP ROLE desk")
    assert (done.made, list(kept)) == (["market_loader"], ["market_loader"])


def test_who_may_not_change_roles_learns_what_an_administrator_runs(new):
    """Migrating itself goes on to work without that right."""
    new.run("ALTER ROLE ann NOCREATEROLE")
    done, kept = made(new.url())
    assert done.lacking == [f"ALTER ROLE {role} LOGIN PASSWORD '...'" for role in BOTH]
    assert (done.made, kept, new.rows(LOGINS)) == ([], {}, [])


def test_a_password_that_cannot_be_kept_does_not_count(new):
    """Nobody could log in with it, and the next try would leave the login alone."""

    def full(urls):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        make_logins(new.url(), {}, full)
    assert new.rows(LOGINS) == []


def test_the_servers_log_never_holds_a_password(new):
    """Though it logs every statement."""
    new.run("ALTER DATABASE managed SET log_statement = 'all'")
    done, kept = made(new.url(), {"market_reader": "opensesame"})
    written = new.server.cluster.log.read_text()
    assert done.told == ["market_reader"]
    assert 'ALTER ROLE "market_loader" LOGIN PASSWORD \'SCRAM-SHA-256$' in written
    assert "opensesame" not in written
    assert parse_dsn(kept["market_loader"])["password"] not in written


def test_the_command_keeps_them_in_a_file_for_the_shell(new, tmp_path):
    """Of mode 0600, as the connection of Airflow and the setting of the reader; it prints no password."""
    home, said = Home(tmp_path / "home"), io.StringIO()
    environ = {"MARKET_DB_URL": new.url() + "?application_name=it's"}
    assert migrate_warehouse(home, environ, Console(file=said)) == 0
    assert stat.S_IMODE(home.logins.stat().st_mode) == 0o600
    values = dotenv_values(home.logins)
    loader = json.loads(values["AIRFLOW_CONN_MARKET_DB"] or "")
    assert (loader["login"], loader["schema"]) == ("market_loader", "managed")
    assert who(values["MARKET_READER_URL"]) == "market_reader"
    assert loader["password"] not in said.getvalue()
    assert "market_loader and market_reader can log in; see " in " ".join(said.getvalue().split())
