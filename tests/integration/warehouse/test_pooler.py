"""A pooler in transaction mode: every transaction may have another session, and startup options are refused."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import psycopg2
import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.calendar_check import check_calendar
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.loading.rows.commit import commit_run
from data_pipeline.loading.rows.ingest_run import finish_run, start_run
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.records import DailyBar, MarketDay
from data_pipeline.market.window import Window
from data_pipeline.read import frame
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.migrate import migrate
from tests.support.pooler import pooler, through
from tests.support.tables import DAILY_BAR

__all__ = ["pooler"]

TUESDAY = date(2026, 9, 22)
BAR = DailyBar("000000", date(2026, 9, 14), 70000, 71500, 69900, 71000, 1000, 70500000, 1420)
BARS = [replace(BAR, stock_code=f"{number:06d}") for number in range(1200)]
MIXED = [replace(bar, volume=1001) if number % 10 == 0 else bar for number, bar in enumerate(BARS)]


class Exchange(MockDataSource):
    """A source that says of a week which days are open: 24 and 25 September 2026 are Chuseok."""

    name = "kis-sandbox"
    requests_sent = 1

    def market_days(self, first):
        """Yield the week."""
        return iter([MarketDay(TUESDAY + timedelta(days=n), is_open=n in (0, 1, 6)) for n in range(7)])


def load(connection, records):
    """Load as a task does, and return the counts."""
    run_id = start_run(connection, "daily_bar", "kis")
    connection.commit()
    counts = upsert(connection, DAILY_BAR, iter(records), "kis", run_id)
    finish_run(connection, run_id, counts)
    assert commit_run(connection, run_id) is connection
    return counts


@pytest.mark.thorough
def test_migrate_load_and_read(server, pooler):
    """An empty database is migrated, loaded in all three ways, and read, through the pooler alone."""
    with closing(psycopg2.connect(server.url("postgres", "admin"))) as admin:
        admin.autocommit = True
        admin.cursor().execute("CREATE DATABASE behind OWNER market_owner")
        try:
            migrate(through(server.url("behind"), pooler))
            with closing(connect(through(server.url("behind", "loader"), pooler))) as connection:
                assert load(connection, BARS) == LoadCounts(inserted=1200)
                assert load(connection, MIXED) == LoadCounts(updated=120, unchanged=1080)
                assert load(connection, BARS[:5]) == LoadCounts(updated=1, unchanged=4)
            url = through(server.url("behind", "reader"), pooler)
            read = frame(
                "daily_bar", codes=["000010"], first=BAR.session, last=BAR.session, connection=url, complete=False
            )
            assert list(read["volume"]) == [1001]
        finally:
            admin.cursor().execute("DROP DATABASE behind WITH (FORCE)")


@pytest.mark.thorough
def test_open_days_are_asked_for_in_turn(database, pooler):
    """Two checks after each other get through, and neither a lock nor a lease is left behind."""
    for _ in range(2):
        with closing(connect(through(database.url(), pooler))) as connection:
            counts = check_calendar(
                connection, Exchange(), DATASETS["trading_session"], Window((), TUESDAY, TUESDAY), Run()
            )
            assert counts["inserted"] + counts["unchanged"] == 7
    assert database.rows("SELECT count(*) FROM market.lease") == [(0,)]
    held = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory'"
    assert database.rows(f"{held} AND datname = current_database()") == [(0,)]


@pytest.mark.thorough
def test_nothing_outlives_a_transaction(database, pooler):
    """A load of many rows leaves no temporary table and no setting in sessions that go to other clients."""
    with closing(connect(through(database.url(), pooler), statement_timeout=77, lock_timeout=7)) as connection:
        load(connection, BARS)
        load(connection, MIXED)
        assert database.rows("SELECT count(*) FROM pg_class WHERE relpersistence = 't'") == [(0,)]
    with closing(psycopg2.connect(through(database.url(), pooler))) as other, other.cursor() as cursor:
        for _ in range(3):
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
            assert cursor.fetchone() == ("0", "0")
            other.commit()


def test_settings_hold_in_every_transaction(database, pooler):
    """Timeouts, schemas and the fixed clock are there whichever session answers."""
    with closing(connect(through(database.url(), pooler), lock_timeout=1.5, environ={})) as connection:
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "search_path")
        for _ in range(3):
            with connection, connection.cursor() as cursor:
                cursor.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}")
                assert cursor.fetchone() == ("1500ms", "1h", "2min", "market, public")
    fixed = {"MARKET_CLOCK": "2026-09-22T19:59"}
    with closing(connect(through(database.url(), pooler), environ=fixed)) as connection:
        for _ in range(3):
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT (market.now() AT TIME ZONE 'Asia/Seoul')::date")
                assert cursor.fetchone() == (TUESDAY,)


def test_options_of_the_address_are_named(database, pooler):
    """What the pooler does not take is a setting that somebody has to change, and the message says which."""
    with pytest.raises(ConfigurationError, match="ignore_startup_parameters = options"):
        connect(through(database.url(), pooler) + "?options=-c%20geqo%3Doff")
