"""Rows that are copied in columns are stored, sealed and refused as any other."""

from dataclasses import replace
from datetime import date

import pytest

from data_pipeline.datasets.rows import Rows
from data_pipeline.exceptions import LoadError
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.records import DailyBar
from tests.support.tables import DAILY_BAR

DAYS = [date(2026, 8, 31), date(2026, 9, 14), date(2026, 10, 1)]
BAR = DailyBar("000000", DAYS[0], 70000, 71500, 69900, 71000, 1000, 70500000, -1420)
IDLE = DailyBar("0001A0", DAYS[1], 0, 0, 0, 300000, 0, 0, 0)
LARGE = DailyBar("99999Z", DAYS[2], 10, 12, 9, 11, 2**40, 2**62, 1)
BARS = [replace(BAR, stock_code=f"{number:06d}", session=day) for number in range(400) for day in DAYS] + [IDLE, LARGE]
STORED = "SELECT stock_code, session, open, high, low, close, volume, trading_value, change, source, run_id"


def load(connection, records, run_id=7):
    """One load that expects an empty range, committed."""
    counts = upsert(connection, DAILY_BAR, records, "kis", run_id, expect_empty=True)
    connection.commit()
    return counts


def test_rows_in_columns_are_those_of_their_text(database, connection):
    """Three months, a code with letters, a session without a trade, numbers of 62 bits: each value as it was said."""
    assert load(connection, Rows(BARS)) == LoadCounts(inserted=len(BARS))
    told = sorted((*DAILY_BAR.values(bar), "kis", 7) for bar in BARS)
    assert database.rows(f"{STORED} FROM market.daily_bar ORDER BY 1, 2") == told
    differing = """
        SELECT count(*) FROM market.seal s FULL JOIN market.daily_bar_digests('2026-08-01', '2026-10-31') d
            ON d.session = s.session WHERE s.digest IS DISTINCT FROM d.digest OR s.rows IS DISTINCT FROM d.rows
    """
    assert database.rows(differing) == [(0,)]
    assert database.rows("SELECT sum(rows) FROM market.seal") == [(len(BARS),)]


def test_a_month_that_may_not_be_reached_by_name(database, connection):
    """Its rows go through the table: stored and sealed all the same."""
    with database.connect("owner") as owner, owner.cursor() as cursor:
        cursor.execute("SELECT market.ensure_partitions('daily_bar', %s, %s)", (DAYS[0], DAYS[-1]))
        cursor.execute("REVOKE INSERT ON market.daily_bar_2026_09 FROM market_loader")
        owner.commit()
    assert load(connection, Rows(BARS)) == LoadCounts(inserted=len(BARS))
    assert database.rows("SELECT sum(rows) FROM market.seal") == [(len(BARS),)]


def test_a_stored_row_in_the_way_of_columns(database, connection):
    """The load goes the ordinary way and counts right."""
    load(connection, [replace(BARS[700], volume=5), BARS[900]])
    assert load(connection, Rows(BARS), 8) == LoadCounts(inserted=len(BARS) - 2, updated=1, unchanged=1)
    assert database.rows("SELECT count(*), sum(volume) FROM market.daily_bar") == [
        (len(BARS), sum(bar.volume for bar in BARS))
    ]


def test_a_row_that_postgres_refuses_is_named(connection):
    """A number that fits into no column is told with the key of its row, as if there were no columns."""
    wrong = replace(LARGE, stock_code="000001", volume=2**63)
    with pytest.raises(LoadError, match="000001"):
        load(connection, Rows([*BARS, wrong]))
