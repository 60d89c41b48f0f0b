"""What coverage counts: which cells must exist, which do, and from when on.

Facts: 14, 15, 16, 17 and 18 September 2026 (Monday to Friday) are sessions and final.
"""

from datetime import date

import pytest

from tests.support.market_rows import PROOF

INSTRUMENT = (
    "INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, halted, managed,"
    " liquidation, preferred, source)"
    " VALUES (%s, 'KR7005930003', '이름', 'KOSPI', 'ST', '2026-09-17', %s, false, false, false, false, 'mock')"
)
BAR = (
    "INSERT INTO market.daily_bar (stock_code, session, open, high, low, close, volume, trading_value, change, source)"
    " VALUES (%s, %s, 10, 10, 10, 10, 1, 10, 0, 'mock')"
)
MINUTE = (
    "INSERT INTO market.minute_bar (stock_code, at, session, open, high, low, close, volume, trading_value, source)"
    " VALUES (%s, %s::date + time '10:00' AT TIME ZONE 'Asia/Seoul', %s, 10, 10, 10, 10, 1, 10, 'mock')"
)
WEEK = "SELECT session, expected, loaded, known_empty, missing FROM market.coverage WHERE dataset = %s ORDER BY session"


def day(number):
    """A day of September 2026."""
    return date(2026, 9, number)


@pytest.fixture(scope="module")
def prepared(shared):
    """An empty warehouse open to made-up rows, with partitions for September 2026."""
    with shared.connect("owner") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
        for table in ("daily_bar", "minute_bar"):
            cursor.execute("SELECT market.ensure_partitions(%s, '2026-09-01', '2026-09-30')", (table,))
        cursor.execute("DELETE FROM market.calendar_session WHERE session NOT BETWEEN '2026-09-14' AND '2026-09-18'")
        cursor.execute("INSERT INTO market.calendar_session VALUES ('2100-01-04')")
        connection.commit()
        yield connection


@pytest.fixture
def owner(prepared):
    """A cursor whose changes are rolled back."""
    with prepared.cursor() as cursor:
        yield cursor
    prepared.rollback()


def listed(cursor, **codes):
    """Issues and their first days."""
    for code, first in codes.items():
        cursor.execute(INSTRUMENT, (code[1:], first))


def started(cursor, dataset, *starts):
    """Issues and the first sessions ever loaded for them."""
    for code, first in starts:
        cursor.execute("INSERT INTO market.coverage_start VALUES (%s, %s, %s)", (dataset, code, first))


def asked(cursor, statement, *values):
    """All rows."""
    cursor.execute(statement, values)
    return cursor.fetchall()


def test_a_whole_market_is_expected_from_the_session_that_half_of_it_began_on(owner):
    """Of two instruments one began on the 15th: both are expected from then on while listed, and nothing before."""
    listed(owner, _005930=day(1), _0001A0=day(16))
    started(owner, "daily_bar", ("005930", day(15)))
    owner.execute(BAR, ("005930", day(15)))
    owner.execute(BAR, ("0001A0", day(17)))
    owner.execute("UPDATE market.instrument SET delisted_on = '2026-09-18' WHERE stock_code = '0001A0'")
    owner.execute(PROOF + "('daily_bar', '0001A0', '2026-09-16', 'empty', 'nothing', 0, 'mock')")
    assert asked(owner, WEEK, "daily_bar") == [
        (day(15), 1, 1, 0, 0),
        (day(16), 2, 0, 1, 1),
        (day(17), 2, 1, 0, 1),
        (day(18), 1, 0, 0, 1),
    ]


def test_a_history_of_a_few_issues_expects_nothing_of_the_others(owner):
    """One of three instruments has a history from the 16th; the two others never began."""
    listed(owner, _005930=day(1), _000660=day(1), _000270=day(1))
    started(owner, "daily_bar", ("005930", day(16)))
    assert asked(owner, WEEK, "daily_bar") == [(day(n), 1, 0, 0, 1) for n in (16, 17, 18)]
    assert asked(owner, WEEK, "minute_bar") == []


def test_an_issue_is_expected_before_the_market_from_its_own_start(owner):
    """Both instruments began, one on the 15th and one on the 17th; half of two had begun on the 15th."""
    listed(owner, _005930=day(1), _000660=day(1), _000270=day(1))
    started(owner, "daily_bar", ("005930", day(15)), ("000660", day(17)))
    assert [row[:2] for row in asked(owner, WEEK, "daily_bar")] == [
        (day(15), 1),
        (day(16), 1),
        (day(17), 3),
        (day(18), 3),
    ]


def test_a_session_of_minutes_counts_only_when_it_was_fetched_whole(owner):
    """A minute that was loaded through the day leaves the session missing."""
    listed(owner, _005930=day(1))
    started(owner, "minute_bar", ("005930", day(17)))
    owner.execute(MINUTE, ("005930", day(17), day(17)))
    owner.execute(MINUTE, ("005930", day(18), day(18)))
    owner.execute(PROOF + "('minute_bar', '005930', '2026-09-18', 'whole', 'x', 1, 'mock')")
    assert asked(owner, WEEK, "minute_bar") == [(day(17), 1, 0, 0, 1), (day(18), 1, 1, 0, 0)]


@pytest.mark.parametrize("table", ["minute_bar", "minute_bar_2026_09"], ids=["table", "partition"])
def test_a_session_that_lost_a_minute_is_missing_again(owner, table):
    """Also when the row was deleted from the partition."""
    listed(owner, _005930=day(1))
    started(owner, "minute_bar", ("005930", day(18)))
    owner.execute(MINUTE, ("005930", day(18), day(18)))
    owner.execute(PROOF + "('minute_bar', '005930', '2026-09-18', 'whole', 'x', 1, 'mock')")
    owner.execute(f"DELETE FROM market.{table}")
    assert asked(owner, WEEK, "minute_bar") == [(day(18), 1, 0, 0, 1)]


def test_one_source_that_calls_a_session_closed_hides_nothing(owner):
    """The calendar says which days are sessions: what lacks of one stays missing, whatever a source calls it."""
    listed(owner, _005930=day(1))
    started(owner, "daily_bar", ("005930", day(16)))
    owner.execute("INSERT INTO market.trading_session VALUES ('2026-09-17', false, 'mock')")
    assert asked(owner, WEEK, "daily_bar") == [(day(number), 1, 0, 0, 1) for number in (16, 17, 18)]


def test_a_range_says_the_same_as_the_view(owner):
    """The function reads fewer months and finds the same cells."""
    listed(owner, _005930=day(1), _0001A0=day(16))
    started(owner, "daily_bar", ("005930", day(14)))
    started(owner, "minute_bar", ("0001A0", day(16)))
    owner.execute(BAR, ("005930", day(15)))
    cells = "SELECT dataset, session, stock_code, state FROM"
    seen = asked(owner, f"{cells} market.coverage_cells('2026-09-15', '2026-09-17') ORDER BY 1, 2, 3")
    assert len(seen) == 3 + 2 + 2 + 2
    assert seen == asked(
        owner, f"{cells} market.coverage_cell WHERE session BETWEEN '2026-09-15' AND '2026-09-17' ORDER BY 1, 2, 3"
    )
