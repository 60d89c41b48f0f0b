"""What may be handed in to read on, and that it is left as it was."""

import os
import subprocess
import sys
from typing import Any

import pandas as pd
import psycopg2
import pytest
import sqlalchemy

from data_pipeline.exceptions import ConfigurationError, ConnectionFailedError, TransientError
from data_pipeline.read import daily_bars, trading_sessions, warehouse
from data_pipeline.read.arrow import schema_of
from data_pipeline.read.connection import reading
from data_pipeline.read.copying import copy_tables
from data_pipeline.read.plans import plan_daily_bars
from tests.support.market_rows import FRI, SAMSUNG, THU, load, traded

IDLE = psycopg2.extensions.TRANSACTION_STATUS_IDLE
IN_TRANSACTION = psycopg2.extensions.TRANSACTION_STATUS_INTRANS


def closes(where):
    """Samsung's raw closes."""
    return daily_bars(SAMSUNG, THU, FRI, adjusted=False, connection=where)["close"].tolist()


def test_everything_that_leads_to_a_warehouse(filled):
    """An address, SQLAlchemy's address, its engine and its connection, a psycopg2 connection with autocommit."""
    url = filled.url("reader")
    assert closes(url) == [2650000, 51900]
    assert closes(url.replace("postgresql://", "postgresql+psycopg2://")) == [2650000, 51900]
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    assert closes(engine) == [2650000, 51900]
    with engine.connect() as connection:
        assert closes(connection) == [2650000, 51900]
    engine.dispose()
    with filled.connect("reader") as connection:
        connection.autocommit = True
        assert closes(connection) == [2650000, 51900]
        assert connection.info.transaction_status == IDLE


def test_other_drivers_are_refused_by_name(filled):
    """What is not psycopg2 cannot COPY as is done here; the message says what can."""
    import psycopg

    with psycopg.connect(filled.url("reader")) as other, pytest.raises(ConfigurationError, match=r"not psycopg\."):
        closes(other)
    with pytest.raises(ConfigurationError, match=r"not builtins\.int"):
        closes(5)


def test_an_idle_connection_is_left_idle_with_its_settings(filled_reader):
    """Its zone, its date style and its state are what they were."""
    with filled_reader.cursor() as cursor:
        cursor.execute("SET timezone = 'America/New_York'; SET datestyle = 'SQL, DMY'; SET extra_float_digits = -13")
        filled_reader.commit()
        assert closes(filled_reader) == [2650000, 51900]
        assert trading_sessions(THU, THU, connection=filled_reader)["final_at"][0] == pd.Timestamp(
            "2026-09-10T18:00+09:00"
        )
        assert daily_bars(SAMSUNG, THU, FRI, connection=filled_reader)["close"].tolist() == [53000.0, 51900.0]
        assert filled_reader.info.transaction_status == IDLE
        cursor.execute("SELECT current_setting('timezone'), current_setting('datestyle')")
        assert cursor.fetchone() == ("America/New_York", "SQL, DMY")


def test_another_client_encoding(filled_reader):
    """Korean names come whole over a connection that speaks EUC-KR."""
    from data_pipeline.read import instruments

    filled_reader.set_client_encoding("EUC_KR")
    assert instruments(connection=filled_reader)["name"].tolist()[0] == "종목 000020"


def test_a_transaction_sees_its_own_rows_and_goes_on(database, connection, three_issues):
    """Read on the loader's own transaction: uncommitted rows are there, and are still there to commit afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE market.daily_bar SET trading_value = 1 WHERE stock_code = %s", (SAMSUNG,))
        bars = daily_bars(SAMSUNG, THU, FRI, connection=connection)
        assert bars["trading_value"].tolist() == [1, 1]
        assert connection.info.transaction_status == IN_TRANSACTION
        cursor.execute("SELECT count(*) FROM market.daily_bar WHERE trading_value = 1")
        assert cursor.fetchone() == (2,)


def test_a_failure_leaves_the_connection_usable(filled_reader):
    """An error in the middle of COPY comes out as it is, and the next read works."""

    class StopError(Exception):
        pass

    def stop(table):
        raise StopError

    plan = plan_daily_bars(None, THU, FRI, adjusted=False)
    for block in (1, 1 << 20):  # with the first row, and with the last
        with pytest.raises(StopError), reading(filled_reader, "daily_bars") as cursor:
            copy_tables(cursor, plan.query(cursor), schema_of(plan.frame), stop, block)
        assert filled_reader.info.transaction_status == IDLE
    assert closes(filled_reader) == [2650000, 51900]


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_blocks_are_bounded_whatever_the_number_of_rows(filled_reader, block):
    """No table holds more text than one block and one row; together they are the rows, in order."""
    tables: list[Any] = []
    plan = plan_daily_bars(None, THU, FRI, adjusted=False)
    with reading(filled_reader, "daily_bars") as cursor:
        rows = copy_tables(cursor, plan.query(cursor), schema_of(plan.frame), tables.append, block)
    assert rows == sum(table.num_rows for table in tables) == 6
    longest = len("005930,2026-09-10,2650000,2650000,2650000,2650000,100,265000000,0,krx\n")
    assert max(table.num_rows for table in tables) <= 1 + block // 40
    assert len(tables) >= min(6, 300 // (block + longest))
    assert [close for table in tables for close in table["close"].to_pylist()] == [777, 780, 1000, 1000, 2650000, 51900]


def test_one_snapshot_for_the_check_and_the_rows(database, connection, reader, three_issues):
    """What is loaded between the check and the rows is not in the frame."""
    with reading(reader, "daily_bars") as cursor:
        query = plan_daily_bars(SAMSUNG, THU, FRI, adjusted=False).query(cursor)
        load(connection, [traded(THU, 2640000, 0)], "krx")
        cursor.execute(query)
        assert [row[5] for row in cursor.fetchall()] == [2650000, 51900]


def test_nothing_can_be_written_meanwhile(filled):
    """Even on the owner's connection the transaction is read-only."""
    with (
        filled.connect("owner") as owner,
        pytest.raises(Exception, match="read-only transaction"),
        reading(owner, "daily_bars") as cursor,
    ):
        cursor.execute("DELETE FROM market.daily_bar")


def test_nothing_can_be_written_in_a_transaction_of_the_caller(database, connection, three_issues):
    """It is read-only for as long as the read lasts, and the caller writes on afterwards."""
    change = "UPDATE market.daily_bar SET trading_value = 1"
    with connection.cursor() as own:
        own.execute(change)
        with pytest.raises(Exception, match="read-only transaction"), reading(connection, "daily_bars") as cursor:
            cursor.execute("DELETE FROM market.daily_bar")
        assert connection.info.transaction_status == IN_TRANSACTION
        own.execute(change)


def test_a_read_ends_after_an_hour_unless_told_otherwise(filled):
    """Whichever way the warehouse was named; the error says that it took too long and is not about a load."""
    address = filled.url("reader")

    def limit(where):
        with reading(where, "daily_bars") as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            ((found,),) = cursor.fetchall()
            return found

    assert limit(address) == "1h"
    with warehouse({"MARKET_DB_URL": address}) as connection:
        assert limit(connection) == "1h"
    with warehouse({"MARKET_DB_URL": address}, timeout_s=None) as connection:
        assert limit(connection) == "0"
    stopped = pytest.raises(TransientError, match="daily_bars: Postgres stopped it: the statement took longer")
    with (
        warehouse({"MARKET_DB_URL": address}, timeout_s=0.01) as connection,
        stopped,
        reading(connection, "daily_bars") as cursor,
    ):
        cursor.execute("SELECT count(*) FROM generate_series(1, 1000000000)")


def test_the_warehouse_of_the_settings(filled, tmp_path):
    """MARKET_DB_URL names it; without it and without an embedded server the message says how to get one."""
    with warehouse({"MARKET_DB_URL": filled.url("reader")}) as connection:
        assert closes(connection) == [2650000, 51900]
    assert connection.closed
    missing = pytest.raises(ConfigurationError, match=r"there is no warehouse yet: `make run`.*MARKET_DB_URL")
    with missing, warehouse({"DATA_PIPELINE_HOME": str(tmp_path)}):
        pass
    unreachable = pytest.raises(ConnectionFailedError, match=r"someone@127\.0\.0\.1:1/market cannot be reached")
    with unreachable, warehouse({"MARKET_DB_URL": "postgresql://someone:hidden@127.0.0.1:1/market"}):
        pass


def test_the_embedded_warehouse(server):
    """Read by the role that cannot write; without credentials it is the database of made-up rows that is wanted."""
    home = {"DATA_PIPELINE_HOME": str(server.directory.parent)}
    with warehouse({**home, "KIS_APP_KEY": "key", "KIS_APP_SECRET": "secret"}) as connection:
        assert connection.info.user == "market_reader"
        assert connection.info.dbname == "market"
    assert server.running
    missing = pytest.raises(ConfigurationError, match="market_sandbox: there is no such database")
    with missing, warehouse(home):
        pass


def test_a_database_without_the_schema_is_named(server):
    """A Postgres that was never migrated is a wrong setting, said so."""
    with pytest.raises(ConfigurationError, match="not migrated"):
        trading_sessions(THU, FRI, connection=server.url("postgres", "admin"))


@pytest.mark.thorough
def test_the_package_stays_light():
    """Neither the package nor the start of the command loads pandas or Arrow; reading does."""
    code = "import sys, data_pipeline, data_pipeline.cli; print({'pandas', 'pyarrow'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "set()"
