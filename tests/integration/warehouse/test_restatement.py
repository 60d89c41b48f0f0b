"""The past is kept: what a change, a deletion and a repetition leave behind, and the warehouse as it was."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar, MinuteBar
from data_pipeline.market.trading_calendar import SEOUL
from tests.support.tables import DAILY_BAR, MINUTE_BAR

BAR = DailyBar("005930", date(2026, 9, 30), 70, 72, 69, 71, 10, 700, 1)
OTHER = DailyBar("000660", date(2026, 10, 1), 50, 52, 49, 51, 10, 500, 1)
MINUTES = [
    MinuteBar("005930", datetime(2026, 9, 30, 9, minute, tzinfo=SEOUL), 70, 70, 70, 70, 10, 700) for minute in (0, 1)
]


def load(database, table, records, source="kis", run_id=None):
    """One committed load; returns the server's time after it."""
    with database.connect() as connection:
        upsert(connection, table, records, source, run_id)
        connection.commit()
    return database.rows("SELECT clock_timestamp()")[0][0]


def past(database):
    """What was kept."""
    return database.rows(
        "SELECT dataset, stock_code, old_row ->> 'volume', old_source, source, run_id, operation, changed_by"
        " FROM market.restatement ORDER BY restatement_id"
    )


def as_of(database, moment):
    """Code, volume and source of each bar at a moment."""
    return database.rows(
        "SELECT stock_code, volume, source FROM market.daily_bar_as_of(%s) ORDER BY stock_code", moment
    )


def test_a_changed_minute_leaves_its_old_version(database):
    """Of two minutes of one session, the changed one alone is kept, with who changed it."""
    load(database, MINUTE_BAR, MINUTES, run_id=1)
    load(database, MINUTE_BAR, [MINUTES[0], replace(MINUTES[1], volume=20)], run_id=2)
    assert past(database) == [("minute_bar", "005930", "10", "kis", "kis", 2, "update", "market_loader")]
    assert database.rows("SELECT old_row ->> 'at' FROM market.restatement") != []


def test_each_minute_leaves_its_own_version(database):
    """Two minutes of one session change together and leave two versions, told apart by their time."""
    load(database, MINUTE_BAR, MINUTES)
    load(database, MINUTE_BAR, [replace(bar, volume=20) for bar in MINUTES])
    assert len(past(database)) == 2


@pytest.mark.parametrize(("table", "records"), [(DAILY_BAR, [BAR, OTHER]), (MINUTE_BAR, MINUTES)])
def test_the_same_again_leaves_nothing(database, table, records):
    """Identical rows, from the same or a lower source, leave no trace."""
    load(database, table, records, "kis")
    load(database, table, records, "kis")
    load(database, table, records, "kis-virtual")
    assert past(database) == []


def test_another_source_is_a_change(database):
    """When the official source confirms a bar, the provisional version is kept although the figures agree."""
    load(database, DAILY_BAR, [BAR], "kis")
    load(database, DAILY_BAR, [BAR], "krx", 3)
    assert past(database) == [("daily_bar", "005930", "10", "kis", "krx", 3, "update", "market_loader")]


def test_the_warehouse_as_it_was(database):
    """Before, between and after two corrections, a deletion and a return, each moment shows what held then."""
    start = database.rows("SELECT clock_timestamp()")[0][0]
    first = load(database, DAILY_BAR, [BAR])
    second = load(database, DAILY_BAR, [replace(BAR, volume=11), OTHER])
    third = load(database, DAILY_BAR, [replace(BAR, volume=12)], "krx")
    with database.connect("owner") as owner, owner.cursor() as cursor:
        cursor.execute("DELETE FROM market.daily_bar WHERE stock_code = '005930'")
        owner.commit()
    gone = database.rows("SELECT clock_timestamp()")[0][0]
    back = load(database, DAILY_BAR, [replace(BAR, volume=13)])
    other = ("000660", 10, "kis")
    assert as_of(database, start) == []
    assert as_of(database, first) == [("005930", 10, "kis")]
    assert as_of(database, second) == [other, ("005930", 11, "kis")]
    assert as_of(database, third) == [other, ("005930", 12, "krx")]
    assert as_of(database, gone) == [other]
    assert as_of(database, back) == [other, ("005930", 13, "kis")]
    assert [row[6] for row in past(database)] == ["update", "update", "delete"]


def test_a_reader_may_ask_for_the_past(database):
    """Both new ways of reading are open to the role that only reads."""
    load(database, DAILY_BAR, [BAR])
    with database.connect("reader") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT close FROM market.daily_bar_as_of('infinity')")
        assert cursor.fetchall() == [(71,)]
        cursor.execute("SELECT close FROM market.daily_bar_adjusted")
        assert cursor.fetchall() == [(71,)]


def test_a_change_by_hand_is_kept_too(database):
    """An update outside any load leaves the old row and the name of the user."""
    load(database, DAILY_BAR, [BAR])
    with database.connect("owner") as owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.daily_bar SET volume = 99")
        owner.commit()
    ((*_, operation, changed_by),) = past(database)
    assert (operation, changed_by) == ("update", "market_owner")
