"""An archived month that comes back: the very rows, under the same seals, or nothing at all."""

from datetime import date

import psycopg2
import pyarrow.parquet as pq
import pytest

from data_pipeline.exceptions import ConfigurationError, InvalidRequestError, LoadError
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.loading.coverage.seals import months_to_verify, verify_seals
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.read.archive.bring_back import bring_back
from data_pipeline.read.archive.let_go import drop_month, keep_in_file
from tests.support.market_rows import SAMSUNG
from tests.support.old_months import SEP, minutes_of
from tests.support.tables import MINUTE_BAR

SEPTEMBER = date(2026, 9, 1)
ROWS = {"minute_bar": 8, "price_snapshot": 2, "order_book": 2, "trade": 6}
"""Of September, as `tests/support/old_months.py` fills it."""
NOTED = "SELECT file, dropped_at, dropped_by FROM market.archive"


def let_go(owner, folder, dataset="minute_bar"):
    """Archive September; return the path of its file."""
    kept = keep_in_file(owner, dataset, SEPTEMBER, folder)
    drop_month(owner, dataset, SEPTEMBER, kept)
    return folder / kept.file


def stored(database, dataset):
    """Every row of a dataset with every column, and its seals without the moment when they were made."""
    rows = database.rows(f"SELECT t::text FROM market.{dataset} t ORDER BY 1")
    seals = "SELECT session, version, rows, official, digest, sealed_at FROM market.seal WHERE dataset = %s ORDER BY 1"
    return rows, database.rows(seals, dataset)


@pytest.mark.parametrize("dataset", ROWS)
def test_the_very_rows_come_back(old, owner, folder, dataset):
    """Every column of them, also who loaded them when; seals are untouched and fit, and nothing counts as restated."""
    before = stored(old, dataset)
    path = let_go(owner, folder, dataset)
    assert bring_back(owner, dataset, SEPTEMBER, folder) == ROWS[dataset]
    assert stored(old, dataset) == before
    assert old.rows(NOTED) == [(None, None, None)]
    assert old.rows("SELECT count(*) FROM market.restatement") == [(0,)]
    months = months_to_verify(owner, [dataset])
    assert [one.findings for one in verify_seals(owner, months)] == [(), (), ()]
    assert path.exists()


def test_coverage_no_longer_calls_it_archived(old, owner, reader, folder):
    """Its cells are loaded, as their proofs have said all along."""
    let_go(owner, folder)
    bring_back(owner, "minute_bar", SEPTEMBER, folder)
    (day,) = coverage(reader, SEP, SEP, "minute_bar")
    assert (day.expected, day.loaded, day.archived) == (2, 2, 0)


def test_it_takes_rows_again(old, owner, connection, folder):
    """A load into it goes through the triggers of the table, as into any month, and it can be archived anew."""
    let_go(owner, folder)
    bring_back(owner, "minute_bar", SEPTEMBER, folder)
    upsert(connection, MINUTE_BAR, minutes_of(SAMSUNG, SEP, shares=11), "kis")
    connection.commit()
    assert old.rows("SELECT count(*) FROM market.restatement") == [(4,)]
    let_go(owner, folder)
    assert bring_back(owner, "minute_bar", SEPTEMBER, folder) == 8
    assert old.rows("SELECT sum(volume) FROM market.minute_bar WHERE session = %s", SEP) == [(4 * 11 + 4 * 10,)]


def test_twice_is_once(old, owner, folder):
    """What is stored stays as it is, whether or not it was ever archived."""
    let_go(owner, folder)
    bring_back(owner, "minute_bar", SEPTEMBER, folder)
    assert bring_back(owner, "minute_bar", SEPTEMBER, folder) is None
    assert bring_back(owner, "minute_bar", date(2026, 8, 1), folder) is None


def test_a_file_that_is_not_as_sealed_brings_nothing_back(old, owner, folder):
    """One share more in a row, and the file of another month: the month stays archived, and no row comes."""
    path = let_go(owner, folder)
    other = folder / keep_in_file(owner, "minute_bar", date(2026, 8, 1), folder).file
    table = pq.read_table(path)
    at, volume = table.schema.get_field_index("volume"), table.column("volume").to_pylist()
    pq.write_table(table.set_column(at, table.schema.field(at), [[volume[0] + 1, *volume[1:]]]), path)
    for how in ("8 rows sealed, 8 stored", "8 rows sealed, 0 stored"):
        with pytest.raises(LoadError, match=f"does not hold minute_bar of 2026-09 .* stays archived.*{how}"):
            bring_back(owner, "minute_bar", SEPTEMBER, folder)
        path.write_bytes(other.read_bytes())
    assert old.rows("SELECT market.is_archived('minute_bar', %s)", SEP) == [(True,)]
    assert old.rows("SELECT to_regclass('market.minute_bar_2026_09')") == [(None,)]


def test_a_file_that_is_gone_is_named(old, owner, folder):
    """Nothing else happens."""
    path = let_go(owner, folder)
    path.unlink()
    with pytest.raises(ConfigurationError, match=r"minute_bar-2026-09\.parquet, which is not there"):
        bring_back(owner, "minute_bar", SEPTEMBER, folder)
    assert old.rows("SELECT market.is_archived('minute_bar', %s)", SEP) == [(True,)]


def test_what_is_nowhere_does_not_come_back(old, owner, folder):
    """A month that was let go without a file, and one that was never there."""
    drop_month(owner, "minute_bar", SEPTEMBER, None)
    with pytest.raises(InvalidRequestError, match="let go without a file"):
        bring_back(owner, "minute_bar", SEPTEMBER, folder)
    with pytest.raises(InvalidRequestError, match="minute_bar of 2024-02 is neither archived nor stored"):
        bring_back(owner, "minute_bar", date(2024, 2, 1), folder)


def test_a_file_that_is_older_than_a_column(old, owner, folder):
    """Books from before there were venues come back as books of KRX."""
    with old.connect("owner") as early, early, early.cursor() as cursor:
        cursor.execute("DELETE FROM market.order_book WHERE venue <> 'KRX'")
    path = let_go(owner, folder, "order_book")
    pq.write_table(pq.read_table(path).drop_columns(["venue"]), path)
    assert bring_back(owner, "order_book", SEPTEMBER, folder) == 1
    assert old.rows("SELECT venue FROM market.order_book WHERE session = %s", SEP) == [("KRX",)]


def test_a_login_that_may_not(old, owner, folder):
    """The loader brings nothing back."""
    let_go(owner, folder)
    with old.connect("loader") as loader:
        with pytest.raises(ConfigurationError, match="permission denied") as raised:
            bring_back(loader, "minute_bar", SEPTEMBER, folder)
        assert not isinstance(raised.value, psycopg2.Error)


def test_who_comes_second_waits(old, owner, folder):
    """While one brings it back another one waits for it, instead of making the partition as well."""
    let_go(owner, folder)
    with old.connect("owner") as first, old.connect("owner") as second:
        first.cursor().execute("SELECT FROM market.archive WHERE dataset = 'minute_bar' FOR UPDATE")
        second.cursor().execute("SET lock_timeout = '20ms'")
        second.commit()
        with pytest.raises(Exception, match="held a lock for longer than lock_timeout"):
            bring_back(second, "minute_bar", SEPTEMBER, folder)
