"""A warehouse of version 0006 whose rows were settled by earlier rules, its dry run and its upgrade.

Facts: 21 and 22 September 2026 are a Monday and a Tuesday, both sessions; each minute trades 10 shares at 100 won.
"""

from __future__ import annotations

from contextlib import closing
from datetime import date
from io import StringIO

import pytest
from rich.console import Console

from data_pipeline.datasets import DATASETS
from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.loading.coverage.cells import coverage, missing_cells
from data_pipeline.local.home import Home
from data_pipeline.local.migration import migrate_warehouse
from data_pipeline.read.completeness import Asked, require_bars
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.migrate import SQL, migrate
from tests.support.old_warehouse import warehouse_before

NEWEST = max(path.stem[:4] for path in (SQL / "versions").glob("[0-9]*.py"))

MON, TUE = date(2026, 9, 21), date(2026, 9, 22)
CODES = ("000001", "000002", "000003", "000004", "000005")
ISSUE = """
    INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, halted, managed,
        liquidation, preferred, source, listed_from)
    SELECT code, 'KR7' || code || '003', 'issue', 'KOSPI', 'ST', '2026-09-22', '2020-01-02', false, false, false, false,
        'kis', '2020-01-02' FROM unnest(%s) code
"""
DAILY = "INSERT INTO market.daily_bar VALUES (%s, %s, %s, %s, %s, 100, %s, %s, 0, 'kis')"
MINUTE = "INSERT INTO market.minute_bar VALUES (%s, %s, %s, 100, 100, 100, 100, 10, %s, 'kis')"
START = "INSERT INTO market.coverage_start VALUES (%s, %s, '2026-09-21')"
WHOLE = "INSERT INTO market.loaded_day VALUES ('minute_bar', %s, %s, 2, 'kis')"
ACTION = """
    INSERT INTO market.price_adjustment (stock_code, session, factor, previous_close, base_price, source, kind)
    VALUES ('000005', %s, 0.5, 200, 100, 'kis', 'action')
"""
EMPTY = "INSERT INTO market.no_data VALUES (%s, %s, %s, 'the source answered', 'kis')"


@pytest.fixture
def old(server, tmp_path):
    """The address of an empty database of version 0006."""
    with warehouse_before(server, "0007", tmp_path) as url:
        yield url


def rows(url, query):
    """Return what the owner reads."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def bar(cursor, code, day, volume):
    """Store a daily bar of 100 won."""
    price = 100 if volume else 0
    cursor.execute(DAILY, (code, day, price, price, price, volume, 100 * volume))


def minutes(cursor, code, day, *times, first_value=1000):
    """Store minutes of 10 shares."""
    for time in times:
        cursor.execute(MINUTE, (code, f"{day} {time}+09", day, first_value if time == times[0] else 1000))
    cursor.execute(WHOLE, (code, day))


@pytest.fixture
def stored(old):
    """What earlier rules settled, right and wrong, of five instruments on two sessions."""
    with closing(connect(old)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('kis'), market.ensure_partitions('daily_bar', %s, %s)", (MON, TUE))
        cursor.execute("SELECT market.ensure_partitions('minute_bar', %s, %s)", (MON, TUE))
        cursor.execute("INSERT INTO market.calendar_session SELECT unnest(%s) ON CONFLICT DO NOTHING", ([MON, TUE],))
        cursor.execute(ISSUE, (list(CODES),))
        for dataset in ("daily_bar", "minute_bar"):
            for code in CODES:
                cursor.execute(START, (dataset, code))
        minutes(cursor, "000001", MON, "09:00", "15:30")  # its close came
        minutes(cursor, "000001", TUE, "09:00", "11:00")  # nothing says that this is all
        minutes(cursor, "000002", MON, "11:00", "15:30", first_value=907_000)  # the morning's total
        bar(cursor, "000003", MON, 20)
        minutes(cursor, "000003", MON, "09:00", "11:00")  # all of the day's shares
        bar(cursor, "000003", TUE, 30)
        minutes(cursor, "000003", TUE, "09:00", "11:00")  # ten shares are missing
        bar(cursor, "000004", MON, 0)
        cursor.execute(EMPTY, ("minute_bar", "000004", MON))  # halted
        cursor.execute(EMPTY, ("minute_bar", "000004", TUE))  # who knows
        cursor.execute(EMPTY, ("daily_bar", "000005", MON))
        bar(cursor, "000005", date(2026, 9, 18), 10)
        bar(cursor, "000005", TUE, 10)
        cursor.execute(ACTION, (TUE,))
        connection.commit()
    return old


def test_a_dry_run_says_what_an_upgrade_does_and_changes_nothing(stored, tmp_path):
    """The command exits 0, counts what is taken back, and leaves version and rows as they were."""
    tables = ("loaded_day", "no_data", "minute_bar", "restatement", "price_adjustment", "alembic_version")
    counts = ", ".join(f"(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM market.{name} t)" for name in tables)
    before = rows(stored, f"SELECT {counts}")
    out = StringIO()
    environ = {"MARKET_DB_URL": stored}
    assert migrate_warehouse(Home(tmp_path), environ, Console(file=out, width=120), dry_run=True) == 0
    told = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert told[0] == f"From version 0006 to {NEWEST}. This was a dry run: nothing was changed."
    for line in (
        "sessions of minutes no longer taken for whole, now missing 3",
        "sessions of minutes no longer known to be empty, now missing 1",
        "daily bars no longer known to be empty, now missing 1",
        "price adjustments unknown until their missing bars are loaded 1",
        "minutes with an impossible trading value, deleted and listed 1",
        "proof 3 0 0",
        "minute_bar 0 0 1",
        "restatement 1 0 0",
    ):
        assert line in told
    assert rows(stored, f"SELECT {counts}") == before
    assert rows(stored, "SELECT to_regclass('market.unproven'), to_regclass('market.migration_report')") == [
        (None,) * 2
    ]


def test_only_what_stored_rows_prove_stays_settled(stored):
    """Whole by its close or by the day's volume, and empty by a bar of volume 0; all else is listed as it was."""
    migrate(stored)
    assert rows(stored, "SELECT stock_code, session FROM market.loaded_day ORDER BY 1, 2") == [
        ("000001", MON), ("000003", MON),
    ]  # fmt: skip
    assert rows(stored, "SELECT dataset, stock_code, session FROM market.no_data") == [("minute_bar", "000004", MON)]
    assert rows(stored, "SELECT claim, dataset, stock_code, session FROM market.unproven ORDER BY 1, 2, 3, 4") == [
        ("loaded_day", "minute_bar", "000001", TUE),
        ("loaded_day", "minute_bar", "000002", MON),
        ("loaded_day", "minute_bar", "000003", TUE),
        ("no_data", "daily_bar", "000005", MON),
        ("no_data", "minute_bar", "000004", TUE),
        ("trading_value", "minute_bar", "000002", MON),
    ]
    assert rows(stored, "SELECT old_row ->> 'trading_value' FROM market.unproven WHERE claim = 'trading_value'") == [
        ("907000",)
    ]
    assert rows(stored, "SELECT operation, old_row ->> 'trading_value' FROM market.restatement") == [
        ("delete", "907000")
    ]
    assert rows(stored, "SELECT count(*), max(trading_value) FROM market.minute_bar") == [(9, 1000)]
    assert rows(stored, "SELECT kind, factor FROM market.price_adjustment") == [("gap", None)]
    migrate(stored)
    assert rows(stored, "SELECT count(*) FROM market.unproven") == [(6,)]


@pytest.mark.thorough
@pytest.mark.parametrize(("dataset", "lacking"), [("daily_bar", 6), ("minute_bar", 7)])
def test_coverage_healing_and_readers_agree_afterwards(stored, dataset, lacking):
    """Of ten cells so many are missing, are asked for by heal_gaps, and make a complete read refuse."""
    migrate(stored)
    with closing(connect(stored)) as connection, connection.cursor() as cursor:
        assert sum(row.missing for row in coverage(connection, MON, TUE, dataset)) == lacking
        gaps = missing_cells(connection, dataset, None, MON, TUE)
        assert sum(1 + (last - first).days for found in gaps.values() for first, last in found) == lacking
        with pytest.raises(IncompleteDataError, match=f": {lacking} cells are neither stored nor known to be empty"):
            require_bars(cursor, Asked(DATASETS[dataset], None, MON, TUE))


def test_a_dry_run_of_a_warehouse_that_is_up_to_date(database, tmp_path):
    """There is nothing to do, and it says so."""
    out = StringIO()
    environ = {"MARKET_DB_URL": database.url("owner")}
    assert migrate_warehouse(Home(tmp_path), environ, Console(file=out, width=120), dry_run=True) == 0
    assert out.getvalue().startswith(f"Nothing to do: the warehouse is at version {NEWEST}.")
