"""Loads whose rows are expected to be new, the looks taken before, and what many rows leave behind."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest

from data_pipeline.exceptions import PayloadError
from data_pipeline.loading.rows.stored import ensure_coming_months, none_stored
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.records import DailyBar, MinuteBar
from data_pipeline.market.trading_calendar import SEOUL
from tests.support.database import CLOCK
from tests.support.tables import DAILY_BAR, INSTRUMENT, MINUTE_BAR

DAY, LATER = date(2026, 9, 14), date(2026, 10, 1)
BAR = DailyBar("000000", DAY, 70000, 71500, 69900, 71000, 1000, 70500000, 1420)
BARS = [replace(BAR, stock_code=f"{number:06d}") for number in range(1500)]


def load(connection, records, source="kis", run_id=None, *, expect_empty=False):
    """One load, committed."""
    counts = upsert(connection, DAILY_BAR, iter(records), source, run_id, expect_empty=expect_empty)
    connection.commit()
    return counts


def test_empty_range_takes_the_rows_as_they_are(database, connection):
    """Rows copied straight into the table carry the load's source, run and time like any other."""
    assert load(connection, BARS, "kis", 7, expect_empty=True) == LoadCounts(inserted=1500)
    assert database.rows(
        "SELECT source, run_id, loaded_at BETWEEN now() - interval '1 minute' AND now(), count(*), sum(volume)"
        " FROM market.daily_bar GROUP BY 1, 2, 3"
    ) == [("kis", 7, True, 1500, 1500000)]


def test_no_run_is_null(database, connection):
    """Without a run the column is null, straight or not."""
    load(connection, BARS, expect_empty=True)
    load(connection, [replace(BAR, session=LATER)])
    assert database.rows("SELECT run_id, count(*) FROM market.daily_bar GROUP BY 1") == [(None, 1501)]


def test_range_that_is_not_empty_after_all(database, connection):
    """One stored row in the way: the load goes the ordinary way, reads its records once, and counts right."""
    load(connection, [replace(BARS[1300], volume=5), BARS[1400]], run_id=7)
    read = []
    records = (read.append(bar) or bar for bar in BARS)
    assert load(connection, records, run_id=8, expect_empty=True) == LoadCounts(inserted=1498, updated=1, unchanged=1)
    assert len(read) == 1500
    assert database.rows("SELECT count(*), sum(volume) FROM market.daily_bar") == [(1500, 1500000)]
    assert database.rows("SELECT stock_code, old_row ->> 'volume', run_id FROM market.restatement") == [
        ("001300", "5", 8)
    ]


def test_many_new_rows_among_others(database, connection):
    """Many rows of which none is stored, without a word about it: all inserted, the others untouched."""
    load(connection, BARS, run_id=7)
    new = [replace(bar, session=LATER) for bar in BARS]
    assert load(connection, new, run_id=8) == LoadCounts(inserted=1500)
    assert database.rows("SELECT run_id, count(*) FROM market.daily_bar GROUP BY 1 ORDER BY 1") == [
        (7, 1500),
        (8, 1500),
    ]


def test_second_load_of_a_transaction_expects_in_vain(connection):
    """Rows of the same transaction are in the way as well."""
    assert upsert(connection, DAILY_BAR, BARS, "kis", expect_empty=True) == LoadCounts(inserted=1500)
    assert upsert(connection, DAILY_BAR, BARS, "kis", expect_empty=True) == LoadCounts(unchanged=1500)
    assert upsert(connection, DAILY_BAR, BARS, "kis") == LoadCounts(unchanged=1500)


def test_error_of_the_source_comes_out_of_a_straight_load(connection):
    """When the source fails in the middle, its own error arrives."""

    def failing():
        yield from BARS
        raise PayloadError("the answer is cut short")

    with pytest.raises(PayloadError, match="cut short"):
        load(connection, failing(), expect_empty=True)


@pytest.mark.parametrize("expect_empty", [False, True])
def test_many_rows_again_touch_nothing(database, connection, expect_empty):
    """The same 1,500 bars by another run leave every row, its run and its time alone."""
    load(connection, BARS, run_id=7)
    before = database.rows("SELECT xmin::text, run_id, loaded_at FROM market.daily_bar ORDER BY stock_code")
    assert load(connection, BARS, run_id=8, expect_empty=expect_empty) == LoadCounts(unchanged=1500)
    assert database.rows("SELECT xmin::text, run_id, loaded_at FROM market.daily_bar ORDER BY stock_code") == before


@pytest.mark.parametrize("more", [[], BARS[10:]])
def test_new_row_beside_a_changed_one_of_another_month(database, connection, more):
    """What was replaced is kept with the run that did it, although the load also adds rows to another month."""
    load(connection, [BAR, *more], run_id=7)
    changed = [replace(BAR, stock_code="000000", volume=2), replace(BAR, stock_code="00000A", session=LATER)]
    counts = load(connection, [*changed, *more], run_id=8)
    assert (counts.inserted, counts.updated) == (1, 1)
    assert database.rows("SELECT stock_code, source, run_id FROM market.restatement") == [("000000", "kis", 8)]


@pytest.mark.parametrize("more", [[], BARS[10:]])
def test_rank_of_few_and_of_many(connection, more):
    """A better source's row is kept, one that it confirms is unchanged, and a worse source's row is replaced."""
    load(connection, [BAR, replace(BARS[1], volume=2), *more], "krx")
    load(connection, [BARS[2]], "kis-virtual")
    counts = load(connection, [replace(BAR, volume=3), replace(BARS[1], volume=2), BARS[2], *more], "kis")
    assert counts == LoadCounts(updated=1, unchanged=1 + len(more), outranked=1)


@pytest.mark.thorough
@pytest.mark.parametrize("expect_empty", [False, True])
def test_writers_that_meet(database, expect_empty):
    """Four loaders bring the same 1,500 bars in different orders, round after round: none fails, none is lost."""
    orders = [BARS, BARS[::-1], BARS[700:] + BARS[:700], BARS[::2] + BARS[1::2]]
    with database.connect() as connection:
        load(connection, [replace(BAR, session=LATER)])

    def write(order):
        with database.connect() as connection:
            return [
                load(
                    connection, [replace(bar, session=day, volume=turn + 1) for bar in order], expect_empty=expect_empty
                )
                for day in (DAY, LATER + timedelta(1))
                for turn in range(2)
            ]

    with ThreadPoolExecutor(4) as pool:
        counts = [one for turns in pool.map(write, orders) for one in turns]
    assert {one.loaded for one in counts} == {1500}
    assert sum(one.inserted for one in counts) == 3000
    assert database.rows("SELECT count(*), count(DISTINCT (stock_code, session)) FROM market.daily_bar") == [
        (3001, 3001)
    ]


def test_looking_before_loading(connection):
    """Nothing stored of these codes and days is seen as such, whatever other codes and days have."""
    load(connection, BARS)
    later = [replace(bar, session=LATER) for bar in BARS]
    others = [replace(bar, stock_code=f"A{bar.stock_code[1:]}") for bar in BARS]
    assert none_stored(connection, DAILY_BAR, later)
    assert none_stored(connection, DAILY_BAR, others)
    assert not none_stored(connection, DAILY_BAR, [*others, BAR])
    assert not none_stored(connection, DAILY_BAR, [*later, BAR])


def test_looking_at_minutes(connection):
    """A session's later minutes are new although the earlier ones are stored; any zone will do."""
    opens = datetime(2026, 9, 14, 9, tzinfo=SEOUL)

    def minutes(first, last, zone=SEOUL):
        times = [(opens + timedelta(minutes=at)).astimezone(zone) for at in range(first, last)]
        return [MinuteBar(code, at, 1, 1, 1, 1, 1, 1) for code in ("000660", "005930") for at in times]

    upsert(connection, MINUTE_BAR, minutes(0, 30), "kis")
    assert none_stored(connection, MINUTE_BAR, minutes(30, 600, timezone.utc))
    assert not none_stored(connection, MINUTE_BAR, minutes(29, 600, timezone.utc))


def test_few_records_and_other_tables_are_not_looked_for(connection):
    """A handful of rows, or a table without partitions, is loaded the ordinary way."""
    assert not none_stored(connection, DAILY_BAR, BARS[:999])
    assert not none_stored(connection, INSTRUMENT, BARS)


def test_coming_months_are_made_ahead(database, connection):
    """This month's and the next one's partitions of all five tables are there before their first row; twice is safe."""
    day = date.fromisoformat(CLOCK[:10])
    made = ensure_coming_months(connection, day)
    assert made == 2 * 5
    assert ensure_coming_months(connection, day) == 0
    assert ensure_coming_months(connection, day - timedelta(60)) == 0
    connection.commit()
    with database.connect("owner") as owner, closing(owner.cursor()) as cursor:
        cursor.execute("SELECT to_regclass(%s)", ("market.order_book_2027_01",))
        assert cursor.fetchone() != (None,)
