"""A server whose administrator is somebody else, as a managed one is."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

ROLES = ("market_owner", "market_loader", "market_reader")


class Managed:
    """A server whose administrator is somebody else."""

    def __init__(self, server, cursor):
        self.server, self._cursor = server, cursor

    def run(self, statement):
        """Run a statement as the administrator, in the database."""
        self._cursor.execute(statement)

    def rows(self, query):
        """Return what the administrator reads."""
        self._cursor.execute(query)
        return self._cursor.fetchall()

    def url(self):
        """The address of the login that is to migrate."""
        place = self.server.url("managed").rpartition("@")[2]
        return f"postgresql://ann:secret@{place}"


@pytest.fixture
def managed(server):
    """An empty database in which the login ann may do nothing but connect."""
    with closing(psycopg2.connect(server.url("postgres", "admin"))) as admin:
        admin.autocommit = True
        cursor = admin.cursor()
        cursor.execute("CREATE DATABASE managed")
        cursor.execute("CREATE ROLE ann LOGIN PASSWORD 'secret'")
        with closing(psycopg2.connect(server.url("managed", "admin"))) as inside:
            inside.autocommit = True
            yield Managed(server, inside.cursor())
        cursor.execute("DROP DATABASE managed WITH (FORCE)")
        cursor.execute("DROP ROLE ann")


@pytest.fixture
def unknown(managed):
    """The same, on a server that has none of the three roles."""
    for role in ROLES:
        managed.run(f"ALTER ROLE {role} RENAME TO away_{role}")
    yield managed
    managed.run("DROP SCHEMA IF EXISTS market CASCADE")
    for role in ROLES:
        if managed.rows(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
            managed.run(f"DROP OWNED BY {role} CASCADE")
            managed.run(f"DROP ROLE {role}")
        managed.run(f"ALTER ROLE away_{role} RENAME TO {role}")
