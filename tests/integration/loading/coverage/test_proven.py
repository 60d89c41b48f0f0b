"""Which sessions are proven, with holes and doubts that are made by hand.

Facts: 14 to 18 September 2026 (Monday to Friday) are sessions. Two instruments are listed, and daily bars of both are
expected from the 14th on.
"""

from datetime import date

import pytest

from data_pipeline.loading.coverage.proven import proven_sessions
from tests.support.five_sessions import CODES, bars, prepare

MONDAY, THURSDAY, FRIDAY = date(2026, 9, 14), date(2026, 9, 17), date(2026, 9, 18)


@pytest.fixture
def cursor(shared):
    """A warehouse in which Monday and Friday are whole and one bar of Tuesday came; nothing is committed."""
    with shared.connect("owner") as connection, connection.cursor() as cursor:
        prepare(cursor)
        bars(cursor, *((code, day) for code in CODES for day in (14, 18)), (CODES[0], 15))
        yield cursor
        connection.rollback()


def proven(cursor, known=None):
    """Those of the week that are not as known."""
    return proven_sessions(cursor.connection, "daily_bar", MONDAY, FRIDAY, known or {})


def test_a_session_with_a_hole_is_not_proven(cursor):
    """Tuesday lacks a bar, and of Wednesday and Thursday nothing came."""
    assert [(one.session, one.rows, one.stage) for one in proven(cursor)] == [
        (MONDAY, 2, "provisional"),
        (FRIDAY, 2, "provisional"),
    ]


def test_a_session_that_a_proof_doubts_is_not_proven(cursor):
    """All its rows are there, and two answers differ."""
    cursor.execute(
        "INSERT INTO market.proof (dataset, stock_code, session, state, proof, rows, source, ask_again)"
        " VALUES ('daily_bar', '005930', '2026-09-18', 'doubted', 'two answers differ', 1, 'mock', NULL)"
    )
    assert [one.session for one in proven(cursor)] == [MONDAY]


def test_what_is_known_is_passed_over_until_a_value_changes(cursor):
    """A restated price makes Friday another version; Monday stays as it was announced."""
    known = {one.session: one.digest for one in proven(cursor)}
    assert proven(cursor, known) == []
    cursor.execute("UPDATE market.daily_bar SET volume = 2 WHERE session = %s AND stock_code = '005930'", (FRIDAY,))
    (changed,) = proven(cursor, known)
    assert (changed.session, changed.digest != known[FRIDAY]) == (FRIDAY, True)


def test_a_session_that_is_filled_later_is_proven_then(cursor):
    """Thursday comes after Friday."""
    known = {one.session: one.digest for one in proven(cursor)}
    bars(cursor, *((code, 17) for code in CODES))
    assert [one.session for one in proven(cursor, known)] == [THURSDAY]
