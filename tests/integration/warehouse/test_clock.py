"""The market's clock in SQL: the server's, or a fixed one that runs on, and never a fixed one among real rows.

Facts: the figures of 22 September 2026 are final at 20:00 in Seoul; 31 December 2027 closes, 30 December is a session.
"""

from contextlib import closing
from datetime import date, datetime, timedelta

import psycopg2
import pytest
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

from data_pipeline.engine.expected import final_sessions
from data_pipeline.loading.rows.stored import ensure_coming_months
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.read import trading_sessions
from data_pipeline.warehouse.connect import connect, reopener

TUESDAY = date(2026, 9, 22)
WITHIN = timedelta(minutes=1)


def fixed(moment):
    """The variables that fix the clock."""
    return {"MARKET_CLOCK": moment}


def asked(connection, statement, *values):
    """The one value of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


def is_final(connection):
    """Whether the Tuesday's figures no longer change."""
    return asked(connection, "SELECT EXISTS (SELECT FROM market.final_session WHERE session = %s)", TUESDAY)


@pytest.mark.parametrize("role", ["owner", "loader", "reader"])
def test_it_is_the_servers_unless_it_is_fixed(database, role):
    """To the microsecond; and whoever connects, a fixed one is set outside of any transaction of theirs."""
    with closing(connect(database.url(role), environ={})) as connection:
        assert asked(connection, "SELECT market.now() = now()")
    with closing(connect(database.url(role), environ=fixed("2026-09-22T19:59"))) as connection:
        assert connection.info.transaction_status == TRANSACTION_STATUS_IDLE
        connection.rollback()
        told = asked(connection, "SELECT market.now()")
        assert timedelta() <= told - datetime(2026, 9, 22, 19, 59, tzinfo=SEOUL) < WITHIN


def test_it_runs_on_by_the_servers_clock(database):
    """Two hours after it was fixed it is two hours later, whatever the session's zone and style of dates."""
    with database.connect() as connection:
        asked(connection, "SELECT set_config('market.clock', '2026-09-22T19:59:00+09:00', false)")
        two_hours = "to_char(now() AT TIME ZONE 'UTC' - interval '2 hours', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00\"')"
        asked(connection, f"SELECT set_config('market.clock_since', {two_hours}, false)")
        asked(connection, "SELECT set_config('datestyle', 'SQL, DMY', false)")
        asked(connection, "SELECT set_config('timezone', 'America/New_York', false)")
        assert asked(connection, "SELECT market.now() = timestamptz '2026-09-22 21:59:00+09'")


def test_another_connection_to_the_same_place_has_it(database, monkeypatch):
    """As when the first one broke off in a commit."""
    monkeypatch.setenv("MARKET_CLOCK", "2026-09-22T19:59")
    with database.connect() as first, closing(reopener(first)()) as second:
        assert abs(asked(second, "SELECT market.now()") - asked(first, "SELECT market.now()")) < WITHIN


def test_real_rows_know_the_servers_clock_only(database):
    """Where rows of the exchange may be stored, a fixed clock is taken no notice of."""
    environ = fixed("2026-09-22T19:59")
    with closing(connect(database.url("owner"), environ=environ)) as connection, connection:
        asked(connection, "SELECT market.admit_source('mock')")
        assert not asked(connection, "SELECT market.now() = now()")
        connection.rollback()
        asked(connection, "SELECT market.admit_source('kis')")
        assert asked(connection, "SELECT market.now() = now()")


def test_what_is_final_follows_it(database, monkeypatch):
    """In the view behind coverage, in the frame of sessions, and in what counts as a whole session."""
    for moment, final in (("2026-09-22T19:58", False), ("2026-09-22T20:01", True)):
        monkeypatch.setenv("MARKET_CLOCK", moment)
        with database.connect("reader") as connection:
            assert is_final(connection) is final
            frame = trading_sessions(TUESDAY, TUESDAY, connection=connection)
            assert list(frame["is_final"]) == [final]
            late = datetime(2026, 9, 22, 21, tzinfo=SEOUL)
            assert final_sessions(connection, [TUESDAY], late) == ([TUESDAY] if final else [])


def test_partitions_are_made_for_its_days(database, monkeypatch):
    """A session of 2040 lies too far ahead of 2026 and not of 2039; the months after it come with its list."""
    far = date(2040, 1, 4)
    statement = "SELECT market.ensure_partitions('daily_bar', %s, %s)"
    with database.connect() as connection, pytest.raises(psycopg2.errors.InvalidParameterValue, match="no partitions"):
        asked(connection, statement, far, far)
    monkeypatch.setenv("MARKET_CLOCK", "2039-12-30T20:40")
    with database.connect() as connection:
        assert asked(connection, statement, far, far) == 1
        assert ensure_coming_months(connection, date(2038, 12, 30)) == 0
        assert ensure_coming_months(connection, date(2039, 12, 30)) > 0
