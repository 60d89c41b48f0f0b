"""The morning's facts, read out of a warehouse whose holes were made by hand.

Facts: 14 to 18 September 2026 (Monday to Friday) are sessions, final at 20:00. Two instruments are listed since the
1st, and daily bars of both are expected from the 14th on.
"""

from datetime import date, datetime, timedelta

import pytest

from data_pipeline.loading.coverage.cells import Coverage
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.morning.facts import Difference
from data_pipeline.morning.stored import read_stored
from tests.support.five_sessions import BAR, CODES, prepare

NOW = datetime(2026, 9, 18, 21, 0, tzinfo=SEOUL)
RUN = (
    "INSERT INTO market.ingest_run (dataset, source, first, last, status, started_at, finished_at, rows_inserted,"
    " rows_unchanged, requests, error, unknown_fields) VALUES (%s, 'mock', '2026-09-18', '2026-09-18', %s,"
    " %s, %s, 3, 2, 7, %s, %s)"
)


@pytest.fixture(scope="module")
def prepared(shared):
    """An empty warehouse open to made-up rows, whose calendar is that week."""
    with shared.connect("owner") as connection, connection.cursor() as cursor:
        prepare(cursor)
        connection.commit()
        yield connection


@pytest.fixture
def owner(prepared):
    """A cursor whose changes are rolled back."""
    with prepared.cursor() as cursor:
        yield cursor
    prepared.rollback()


def at(number, hour):
    """When a load began and ended, a minute later, on this day of September."""
    began = datetime(2026, 9, number, hour, tzinfo=SEOUL)
    return began, began + timedelta(minutes=1)


def read(cursor, **options):
    """The facts of that Friday evening, with the runs since Thursday 21:00."""
    return read_stored(cursor.connection, krx_calendar(), NOW, since=NOW - timedelta(days=1), **options)


def test_what_is_missing_is_named_with_its_reason(owner):
    """The first lacks the 16th, refused by a check; the second the 17th and 18th, asked for in vain the last time."""
    for code, number in (*((CODES[0], n) for n in (14, 15, 17, 18)), *((CODES[1], n) for n in (14, 15, 16))):
        owner.execute(BAR, (code, f"2026-09-{number}"))
    owner.execute(
        "INSERT INTO market.rejected_row (dataset, stock_code, session, payload, reason, source, origin)"
        " VALUES ('daily_bar', '005930', '2026-09-16', '{}', 'limit: 31 % above the base price', 'mock', 'record')"
    )
    owner.execute(
        "INSERT INTO market.proof (dataset, stock_code, session, state, proof, rows, source)"
        " VALUES ('daily_bar', '0001A0', '2026-09-18', 'asked', 'an answer without it', 0, 'mock')"
    )
    found = read(owner)
    assert [
        (one.stock_code, one.state, one.first.day, one.last.day, one.sessions, one.why) for one in found.lacking
    ] == [
        ("0001A0", "missing", 17, 18, 2, "stored or asked for, and not proven: an answer without it"),
        ("005930", "missing", 16, 16, 1, "a check refused the row: limit: 31 % above the base price"),
    ]
    one = read(owner, most=1)
    assert ([one.stock_code for one in one.lacking], one.lacking_of) == (["0001A0"], 2)
    assert [(one.dataset, one.check, one.rows, one.example) for one in found.refused] == [
        ("daily_bar", "limit", 1, "limit: 31 % above the base price")
    ]


def test_the_window_is_the_newest_sessions(owner):
    """Two sessions up to Friday are looked at, and Monday's hole is not in them."""
    for code in CODES:
        for number in (15, 16, 17, 18):
            owner.execute(BAR, (code, f"2026-09-{number}"))
    found = read(owner, sessions=2)
    assert (found.session, found.sessions) == (date(2026, 9, 18), (date(2026, 9, 17), date(2026, 9, 18)))
    assert found.coverage == tuple(Coverage("daily_bar", day, 2, 2, 0, 0) for day in found.sessions)
    assert (found.lacking, found.kind) == ((), "made-up")


def test_runs_of_the_last_day_and_the_last_of_each_dataset_are_told(owner):
    """The order books failed an hour ago; daily bars came two days ago, after a failure, and minutes before that."""
    owner.execute(RUN, ("daily_bar", "failed", *at(15, 16), "away", "{}"))
    owner.execute(RUN, ("daily_bar", "success", *at(16, 20), None, '{"price.old": 5}'))
    owner.execute(RUN, ("order_book", "failed", *at(18, 20), "KIS is away", '{"price.new": 2}'))
    owner.execute(RUN, ("order_book", "success", *at(18, 18), None, '{"price.new": 1}'))
    found = read(owner)
    assert [(one.dataset, one.status, one.is_last) for one in found.runs] == [
        ("order_book", "success", False), ("order_book", "failed", True), ("daily_bar", "success", True),
    ]  # fmt: skip
    assert (found.runs[1].error, found.runs[1].stored, found.runs[1].requests) == ("KIS is away", 5, 7)
    assert [(one.name, one.times, one.datasets) for one in found.new_fields] == [("price.new", 3, ("order_book",))]


def test_differences_and_restatements_are_counted(owner):
    """Of two volumes one is explained by the after-market; a bar was changed and another deleted just now."""
    for code, after in zip(CODES, ("true", "false"), strict=True):
        owner.execute(
            "INSERT INTO market.reconciliation (session, stock_code, kind, provisional, official, after_market,"
            " provisional_source, official_source) VALUES ('2026-09-17', %s, 'volume', 1, 2, %s, 'kis', 'krx')",
            (code, after),
        )
    for code, number in ((CODES[0], 14), (CODES[1], 14)):
        owner.execute(BAR, (code, f"2026-09-{number}"))
    owner.execute("UPDATE market.daily_bar SET volume = 2, trading_value = 20 WHERE stock_code = '005930'")
    owner.execute("DELETE FROM market.daily_bar WHERE stock_code = '0001A0'")
    found = read(owner)
    assert found.differences == (Difference(date(2026, 9, 17), "volume", rows=2, unexplained=1),)
    assert {(one.dataset, one.operation, one.old_source, one.source, one.rows) for one in found.restated} == {
        ("daily_bar", "delete", "mock", None, 1), ("daily_bar", "update", "mock", "mock", 1),
    }  # fmt: skip


def test_the_reader_may_ask_all_of_it(shared, prepared):
    """The login of `data-pipeline sql` is enough; nothing was ever loaded there."""
    with shared.connect("reader") as connection:
        found = read_stored(connection, krx_calendar(), NOW)
    assert (found.loads, found.runs, found.restated) == (0, (), ())
