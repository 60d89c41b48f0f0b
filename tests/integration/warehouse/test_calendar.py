"""The trading calendar in the warehouse: its reach, its corrections, and sessions that hold rows.

Facts: 28 December 2040 is the last session of the calendar; 14, 15 and 16 September 2026 are sessions; the market's
clock can be fixed where no real rows are stored.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

import pytest
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.cli import main
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.warehouse.calendar_table import keep_sessions

TUESDAY = date(2026, 9, 15)
AHEAD = date(2028, 3, 3)
BAR = (
    "INSERT INTO market.daily_bar (stock_code, session, open, high, low, close, volume, trading_value, change, source)"
    " VALUES ('005930', %s, 10, 10, 10, 10, 1, 10, 0, 'mock')"
)
KEPT = "SELECT session::date FROM market.calendar_session WHERE session BETWEEN %s AND %s ORDER BY 1"


@pytest.fixture
def told(database, tmp_path, monkeypatch):
    """The command's warehouse is this one, at an evening of 2027, with a file of corrections of its own."""
    monkeypatch.setenv("CALENDAR_CORRECTIONS", str(tmp_path / "calendar.json"))
    monkeypatch.setenv("MARKET_CLOCK", "2027-12-30T20:40")
    monkeypatch.setenv("MARKET_DB_URL", database.url("owner"))
    return database


def a_bar_of(database, day):
    """Store one bar of a day."""
    with database.connect("owner") as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
        cursor.execute("SELECT market.ensure_partitions('daily_bar', %s, %s)", (day, day))
        cursor.execute(BAR, (day,))


def close(day):
    """Type `data-pipeline calendar close`."""
    return main(["calendar", "close", str(day), "Temporary holiday", "--source", "notice"])


def test_the_sessions_reach_to_2040(database):
    """A migrated warehouse has the sessions of all years that the calendar covers, provisional ones too."""
    assert database.rows(KEPT, date(2040, 12, 27), date(2041, 12, 31)) == [(date(2040, 12, 27),), (date(2040, 12, 28),)]
    assert database.rows(KEPT, date(2028, 5, 1), date(2028, 5, 5)) == [(date(2028, 5, 3),), (date(2028, 5, 4),)]


def test_a_correction_reaches_the_warehouse_and_leaves_it(told, capsys):
    """The command tells the warehouse at once, and so does its undoing."""
    assert close(AHEAD) == 0
    assert "The warehouse has it too." in capsys.readouterr().out
    assert told.rows(KEPT, AHEAD, AHEAD) == []
    assert main(["calendar", "undo", str(AHEAD)]) == 0
    assert told.rows(KEPT, AHEAD, AHEAD) == [(AHEAD,)]


def test_a_session_with_stored_rows_is_never_closed(told, capsys):
    """Whoever wants it: the market traded. One of the past without rows can be closed."""
    a_bar_of(told, TUESDAY)
    assert close(TUESDAY) == 2
    assert "2026-09-15 cannot be closed: the warehouse holds bars" in capsys.readouterr().err.replace("\n", " ")
    assert krx_calendar().is_session(TUESDAY)
    assert close(date(2026, 9, 16)) == 0
    assert told.rows(KEPT, date(2026, 9, 14), date(2026, 9, 16)) == [(date(2026, 9, 14),), (TUESDAY,)]


def test_an_opening_with_stored_rows_is_not_taken_back(told, capsys):
    """Undoing would close the day again, so it is refused like closing."""
    holiday = date(2026, 9, 24)
    assert main(["calendar", "open", str(holiday), "--source", "notice"]) == 0
    a_bar_of(told, holiday)
    assert main(["calendar", "undo", str(holiday)]) == 2
    assert "2026-09-24 cannot be closed" in capsys.readouterr().err.replace("\n", " ")
    assert krx_calendar().is_session(holiday)


def test_rows_keep_a_session_that_the_calendar_lost(told):
    """Closed while the warehouse was out of reach, and loaded since: it stays what coverage counts."""
    assert close(AHEAD) == 0
    a_bar_of(told, date(2026, 9, 26))
    with told.connect("owner") as connection, connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO market.calendar_session VALUES ('2026-09-26')")
    assert main(["calendar", "undo", str(AHEAD)]) == 0
    assert told.rows(KEPT, date(2026, 9, 25), date(2026, 9, 27)) == [(date(2026, 9, 26),)]


def test_what_is_final_and_what_can_be_stored_follow_the_fixed_clock(told):
    """On the evening of 28 February 2028 that day is final, the next not, and its partitions can be made."""
    with told.connect("owner") as connection, connection.cursor() as cursor:
        cursor.execute("SET market.clock = '2028-02-28T20:30+09:00'")
        cursor.execute("SELECT set_config('market.clock_since', now()::text, false)")
        cursor.execute("SELECT max(session)::date FROM market.final_session")
        assert cursor.fetchone() == (date(2028, 2, 28),)
        cursor.execute("SELECT market.ensure_partitions('daily_bar', '2028-02-28', '2029-04-03')")
        assert cursor.fetchone() == (15,)
        with pytest.raises(Exception, match="no partitions of daily_bar"):
            cursor.execute("SELECT market.ensure_partitions('daily_bar', '2029-04-01', '2029-04-04')")


def test_the_last_session_of_the_calendar_becomes_final(told):
    """28 December 2040, at 20:00 and not before."""
    for at, last in (("19:59", date(2040, 12, 27)), ("20:00", date(2040, 12, 28))):
        with told.connect("owner") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT set_config('market.clock', %s, false)", (f"2040-12-28T{at}+09:00",))
            cursor.execute("SELECT set_config('market.clock_since', now()::text, false)")
            cursor.execute("SELECT max(session)::date FROM market.final_session")
            assert cursor.fetchone() == (last,)


class Recording(Cursor):
    """Notes the statements that are sent."""

    sent: ClassVar[list[str]] = []

    def execute(self, query, vars=None):  # noqa: A002 - the name is psycopg2's
        """Send it."""
        self.sent.append(query)
        super().execute(query, vars)


def test_only_what_differs_is_written(database):
    """A warehouse that is up to date is read once; of two days that differ only those are written."""
    with database.connect("owner") as connection:
        connection.cursor_factory = Recording
        Recording.sent.clear()
        keep_sessions(connection)
        assert Recording.sent == ["SELECT session::date FROM market.calendar_session"]
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM market.calendar_session WHERE session = %s", (TUESDAY,))
            cursor.execute("INSERT INTO market.calendar_session VALUES ('2026-09-26')")
        keep_sessions(connection)
        connection.commit()
    assert database.rows(KEPT, date(2026, 9, 14), date(2026, 9, 16)) == [(date(2026, 9, day),) for day in (14, 15, 16)]
    assert database.rows(KEPT, date(2026, 9, 26), date(2026, 9, 26)) == []
