"""The schema after migration: repeatable, commented, closed to the wrong roles and to bad rows."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date

import psycopg2
import pytest
from psycopg2 import errors

from data_pipeline.datasets import DATASETS
from data_pipeline.exceptions import ConfigurationError, LoadError
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.market.records import Instrument
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.migrate import SQL, migrate

TABLES = {*DATASETS} | {
    "alembic_version", "archive", "calendar_session", "coverage_start", "dataset", "earlier_listing", "ingest_run",
    "instrument_history", "instrument_list", "instrument_report", "lease", "main_index", "market_operation",
    "price_adjustment", "proof", "reconciliation", "rejected_row", "restatement", "seal", "stream_gap",
    "stream_heartbeat", "stream_watch", "unproven", "warehouse_kind",
}  # fmt: skip
VIEWS = {
    "coverage", "coverage_cell", "daily_bar_adjusted", "expected_range", "final_session", "instrument_difference",
    "listing", "loaded_day", "minute_bar_30", "minute_bar_5", "monthly_bar", "no_data", "weekly_bar",
}  # fmt: skip
NEWEST = max(path.stem[:4] for path in (SQL / "versions").glob("[0-9]*.py"))


@pytest.fixture
def bare(server):
    """The address of an empty database that was never migrated."""
    with closing(psycopg2.connect(server.url("postgres", "admin"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE bare OWNER market_owner")
            yield server.url("bare")
            cursor.execute("DROP DATABASE bare WITH (FORCE)")


def execute(database, role, statement, *values):
    """Run and commit one statement as this role."""
    with database.connect(role) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        connection.commit()
        return cursor.fetchall() if cursor.description else None


def test_tables_and_views_of_the_design_exist(shared):
    """The schema market holds exactly the tables and views that the design names."""
    found = shared.rows("SELECT relname, relkind FROM pg_class WHERE relnamespace = 'market'::regnamespace")
    assert {name for name, kind in found if kind in "rp"} == TABLES
    assert {name for name, kind in found if kind == "v"} == VIEWS


def test_large_tables_are_partitioned_by_session(shared):
    """The large tables are partitioned by range of session."""
    rows = shared.rows(
        "SELECT partrelid::regclass::text, pg_get_partkeydef(partrelid) FROM pg_partitioned_table ORDER BY 1"
    )
    large = sorted(name for name, one in DATASETS.items() if one.table.partitioned)
    assert rows == [(name, "RANGE (session)") for name in large]


def test_every_column_has_a_comment_with_its_source(database):
    """No column of any table, view or partition lacks a comment that says where its value comes from."""
    execute(database, "loader", "SELECT market.ensure_partitions('daily_bar', '2026-09-01', '2026-09-30')")
    rows = database.rows(
        "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = 'market'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0"
        " AND NOT a.attisdropped AND coalesce(col_description(c.oid, a.attnum), '') NOT LIKE '%%source%%'"
    )
    assert rows == []


def test_every_relation_has_a_comment(database):
    """No table, view or partition lacks a comment."""
    execute(database, "loader", "SELECT market.ensure_partitions('daily_bar', '2026-09-01', '2026-09-30')")
    rows = database.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'market'::regnamespace AND relkind IN ('r', 'p', 'v')"
        " AND obj_description(oid) IS NULL"
    )
    assert rows == []


def test_migrating_twice_changes_nothing(database):
    """A second run leaves version, tables and rows as they are."""
    execute(database, "loader", "SELECT market.admit_source('mock')")
    execute(database, "loader", "INSERT INTO market.trading_session VALUES ('2026-09-14', true, 'mock')")
    shape = "SELECT oid, relname FROM pg_class WHERE relnamespace = 'market'::regnamespace ORDER BY oid"
    before = database.rows(shape)
    migrate(database.url("owner"))
    assert database.rows(shape) == before
    assert database.rows("SELECT version_num FROM market.alembic_version") == [(NEWEST,)]
    assert database.rows("SELECT count(*) FROM market.trading_session") == [(1,)]


def test_three_migrations_at_once(bare):
    """Callers at the same moment take turns, and the schema is there once."""
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(migrate, [bare] * 3)) == [None] * 3
    with closing(connect(bare)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version_num FROM market.alembic_version")
        assert cursor.fetchall() == [(NEWEST,)]


def test_superuser_migrates_and_the_owner_owns(server, bare):
    """Run by a superuser, as on a server of one's own, the tables still belong to market_owner."""
    migrate(server.url("bare", "admin"))
    with closing(connect(bare)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'market'")
        assert cursor.fetchall() == [("market_owner",)]


def test_given_passwords_open_the_roles(server, database):
    """A password given to migrate lets the role in."""
    own = server.cluster.password("reader")
    migrate(server.url(database.name, "admin"), {"market_reader": "it's new"})
    try:
        url = server.url(database.name, "reader").replace(own, "it%27s%20new")
        connect(url).close()
    finally:
        migrate(server.url(database.name, "admin"), {"market_reader": own})


def test_role_that_may_not_migrate_is_told(server, bare):
    """Run by the reader, the answer is that it may not, and nothing is made."""
    with closing(psycopg2.connect(server.url("bare", "admin"))) as connection:
        connection.cursor().execute("GRANT CONNECT ON DATABASE bare TO market_reader")
        connection.commit()
    with pytest.raises(ConfigurationError, match=r"market_reader@.* may not migrate"):
        migrate(server.url("bare", "reader"))


def test_missing_scripts_are_named(database, tmp_path):
    """Without the sql folder the error names the folder."""
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        migrate(database.url("owner"), scripts=tmp_path)


def test_failing_migration_changes_nothing(bare, tmp_path):
    """A migration that fails half way leaves no schema behind and says what Postgres said."""
    (tmp_path / "bootstrap.sql").write_text("CREATE SCHEMA market; SELECT 1 / 0")
    (tmp_path / "env.py").write_text("")
    with pytest.raises(LoadError, match="division by zero"):
        migrate(bare, scripts=tmp_path)
    with closing(connect(bare)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'market'")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE market.mine (n int)",
        "CREATE TABLE public.mine (n int)",
        "ALTER TABLE market.daily_bar ADD COLUMN mine int",
        "DROP TABLE market.daily_bar",
        "TRUNCATE market.instrument",
        "DELETE FROM market.daily_bar",
        "UPDATE market.warehouse_kind SET kind = 'real'",
        "INSERT INTO market.instrument_history (stock_code) VALUES ('005930')",
        "DELETE FROM market.restatement",
        "CALL market.require_kind('empty')",
        "UPDATE market.alembic_version SET version_num = '0'",
        "CREATE ROLE mine",
    ],
)
def test_loader_may_not(shared, statement):
    """The loader changes no table, forges no history and decides no kind."""
    with pytest.raises(errors.InsufficientPrivilege):
        execute(shared, "loader", statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO market.trading_session VALUES ('2026-09-14', true, 'mock')",
        "UPDATE market.instrument SET name = 'x'",
        "DELETE FROM market.proof",
        "INSERT INTO market.ingest_run (dataset, source) VALUES ('daily_bar', 'mock')",
        "SELECT market.ensure_partitions('daily_bar', '2026-09-01', '2026-09-30')",
        "SELECT market.admit_source('mock')",
        "CREATE TABLE market.mine (n int)",
    ],
)
def test_reader_may_not(shared, statement):
    """The reader writes nothing and makes nothing."""
    with pytest.raises(errors.InsufficientPrivilege):
        execute(shared, "reader", statement)


@pytest.mark.thorough
def test_reader_reads_everything(shared):
    """Every table and view can be read by the reader, partitions through their parents."""
    for name in sorted(TABLES | VIEWS):
        assert execute(shared, "reader", f"SELECT count(*) FROM market.{name}") is not None


def test_connecting_needs_no_password_in_its_error(server):
    """A database that does not exist is named, and the password is not."""
    url = server.url("nowhere")
    with pytest.raises(
        ConfigurationError, match=r"market_owner@127\.0\.0\.1:.*/nowhere: there is no such database"
    ) as caught:
        connect(url)
    assert server.cluster.password("owner") not in str(caught.value)


def test_wrong_password_is_a_setting(server):
    """A wrong password is a configuration error that does not repeat it."""
    url = server.url().replace("market_owner:", "market_owner:zz")
    with pytest.raises(ConfigurationError, match="user or the password is wrong") as caught:
        connect(url)
    assert "zz" not in str(caught.value)


def test_connection_says_who_it_is_and_obeys_its_timeouts(server):
    """Application name, lock timeout and statement timeout (milliseconds) reach the server."""
    with closing(connect(server.url(), application_name="probe", lock_timeout=1.5, statement_timeout=60)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('application_name'), current_setting('lock_timeout'),"
                " current_setting('statement_timeout'), current_setting('search_path')"
            )
            assert cursor.fetchone() == ("probe", "1500ms", "1min", "market, public")
        assert not connection.autocommit


def test_what_was_known_of_issues_is_kept(bare, tmp_path):
    """A warehouse of before: its ranges become reports, and the next list goes on from them without a new range."""
    old = tmp_path / "sql"
    shutil.copytree(SQL, old, ignore=lambda _, names: [name for name in names if name[:4].isdigit() and name >= "0006"])
    migrate(bare, scripts=old)
    monday, tuesday, wednesday = (date(2026, 9, day) for day in (14, 15, 16))
    one = Instrument("005930", "KR7005930003", "삼성", "KOSPI", "ST", wednesday, date(1975, 6, 11), 100_000, 100.0)
    statement = (
        "INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on,"
        " listed_shares, face_value, halted, managed, liquidation, preferred, source) VALUES (%s, 'KR7005930003', %s,"
        " 'KOSPI', 'ST', %s, '1975-06-11', 100, 100, false, false, false, false, 'kis')"
    )
    with closing(connect(bare)) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO market.calendar_session VALUES (%s), (%s), (%s)", (monday, tuesday, wednesday))
        cursor.execute("SELECT market.admit_source('kis')")
        cursor.execute(statement, ("005930", "삼성전자", monday))
        cursor.execute(statement, ("000660", "하이닉스", monday))
        cursor.execute("UPDATE market.instrument SET as_of = %s, name = '삼성' WHERE stock_code = '005930'", (tuesday,))
        cursor.execute("UPDATE market.instrument SET delisted_on = %s WHERE stock_code = '000660'", (tuesday,))
        cursor.execute("SELECT stock_code, valid_from, valid_to, name FROM market.instrument_history ORDER BY 1, 2")
        before = cursor.fetchall()
        connection.commit()
    migrate(bare)
    with closing(connect(bare)) as connection, connection.cursor() as cursor:
        assert keep_list(connection, [one], "kis").left == 0
        cursor.execute("SELECT stock_code, valid_from, valid_to, name FROM market.instrument_history ORDER BY 1, 2")
        assert cursor.fetchall() == before
        cursor.execute("SELECT stock_code, first_told, last_told FROM market.instrument_report ORDER BY 1, 2")
        assert cursor.fetchall() == [
            ("000660", monday, monday), ("005930", monday, monday), ("005930", tuesday, wednesday)
        ]  # fmt: skip
