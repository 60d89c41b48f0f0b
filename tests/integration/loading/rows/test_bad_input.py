"""Input and servers that a load cannot have: the table stays as it was, the error says why, the next try succeeds."""

from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from data_pipeline.exceptions import InvalidRequestError, LoadError, TransientError
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.records import DailyBar, MarketDay
from data_pipeline.warehouse.connect import connect
from tests.support.tables import DAILY_BAR

DAY = date(2026, 9, 14)
BAR = DailyBar("000000", DAY, 70000, 71500, 69900, 71000, 1000, 70500000, 1420)
BARS = [replace(BAR, stock_code=f"{number:06d}") for number in range(1200)]
LAST = BARS[-1]
STORED = replace(BAR, stock_code="000001", volume=7)

pytestmark = pytest.mark.parametrize(("number", "expect_empty"), [(5, False), (1200, False), (1200, True)])
"""A few rows, many rows, and many rows that nothing is expected to stand in the way of."""


def loaded(database):
    """Code and volume of every bar, in order."""
    return database.rows("SELECT stock_code, volume FROM market.daily_bar ORDER BY stock_code")


def refused(database, records, error, match, expect_empty):
    """The load fails with this error, changes nothing, and succeeds on the same connection without its last record."""
    with database.connect() as connection:
        upsert(connection, DAILY_BAR, [STORED], "kis")
        connection.commit()
    before = loaded(database)
    with database.connect() as connection:
        with pytest.raises(error, match=match):
            upsert(connection, DAILY_BAR, iter(records), "kis", expect_empty=expect_empty)
        connection.rollback()
        assert loaded(database) == before == [("000001", 7)]
        yield
        assert upsert(connection, DAILY_BAR, records[:-1], "kis", expect_empty=expect_empty) == LoadCounts(
            inserted=len(records) - 2, updated=1
        )
        connection.commit()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"session": None}, "None.*stock_code 009999, session None"),
        ({"change": 1.5}, "1.5.*stock_code 009999, session 2026-09-14"),
        ({"trading_value": 2**63}, f"{2**63}.*stock_code 009999, session 2026-09-14"),
        ({"session": "2026-02-30"}, "2026-02-30.*stock_code 009999, session 2026-02-30"),
        ({"session": date(1900, 1, 1)}, "1900"),
    ],
)
def test_value_that_does_not_fit(database, number, expect_empty, wrong, match):
    """A value of another type or out of range is named with its row."""
    records = [*BARS[:number], replace(LAST, stock_code="009999", **wrong)]
    list(refused(database, records, LoadError, match, expect_empty))


def test_record_that_is_none(database, number, expect_empty):
    """A record of another class, or one that cannot be text, is named before Postgres sees it."""
    list(
        refused(
            database, [*BARS[:number], MarketDay(DAY, is_open=True)], InvalidRequestError, "MarketDay", expect_empty
        )
    )
    no_day: Any = []
    odd = replace(LAST, stock_code="009999", session=no_day)
    with database.connect() as connection, pytest.raises(InvalidRequestError, match="009999"):
        upsert(connection, DAILY_BAR, [*BARS[:number], odd], "kis", expect_empty=expect_empty)


def test_two_records_with_one_key(database, number, expect_empty):
    """Two records of one cell are named, also when a stored row says what one of them says."""
    records = [*BARS[:number], replace(BARS[1], volume=7)]
    list(refused(database, records, LoadError, "two records.*stock_code 000001, session 2026-09-14", expect_empty))


def test_full_disk(database, number, expect_empty):
    """A server whose disk is full says so; once there is room the same load succeeds."""
    records = [*BARS[:number], replace(LAST, stock_code="009999")]
    with database.connect("owner") as owner, owner.cursor() as cursor:
        cursor.execute("SELECT market.ensure_partitions('daily_bar', %s, %s)", (DAY, DAY))
        cursor.execute(
            "CREATE FUNCTION market.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NEW.stock_code = '000001' THEN RETURN NEW; END IF;"
            " RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';"
            " END $$; CREATE TRIGGER full_disk BEFORE INSERT ON market.daily_bar FOR EACH ROW"
            " EXECUTE FUNCTION market.full()"
        )
        owner.commit()
        for _ in refused(database, records, TransientError, "No space left on device", expect_empty):
            cursor.execute("DROP TRIGGER full_disk ON market.daily_bar")
            owner.commit()


@pytest.mark.thorough
def test_lock_timeout(database, number, expect_empty):
    """A table that somebody locks is worth another try, which succeeds once the lock is gone."""
    with database.connect("owner") as owner, owner.cursor() as cursor:
        cursor.execute("SELECT market.ensure_partitions('daily_bar', %s, %s)", (DAY, DAY))
        owner.commit()
        with database.connect() as connection:
            upsert(connection, DAILY_BAR, [STORED], "kis")
            connection.commit()
        cursor.execute("LOCK TABLE market.daily_bar IN SHARE MODE")
        with closing(connect(database.url(), lock_timeout=0.2)) as connection:
            with pytest.raises(TransientError, match="lock timeout"):
                upsert(connection, DAILY_BAR, BARS[:number], "kis", expect_empty=expect_empty)
            connection.rollback()
            owner.rollback()
            assert upsert(connection, DAILY_BAR, BARS[:number], "kis", expect_empty=expect_empty).loaded == number


@pytest.mark.thorough
def test_year_without_partitions(database, number, expect_empty):
    """Rows of months that have no partition yet get one, wherever in the load they come."""
    records = [*BARS[:number], replace(LAST, session=date(2024, 2, 1))]
    with database.connect() as connection:
        assert upsert(connection, DAILY_BAR, records, "kis", expect_empty=expect_empty).inserted == number + 1
        connection.commit()
    assert len(loaded(database)) == number + 1
