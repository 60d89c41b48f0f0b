"""A filled warehouse of every released schema, and of the one in progress, becomes one of the newest without a loss."""

from contextlib import closing
from datetime import date, timedelta

import psycopg2
import pytest

from data_pipeline.loading.coverage.proofs import contradictions
from data_pipeline.loading.coverage.seals import months_to_verify, verify_seals
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.migrate import migrate, newest_version, rehearse
from tests.support.market_rows import SAMSUNG, ZEROS
from tests.support.old_months import AUG, OCT, SEP, SESSIONS, minutes_of
from tests.support.old_warehouse import RELEASES, warehouse_before
from tests.support.tables import MINUTE_BAR

KEPT = {
    "daily_bar": "stock_code, session, open, high, low, close, volume, trading_value, change, source, loaded_at",
    "minute_bar": "stock_code, at, session, open, high, low, close, volume, trading_value, source, loaded_at",
    "price_snapshot": "stock_code, observed_at, session, stock_name, current_price, change_rate, volume, source",
    "order_book": "stock_code, observed_at, session, stock_name, bid_prices, ask_prices, total_ask_volume, source",
    "restatement": "dataset, stock_code, session, old_row, source, operation, loaded_at",
    "rejected_row": "dataset, stock_code, session, payload, reason, source, loaded_at",
    "ingest_run": "run_id, dataset, source, status",
}
"""What a user's queries may rest on: tables and columns of 0.1 whose rows no upgrade changes."""
ISSUE = """
    INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, halted, managed,
        liquidation, preferred, source, listed_from)
    SELECT code, 'KR7' || code || '003', '종목', 'KOSPI', 'ST', '2026-10-01', '2026-08-31', false, false, false, false,
        'mock', '2026-08-31' FROM unnest(%s) code
"""
DAILY = """
    INSERT INTO market.daily_bar (stock_code, session, open, high, low, close, volume, trading_value, change, source)
    VALUES (%s, %s, 100, 120, 90, 95, 40, 4050, 1, 'mock')"""
MINUTE = """
    INSERT INTO market.minute_bar (stock_code, at, session, open, high, low, close, volume, trading_value, source)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 10, %s, 'mock')"""
PRICE = """INSERT INTO market.price_snapshot (stock_code, observed_at, session, stock_name, current_price, change_price,
    change_rate, open_price, high_price, low_price, volume, trading_value, source)
    VALUES (%s, %s, %s, '종목', 95, 1, 1.06, 100, 120, 90, 40, 4050, 'mock')"""
BOOK = """INSERT INTO market.order_book (stock_code, observed_at, session, stock_name, bid_prices, bid_volumes,
    ask_prices, ask_volumes, total_bid_volume, total_ask_volume, source)
    VALUES (%s, %s, %s, '종목', '{94,93}', '{1,2}', '{95}', '{3}', 3, 3, 'mock')"""
WHOLE = {
    "0.1": """INSERT INTO market.loaded_day (dataset, stock_code, session, rows, source)
        VALUES ('minute_bar', %s, %s, 4, 'mock')""",
    "in progress": """INSERT INTO market.proof (dataset, stock_code, session, state, proof, rows, source)
        VALUES ('minute_bar', %s, %s, 'whole', 'x', 4, 'mock')""",
}


def fill(url, release):
    """Store three sessions of two instruments with SQL alone, as that release's loads left them."""
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
        for table in ("daily_bar", "minute_bar", "price_snapshot", "order_book"):
            cursor.execute("SELECT market.ensure_partitions(%s, %s, %s)", (table, AUG, OCT))
        cursor.execute("INSERT INTO market.calendar_session SELECT unnest(%s) ON CONFLICT DO NOTHING", ([*SESSIONS],))
        cursor.execute(ISSUE, ([SAMSUNG, ZEROS],))
        for code in (SAMSUNG, ZEROS):
            for table in ("daily_bar", "minute_bar"):
                cursor.execute("INSERT INTO market.coverage_start VALUES (%s, %s, %s)", (table, code, AUG))
            for day in SESSIONS:
                cursor.execute(DAILY, (code, day))
                for bar in minutes_of(code, day):
                    price = bar.close
                    cursor.execute(MINUTE, (code, bar.at, day, price, price, price, price, 10 * price))
                cursor.execute(PRICE, (code, bar.at, day))
                cursor.execute(BOOK, (code, bar.at, day))
                cursor.execute(WHOLE[release], (code, day))
        cursor.execute("UPDATE market.daily_bar SET close = 96 WHERE session = %s AND stock_code = %s", (OCT, ZEROS))
        cursor.execute("""INSERT INTO market.rejected_row (dataset, stock_code, session, payload, reason, source)
            VALUES ('daily_bar', '000020', '2026-09-01', '{"a": 1}', 'limit: x', 'mock')""")
        cursor.execute("""INSERT INTO market.ingest_run (dataset, source, status, finished_at)
            VALUES ('daily_bar', 'mock', 'failed', '2026-10-01 20:40+09')""")


def asked(url, query):
    """Return what the owner reads."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def contents(url):
    """The rows of every table that no upgrade changes."""
    query = "SELECT {} FROM market.{} ORDER BY 1, 2, 3"
    return {table: asked(url, query.format(columns, table)) for table, columns in KEPT.items()}


@pytest.fixture(params=RELEASES)
def upgraded(request, server, tmp_path):
    """The address of a filled warehouse of a release, after the upgrade, and what it held before."""
    with warehouse_before(server, RELEASES[request.param], tmp_path) as url:
        fill(url, request.param)
        before = contents(url)
        assert [len(rows) for rows in before.values()] == [6, 24, 6, 6, 1, 1, 1]
        plan = rehearse(url)
        assert contents(url) == before
        assert plan.after == newest_version()
        migrate(url)
        yield url, before


@pytest.mark.thorough
def test_nothing_that_was_stored_is_lost(upgraded):
    """Every row of every release reads as before, is sealed, fits its seal, and contradicts no proof."""
    url, before = upgraded
    assert contents(url) == before
    with closing(connect(url)) as connection:
        verified = [*verify_seals(connection, months_to_verify(connection))]
        assert sum(one.rows for one in verified) == 6 + 24 + 6 + 6
        assert [finding for one in verified for finding in one.findings] == []
        assert [*contradictions(connection, "minute_bar", AUG, OCT)] == []
    assert asked(url, f"SELECT loaded FROM market.coverage WHERE dataset = 'minute_bar' AND session = '{SEP}'") == [
        (2,)
    ]


@pytest.mark.thorough
def test_loads_and_archives_go_on(upgraded):
    """Whatever release made a partition, it takes rows, finds its moments, and can be let go."""
    url, _ = upgraded
    later = [bar for day in (OCT, OCT + timedelta(days=1)) for bar in minutes_of(SAMSUNG, day)]
    with closing(connect(url)) as connection, connection:
        assert upsert(connection, MINUTE_BAR, later, "mock").inserted == 4
    ((plan,),) = asked(
        url, "EXPLAIN (FORMAT JSON) SELECT * FROM market.minute_bar WHERE at >= '2026-09-01' AND at < '2026-09-02'"
    )
    assert "minute_bar_2026_09" in str(plan)
    assert "minute_bar_2026_08" not in str(plan)
    for month in (date(2026, 8, 1), date(2026, 9, 1)):
        assert asked(url, f"SELECT market.drop_month('minute_bar', '{month}')") == [(8,)]


@pytest.mark.thorough
def test_twice_is_once(upgraded):
    """A second migration has nothing to do."""
    url, _ = upgraded
    plan = rehearse(url)
    assert (plan.before, plan.told, plan.changes) == (newest_version(), (), ())
