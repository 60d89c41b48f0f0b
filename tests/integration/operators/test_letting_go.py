"""Months of the stream's trades and books go by themselves after the close, with the loader's own login.

Facts: August, September and October 2026 each hold a session with prices, books and trades of two instruments. It is
the evening of 1 December 2026, a session.
"""

from __future__ import annotations

from datetime import date, datetime
from types import SimpleNamespace

import psycopg2
import pytest
from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.exceptions import LoadError
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.local.environment import postgres_connection_json
from data_pipeline.market.seoul import SEOUL
from data_pipeline.operators.streaming import let_old_months_go
from data_pipeline.read import order_books
from tests.support.old_months import AUG, OCT, SEP, fill_moments

RUNS = (
    "INSERT INTO market.ingest_run (dataset, source, task_id, first, last, status, lease_until)"
    " SELECT dataset, 'kis', 'stream', '2026-08-31', %s, 'running', 'infinity' FROM unnest(%s::text[]) dataset"
)


def run(hour, minute=0):
    """A scheduled run of that evening."""
    due = datetime(2026, 12, 1, hour, minute, tzinfo=SEOUL)
    return {
        "params": {}, "data_interval_start": due, "dag_run": SimpleNamespace(run_after=due, run_type="scheduled"),
    }  # fmt: skip


@pytest.fixture
def old(database, connection, monkeypatch):
    """The warehouse of the facts, as Airflow's loader reaches it; the stream wrote into every month."""
    monkeypatch.setenv("AIRFLOW_CONN_MARKET_DB", postgres_connection_json(database.url("loader")))
    for name in ("ARCHIVE_FOLDER", "KEEP_TRADE_MONTHS", "KEEP_ORDER_BOOK_MONTHS"):
        monkeypatch.delenv(name, raising=False)
    fill_moments(connection)
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute(RUNS, (OCT, ["trade", "order_book"]))
    return database


def sessions(database, dataset):
    """Which sessions are stored."""
    return [day for (day,) in database.rows(f"SELECT DISTINCT session FROM market.{dataset} ORDER BY 1")]


def test_by_default_books_of_a_month_stay_and_trades_of_a_year(old):
    """October is not the month before this one: all three months of books go, of prices and trades none."""
    assert let_old_months_go(run(20, 55)) == {"months": 3, "rows": 6, "stayed": 0}
    assert (sessions(old, "order_book"), sessions(old, "trade")) == ([], [AUG, SEP, OCT])
    assert sessions(old, "price_snapshot") == [AUG, SEP, OCT]
    assert (
        old.rows("SELECT dataset, file, dropped_by FROM market.archive ORDER BY month")
        == [("order_book", None, "market_loader")] * 3
    )
    assert let_old_months_go(run(20, 55)) == {"months": 0, "rows": 0, "stayed": 0}


def test_with_a_folder_the_rows_are_in_files(old, tmp_path, monkeypatch):
    """Reading gives them as before, from there."""
    with old.connect("reader") as reader:
        before = order_books(None, AUG, OCT, complete=False, connection=reader)
    monkeypatch.setenv("ARCHIVE_FOLDER", str(tmp_path))
    monkeypatch.setenv("KEEP_TRADE_MONTHS", "2")
    told = let_old_months_go(run(20, 55))
    assert told == {"months": 5, "rows": 6 + 2 * 6, "stayed": 0}
    assert sessions(old, "trade") == [OCT]
    assert sorted(path.name for path in tmp_path.rglob("*.parquet")) == [
        "order_book-2026-08.parquet", "order_book-2026-09.parquet", "order_book-2026-10.parquet",
        "trade-2026-08.parquet", "trade-2026-09.parquet",
    ]  # fmt: skip
    with old.connect("reader") as reader:
        assert order_books(None, AUG, OCT, complete=False, connection=reader).equals(before)
    assert len(before) == 6


def test_books_that_were_only_asked_for_stay_without_a_folder(old, caplog):
    """The stream wrote until September: October's books are nobody's but the user's."""
    with old.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.ingest_run SET last = %s", (SEP,))
    assert let_old_months_go(run(20, 55)) == {"months": 2, "rows": 4, "stayed": 1}
    assert sessions(old, "order_book") == [OCT]
    assert "order_book of 2026-10 stays: the live stream wrote nothing into it" in caplog.text


def test_a_month_that_is_not_as_it_was_sealed_stays(old):
    """The others go, and the task fails with what differs."""
    with old.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.seal SET rows = 9 WHERE dataset = 'order_book' AND session = %s", (SEP,))
    with pytest.raises(LoadError, match=r"order_book of 2026-09 is not as it was sealed"):
        let_old_months_go(run(20, 55))
    assert sessions(old, "order_book") == [SEP]


def test_coverage_counts_what_went_as_archived(old, monkeypatch):
    """Nobody asks for it again, and nothing of it is missing."""
    monkeypatch.setenv("KEEP_TRADE_MONTHS", "1")
    with old.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute(
            "INSERT INTO market.stream_watch (session, venue, stock_code) VALUES (%s, 'KRX', '005930')", (SEP,)
        )
    let_old_months_go(run(20, 55))
    with old.connect("reader") as reader:
        (counted,) = coverage(reader, SEP, SEP, "trade")
    assert (counted.expected, counted.archived, counted.missing) == (1, 1, 0)


def test_before_the_close_and_without_the_service_nothing_goes(old):
    """A run in session is skipped, and so is every one where nobody streams."""
    with pytest.raises(AirflowSkipException, match="2026-12-01 is not over"):
        let_old_months_go(run(10))
    with old.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.ingest_run SET started_at = started_at - interval '8 days'")
    with pytest.raises(AirflowSkipException, match="nobody runs the service"):
        let_old_months_go(run(20, 55))
    assert sessions(old, "order_book") == [AUG, SEP, OCT]


@pytest.mark.parametrize(
    ("dataset", "month", "said"),
    [
        ("price_snapshot", date(2026, 8, 1), "by the owner only"),
        ("trade", date(2026, 11, 1), "not older than the month before this one"),
        ("trade", None, "not older"),
        (None, date(2026, 8, 1), "by the owner only"),
    ],
)
def test_the_loader_lets_nothing_else_go(old, dataset, month, said):
    """Neither what the stream does not fill nor a month that is young; and not by the owner's own function."""
    with old.connect("loader") as loader, loader.cursor() as cursor:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match=said):
            cursor.execute("SELECT market.retire_month(%s, %s)", (dataset, month))
        loader.rollback()
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT market.drop_month('trade', '2026-08-01')")


def test_a_reader_lets_nothing_go(old):
    """It may not call the function at all."""
    statement = "SELECT market.retire_month('trade', '2026-08-01')"
    refused = pytest.raises(psycopg2.errors.InsufficientPrivilege)
    with old.connect("reader") as reader, reader.cursor() as cursor, refused:
        cursor.execute(statement)
