"""Migrating without a superuser, as on a managed server, and databases that cannot be migrated."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.warehouse.migrate import migrate


def owners(managed):
    """Return who owns the tables."""
    return managed.rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'market'")


def lacking(managed):
    """Migrate in vain, and return the statements that the message holds."""
    with pytest.raises(
        ConfigurationError, match=r"ann@.* may not migrate .*an administrator .* then migrate"
    ) as caught:
        migrate(managed.url())
    return str(caught.value).split("`")[1].split("; ")


def test_a_role_that_may_make_roles(unknown):
    """CREATEROLE and CREATE on a database that is somebody else's are enough."""
    unknown.run("ALTER ROLE ann CREATEROLE")
    unknown.run("GRANT CREATE ON DATABASE managed TO ann")
    migrate(unknown.url())
    assert owners(unknown) == [("market_owner",)]


def test_a_role_with_nothing_but_create(managed):
    """The roles are there, and ann is a member of the owner: nothing more is needed."""
    managed.run("GRANT CREATE ON DATABASE managed TO ann")
    managed.run("GRANT market_owner TO ann")
    migrate(managed.url())
    assert owners(managed) == [("market_owner",)]


def test_what_lacks_is_said_in_one_sentence(unknown):
    """The message holds every statement that an administrator has to run, and they are enough."""
    statements = lacking(unknown)
    assert statements == [
        "CREATE ROLE market_owner NOLOGIN", "CREATE ROLE market_loader NOLOGIN", "CREATE ROLE market_reader NOLOGIN",
        "GRANT market_owner TO ann", "GRANT CREATE ON DATABASE managed TO ann",
    ]  # fmt: skip
    for statement in statements:
        unknown.run(statement)
    migrate(unknown.url())
    assert owners(unknown) == [("market_owner",)]


def test_a_closed_database_is_opened_by_its_owner(managed):
    """Where PUBLIC may not connect, what loader and reader need is named as well."""
    managed.run("GRANT market_owner TO ann")
    managed.run("GRANT CONNECT, CREATE ON DATABASE managed TO ann")
    managed.run("REVOKE ALL ON DATABASE managed FROM PUBLIC")
    statements = lacking(managed)
    assert statements == [
        "GRANT CONNECT ON DATABASE managed TO market_loader", "GRANT TEMPORARY ON DATABASE managed TO market_loader",
        "GRANT CONNECT ON DATABASE managed TO market_reader",
    ]  # fmt: skip
    for statement in statements:
        managed.run(statement)
    migrate(managed.url())


@pytest.mark.parametrize("encoding", ["EUC_KR", "SQL_ASCII"])
def test_a_database_that_is_not_utf8_is_refused(server, encoding):
    """A name like 쀼햏테크 does not fit into EUC-KR, so nothing is made there, and the message says what to make."""
    with closing(psycopg2.connect(server.url("postgres", "admin"))) as admin:
        admin.autocommit = True
        admin.cursor().execute(f"CREATE DATABASE korean OWNER market_owner ENCODING '{encoding}' TEMPLATE template0")
        try:
            with pytest.raises(ConfigurationError, match=f"korean stores text as {encoding}.*ENCODING 'UTF8'"):
                migrate(server.url("korean"))
            with closing(psycopg2.connect(server.url("korean", "admin"))) as inside, inside.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'market'")
                assert cursor.fetchone() == (0,)
        finally:
            admin.cursor().execute("DROP DATABASE korean WITH (FORCE)")
