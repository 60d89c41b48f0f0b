"""Months that are let go, in the warehouse itself: what is refused, what stays, and what is known afterwards."""

from datetime import date

import psycopg2
import pytest

from data_pipeline.loading.coverage.cells import all_cells, coverage, missing_cells, unstored_cells
from data_pipeline.loading.coverage.proofs import contradictions
from data_pipeline.loading.coverage.seals import months_to_verify, verify_seals
from data_pipeline.loading.rows.upsert import upsert
from tests.support.market_rows import SAMSUNG, ZEROS
from tests.support.old_months import AUG, OCT, SEP, fill_minutes, fill_moments, minutes_of
from tests.support.tables import MINUTE_BAR

SEPTEMBER = date(2026, 9, 1)


@pytest.fixture
def filled_months(database, connection):
    """A warehouse with the minutes of two instruments in August, September and October."""
    fill_minutes(connection)
    return database


def call(database, statement, *values, role="owner"):
    """Run one statement in a transaction of its own and return its value."""
    with database.connect(role) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


def test_a_month_is_dropped_and_nothing_else(filled_months):
    """Its eight rows are gone; the others, all seals and proofs stay, and no row goes into restatement."""
    assert call(filled_months, "SELECT market.drop_month('minute_bar', %s)", SEPTEMBER) == 8
    assert filled_months.rows("SELECT session, count(*) FROM market.minute_bar GROUP BY 1 ORDER BY 1") == [
        (AUG, 8),
        (OCT, 8),
    ]
    assert filled_months.rows("SELECT count(*) FROM market.restatement") == [(0,)]
    assert filled_months.rows("SELECT rows FROM market.seal WHERE session = %s", SEP) == [(8,)]
    assert filled_months.rows("SELECT count(*) FROM market.proof WHERE state = 'whole'") == [(6,)]
    assert filled_months.rows("SELECT month, rows, file, dropped_by FROM market.archive") == [
        (SEPTEMBER, 8, None, "market_owner")
    ]


def test_twice_is_once(filled_months):
    """The second time nothing is left to do."""
    call(filled_months, "SELECT market.drop_month('minute_bar', %s)", SEPTEMBER)
    assert call(filled_months, "SELECT market.drop_month('minute_bar', %s)", SEPTEMBER) == 0


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM market.minute_bar_2026_09 WHERE stock_code = '005930'", "8 rows sealed, 4 stored"),
        ("UPDATE market.minute_bar_2026_09 SET trading_value = trading_value + 1", "8 rows sealed, 8 stored"),
        ("DELETE FROM market.seal WHERE session = '2026-09-01'", "no rows sealed, 8 stored"),
    ],
)
def test_what_differs_from_its_seal_stays(filled_months, damage, said):
    """Lost, changed or unsealed rows are named, and the month is not dropped."""
    with filled_months.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute(damage)
    with pytest.raises(psycopg2.Error, match=f"not as it was sealed: 2026-09-01 .{said}") as raised:
        call(filled_months, "SELECT market.drop_month('minute_bar', %s)", SEPTEMBER)
    assert raised.value.pgcode == "DP002"
    assert filled_months.rows(
        "SELECT to_regclass('market.minute_bar_2026_09') IS NOT NULL, count(*) FROM market.archive"
    ) == [(True, 0)]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("'daily_bar', '2026-09-01'", "each row is the only proof of its own cell"),
        ("'instrument', '2026-09-01'", "no dataset with seals"),
        ("'minute_bar', '2026-09-02'", "by its first day"),
        ("'minute_bar', '2026-12-01'", "is not over"),
        ("'minute_bar', '2026-07-01'", "has no partition of 2026-07"),
        ("'minute_bar', '2026-09-01', 'a.parquet', 7, 1", "8 rows sealed, 7 in the file"),
        ("'minute_bar', '2026-09-01', 'a.parquet'", "does not hold minute_bar of 2026-09"),
        ("'minute_bar', '2026-09-01', NULL, 8, 1", "does not hold minute_bar of 2026-09"),
    ],
)
def test_what_may_not_go_is_refused(filled_months, arguments, said):
    """A month of bars that prove themselves, one that is not over, or a file that is not of it."""
    with pytest.raises(psycopg2.Error, match=said):
        call(filled_months, f"SELECT market.drop_month({arguments})")


@pytest.mark.parametrize("role", ["loader", "reader"])
def test_only_the_owner_may(filled_months, role):
    """Neither who loads nor who reads."""
    for name in ("prove_month('minute_bar', '2026-09-01')", "drop_month('minute_bar', '2026-09-01')"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            call(filled_months, f"SELECT market.{name}", role=role)


def test_a_reader_who_does_not_leave_keeps_it(filled_months):
    """Five seconds are waited at most; a test waits less."""
    with filled_months.connect("reader") as reading, filled_months.connect("owner") as owner:
        reading.cursor().execute("SELECT count(*) FROM market.minute_bar")
        cursor = owner.cursor()
        cursor.execute("ALTER FUNCTION market.drop_month(text, date, text, bigint, numeric) SET lock_timeout = '20ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            cursor.execute("SELECT market.drop_month('minute_bar', '2026-09-01')")


def test_a_write_after_the_proof_is_noticed(filled_months):
    """Also one of the same transaction, which the lock lets pass."""
    with filled_months.connect("owner") as owner, owner.cursor() as cursor:
        cursor.execute("SELECT market.prove_month('minute_bar', '2026-09-01')")
        cursor.execute("DELETE FROM market.minute_bar WHERE session = '2026-09-01' AND stock_code = '005930'")
        with pytest.raises(psycopg2.Error, match="written to since it was proved"):
            cursor.execute("SELECT market.drop_month('minute_bar', '2026-09-01')")


def test_coverage_calls_it_archived_and_nobody_asks_for_it(filled_months):
    """Whatever was there or lacking in September is archived; a cell that lacks in October is missing as before."""
    with filled_months.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("DELETE FROM market.proof WHERE session IN (%s, %s) AND stock_code = %s", (SEP, OCT, ZEROS))
        cursor.execute("SELECT market.drop_month('minute_bar', %s)", (SEPTEMBER,))
    with filled_months.connect("reader") as reader:
        days = {one.session: one for one in coverage(reader, AUG, OCT, "minute_bar")}
        assert (days[SEP].expected, days[SEP].archived, days[SEP].loaded, days[SEP].missing) == (2, 2, 0, 0)
        assert (days[OCT].archived, days[OCT].loaded, days[OCT].missing) == (0, 1, 1)
        for ask in (missing_cells, unstored_cells, all_cells):
            gaps = ask(reader, "minute_bar", None, SEP, date(2026, 9, 30))
            assert gaps == {}, ask
        assert ZEROS in missing_cells(reader, "minute_bar", None, AUG, OCT)
    assert filled_months.rows(
        "SELECT archived FROM market.coverage WHERE dataset = 'minute_bar' AND session = %s", SEP
    ) == [(2,)]


def test_seals_and_proofs_do_not_miss_it(filled_months):
    """Verifying finds nothing, and sealing again leaves the seal that the file is proved with."""
    call(filled_months, "SELECT market.drop_month('minute_bar', %s)", SEPTEMBER)
    call(filled_months, "SELECT market.seal_again('minute_bar', '2026-08-01', '2026-10-31')")
    with filled_months.connect("reader") as reader:
        found = [*verify_seals(reader, months_to_verify(reader, ["minute_bar"]))]
        assert [finding for one in found for finding in one.findings] == []
        assert [*contradictions(reader, "minute_bar", AUG, OCT)] == []
    assert filled_months.rows("SELECT rows FROM market.seal WHERE session = %s", SEP) == [(8,)]


def test_it_takes_no_rows_any_more(filled_months, connection):
    """A load into it is refused, and says why; the month before takes rows as ever."""
    call(filled_months, "SELECT market.drop_month('minute_bar', %s)", SEPTEMBER)
    with pytest.raises(Exception, match="minute_bar of 2026-09 is archived and takes no rows"):
        upsert(connection, MINUTE_BAR, minutes_of(SAMSUNG, SEP), "kis")
    connection.rollback()
    upsert(connection, MINUTE_BAR, minutes_of("000660", AUG), "kis")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM market.minute_bar WHERE at >= '2026-09-01 09:00+09' AND at < '2026-09-02 09:00+09'",
        "SELECT * FROM market.minutes(NULL, '2026-09-01 09:00+09', '2026-09-02 09:00+09')",
        "SELECT * FROM market.minutes('{005930}', '2026-08-31 23:00+00', '2026-09-01 00:30+00')",
    ],
)
def test_moments_alone_find_their_month(filled_months, query):
    """Only September is looked at."""
    ((plan,),) = filled_months.rows(f"EXPLAIN (FORMAT JSON) {query}")
    assert "minute_bar_2026_09" in str(plan)
    assert "minute_bar_2026_08" not in str(plan)
    assert "minute_bar_2026_10" not in str(plan)


def test_moments_of_trades_find_their_month(database, connection):
    """The partitions of trades say the same of the second in which something traded."""
    fill_moments(connection)
    query = "SELECT * FROM market.trade WHERE traded_at >= '2026-09-01 09:00+09' AND traded_at < '2026-09-02 09:00+09'"
    ((plan,),) = database.rows(f"EXPLAIN (FORMAT JSON) {query}")
    assert [f"trade_2026_{month}" in str(plan) for month in ("08", "09", "10")] == [False, True, False]


def test_minutes_of_some_codes_between_moments(filled_months):
    """The first is included and the last is not."""
    query = "SELECT stock_code, at FROM market.minutes(%s, '2026-09-01 09:04+09', '2026-09-01 09:05+09')"
    assert [code for code, _ in filled_months.rows(query, [SAMSUNG])] == [SAMSUNG]
    assert len(filled_months.rows(query, None)) == 2
