"""A server that says nothing more, one that takes no writes, and what each error of Postgres means."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date

import psycopg2
import pytest

from data_pipeline.exceptions import ConfigurationError, ConnectionFailedError, LoadError, TransientError
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.errors import said_plainly
from data_pipeline.warehouse.migrate import migrate
from data_pipeline.warehouse.silence import Patience
from tests.support.tables import DAILY_BAR

SHORT = Patience(quiet=0.2, asking=0.2, questions=2)
BAR = DailyBar("000000", date(2026, 9, 14), 70000, 71500, 69900, 71000, 1000, 70500000, 1420)


def silenced(proxy):
    """Bars in whose midst the server falls silent."""
    for number in range(5000):
        if number == 3000:
            proxy.silence()
        yield replace(BAR, stock_code=f"{number:06d}")


def test_silence_in_mid_load_ends(database, proxy):
    """The server acknowledges and answers nothing, on this connection or another: the load ends and may be repeated."""
    with (
        closing(connect(proxy.url(database.url()), patience=SHORT)) as connection,
        pytest.raises(ConnectionFailedError, match=r"silent for .* answers no other connection"),
    ):
        upsert(connection, DAILY_BAR, silenced(proxy), "kis")
    assert database.rows("SELECT count(*) FROM market.daily_bar") == [(0,)]


def test_silence_at_commit_ends(database, proxy):
    """Waiting for the answer to a COMMIT ends too."""
    with closing(connect(proxy.url(database.url()), patience=SHORT)) as connection:
        connection.cursor().execute("SELECT 1")
        proxy.silence()
        with pytest.raises(psycopg2.OperationalError, match="silent"):
            connection.commit()


def test_a_long_statement_of_a_server_that_answers_goes_on(database):
    """A statement may take longer than the patience with silence, as long as the server answers anybody."""
    patience = replace(SHORT, asking=30)
    with closing(connect(database.url(), patience=patience)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1)")
        assert cursor.rowcount == 1


def test_a_statement_that_never_ends_is_given_up(database):
    """Although the server answers others, waiting has its own bound."""
    patience = replace(SHORT, asking=30, longest=0.3)
    with (
        closing(connect(database.url(), patience=patience)) as connection,
        connection.cursor() as cursor,
        pytest.raises(ConnectionFailedError, match="has not ended a statement"),
        said_plainly("daily_bar"),
    ):
        cursor.execute("SELECT pg_sleep(60)")


@pytest.fixture
def standby(database):
    """The address of a database that takes no writes, as a server does after a failover."""
    with closing(psycopg2.connect(database.server.url("postgres", "admin"))) as admin:
        admin.autocommit = True
        admin.cursor().execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    return database


def test_a_failover_passes(standby):
    """A load meets a server that has become read-only: it is tried again, and the message says what else to do."""
    sentence = r"takes no writes now, as after a failover.*read-write"
    with closing(connect(standby.url())) as connection, pytest.raises(TransientError, match=sentence):
        upsert(connection, DAILY_BAR, [BAR], "kis")


def test_a_migration_waits_for_a_failover(server, standby):
    """To migrate is tried again too."""
    standby.rows("SELECT 1")
    with closing(psycopg2.connect(standby.url("admin"))) as admin:
        admin.autocommit = True
        admin.cursor().execute("SET default_transaction_read_only = off")
        admin.cursor().execute("DROP TABLE market.lease; UPDATE market.alembic_version SET version_num = '0010'")
    with pytest.raises(TransientError, match="failover"):
        migrate(standby.url("owner"))


MEANINGS = {
    "25006": (TransientError, "takes no writes now"),
    "25P03": (ConnectionFailedError, "idle for too long"),
    "40001": (TransientError, "wrote the same rows"),
    "40P01": (TransientError, "waited for each other"),
    "53100": (TransientError, "disk of the server is full"),
    "53200": (TransientError, "out of memory"),
    "53300": (TransientError, "every connection of the server is taken"),
    "55P03": (TransientError, "lock_timeout"),
    "57014": (TransientError, "statement_timeout"),
    "57P01": (ConnectionFailedError, "the server is stopping"),
    "57P02": (ConnectionFailedError, "starts again"),
    "57P03": (ConnectionFailedError, "starting, stopping or recovering"),
    "08006": (ConnectionFailedError, "broke off"),
    "08P01": (ConnectionFailedError, "broke off"),
    "57P04": (ConfigurationError, "dropped this database"),
    "22P05": (ConfigurationError, "not UTF8"),
    "42501": (ConfigurationError, "member of market_loader"),
    "42P01": (ConfigurationError, "data-pipeline migrate"),
    "58030": (LoadError, "look into its log"),
    "XX001": (LoadError, "damaged page"),
    "XX002": (LoadError, "damaged index"),
    "23514": (LoadError, "refused the rows"),
}


@pytest.mark.parametrize(("code", "kind", "words"), [(code, *meaning) for code, meaning in MEANINGS.items()])
def test_each_error_has_its_sentence(shared, code, kind, words):
    """Transient where trying again can help, and in words that say what happened."""
    with shared.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(kind, match=words) as caught, said_plainly("daily_bar"):
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'as Postgres says' USING ERRCODE = '{code}'; END $$")
        assert str(caught.value).endswith(": as Postgres says")
