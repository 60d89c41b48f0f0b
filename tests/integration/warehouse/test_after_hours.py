"""What the migration to trades outside of regular hours makes of a warehouse of the version before."""

from __future__ import annotations

from contextlib import closing
from datetime import date

import psycopg2
import pytest

from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.migrate import migrate
from tests.support.old_warehouse import warehouse_before
from tests.support.tables import DAILY_BAR

TUE, THU, FRI = date(2026, 9, 1), date(2026, 9, 3), date(2026, 9, 4)
ACTION = (
    "INSERT INTO market.price_adjustment (stock_code, session, factor, previous_close, base_price, source)"
    " VALUES (%s, '2026-09-04', %s, 4300, %s, 'mock')"
)
ADJUSTED = "SELECT stock_code, session, kind FROM market.price_adjustment ORDER BY 1"
LATE = (
    "INSERT INTO market.daily_bar (stock_code, session, open, high, low, close, volume, trading_value, change, source)"
    " VALUES ('900001', '2026-09-02', 0, 0, 0, 9100, 57, 518700, 0, 'mock')"
)
MINUTE = (
    "INSERT INTO market.minute_bar (stock_code, at, session, open, high, low, close, volume, trading_value, source)"
    " VALUES ('900001', '2026-09-02 10:00+09', '2026-09-02', 0, 0, 0, 9100, 57, 518700, 'mock')"
)
HELD = (
    "INSERT INTO market.rejected_row (dataset, stock_code, session, payload, reason, source, origin, tried_at)"
    " VALUES ('daily_bar', '900001', '2026-09-02', %s, %s, 'mock', 'record', '2026-09-03 21:00+09')"
)
REASONS = [
    "base: base price 8000 after close 4300",
    "duplicate: came 2 times with different values",
    "the values contradict each other: daily bar 900001 2026-09-02: volume 57 without an open, high and low",
]


@pytest.fixture
def address(server, tmp_path):
    """The address of a database as the version before left it."""
    with warehouse_before(server, "0008", tmp_path) as url:
        yield url


def rows(connection, query):
    """What a query finds."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def run(connection, statement, *values):
    """Execute and commit."""
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values)


def issue(code, session, market, listed_on):
    """One instrument of a list."""
    return Instrument(code, f"KR7{code}009", "가나전자", market, "ST", session, listed_on)


def adjusted_in_error(connection):
    """As stored before: a move from KONEX taken for an action, and beside it a real split."""
    born = date(2020, 1, 6)
    lists = {TUE: ("KONEX", born), FRI: ("KOSDAQ", FRI)}
    bars = [DailyBar(code, THU, 0, 0, 0, 4300, 0, 0, 0) for code in ("900001", "900002")]
    bars += [
        DailyBar("900001", FRI, 16_000, 16_500, 13_000, 14_000, 10, 140_000, 6000),
        DailyBar("900002", FRI, 430, 430, 430, 430, 10, 4300, 0),
    ]
    with connection:
        upsert(connection, DAILY_BAR, bars, "mock")
        for session, (market, listed_on) in lists.items():
            known = issue("900001", session, market, listed_on), issue("900002", session, "KOSDAQ", born)
            keep_list(connection, known, "mock")
        with connection.cursor() as cursor:
            for code, base in (("900001", 8000), ("900002", 430)):
                cursor.execute(ACTION, (code, base / 4300, base))


@pytest.fixture
def old(address):
    """A connection to it, with the factors that the version before had worked out."""
    with closing(connect(address)) as connection:
        adjusted_in_error(connection)
        yield connection


def test_a_move_with_an_offer_is_no_longer_an_action(old, address):
    """The factor of the move is removed, that of the split stays."""
    assert rows(old, ADJUSTED) == [("900001", FRI, "action"), ("900002", FRI, "action")]
    old.rollback()
    migrate(address)
    assert rows(old, ADJUSTED) == [("900002", FRI, "action")]


def test_days_without_an_open_may_be_stored_and_minutes_may_not(old, address):
    """A day of 57 shares after hours was refused before; a minute of them still is."""
    with pytest.raises(psycopg2.errors.CheckViolation):
        run(old, LATE)
    migrate(address)
    run(old, LATE)
    run(old, "SELECT market.ensure_partitions('minute_bar', '2026-09-02', '2026-09-02')")
    with pytest.raises(psycopg2.errors.CheckViolation):
        run(old, MINUTE)


def test_rows_that_the_old_rules_refused_are_tried_again(old, address):
    """Those of bases, limits and days without an open count as never tried; a duplicate stays as it is."""
    for number, reason in enumerate(REASONS):
        run(old, HELD, f'{{"number": {number}}}', reason)
    migrate(address)
    tried = "SELECT reason, tried_at IS NULL FROM market.rejected_row ORDER BY 1"
    assert rows(old, tried) == [(REASONS[0], True), (REASONS[1], False), (REASONS[2], True)]
