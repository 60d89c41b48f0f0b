"""Databases of one embedded Postgres: a fresh migrated one for each test."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from contextlib import closing, contextmanager
from io import BytesIO
from itertools import count
from pathlib import Path

import psycopg2
import pytest

from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

CLOCK = "2026-12-01T21:00+09:00"
"""Where the market's clock stands for what has no moment of its own: a Tuesday evening after every day of the tests."""
OF_BARS = ("coverage_start", "daily_bar", "ingest_run", "proof", "rejected_row", "restatement", "seal")
_numbers = count()


class Database:
    """A migrated database of its own."""

    def __init__(self, server, name):
        self.server = server
        self.name = name

    def url(self, role="loader"):
        return self.server.url(self.name, role)

    def connect(self, role="loader"):
        return closing(connect(self.url(role)))

    def rows(self, query, *values):
        """Return what the owner reads; committed rows only."""
        with self.connect("owner") as connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def empty(self):
        """Delete the bars and all that a load of them leaves; instruments stay."""
        with self.connect("admin") as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(f'market.{table}' for table in OF_BARS)}")

    def digest(self):
        """The sha256 of every daily bar, in order."""
        query = "SELECT stock_code, session, open, high, low, close, volume, trading_value, change, source"
        with self.connect("owner") as connection, connection.cursor() as cursor:
            copied = BytesIO()
            cursor.copy_expert(f"COPY ({query} FROM market.daily_bar ORDER BY 1, 2) TO STDOUT", copied)
            return hashlib.sha256(copied.getvalue()).hexdigest()


@contextmanager
def copied(server, template="market"):
    """A copy of a migrated database; FILE_COPY is three times as fast as the default here."""
    name = f"test_{next(_numbers)}"
    with closing(psycopg2.connect(server.url("postgres", "admin"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER market_owner STRATEGY file_copy")
            yield Database(server, name)
            try:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
            except psycopg2.OperationalError:  # a test killed a part of the server, which begins anew
                server.start()
                with closing(psycopg2.connect(server.url("postgres", "admin"))) as another:
                    another.autocommit = True
                    another.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module", autouse=True)
def market_time():
    """Fix the market's clock, in this process and in those that the tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARKET_CLOCK", CLOCK)
        yield CLOCK


@pytest.fixture(scope="session")
def server():
    """The one server of the test run, migrated in its database market."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    migrate(server.url())
    yield server
    server.destroy()
    shutil.rmtree(folder)


@pytest.fixture
def contents():
    """The database that each test gets a copy of: empty tables, unless a file says otherwise (`support/listed.py`)."""
    return "market"


@pytest.fixture
def database(server, contents):
    """A database for one test that commits."""
    with copied(server, contents) as database:
        yield database


@pytest.fixture(scope="module")
def shared(server):
    """A database for the tests of one module that commit nothing."""
    with copied(server) as database:
        yield database


@pytest.fixture
def connection(database):
    """A connection of the loader to a database that may be committed to."""
    with database.connect() as connection:
        yield connection
