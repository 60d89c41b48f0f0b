"""A month in a file: the very rows, proved, and dropped only then."""

from datetime import date

import psycopg2
import pyarrow.parquet as pq
import pytest

from data_pipeline.exceptions import LoadError
from data_pipeline.read import order_books
from data_pipeline.read.archive.let_go import Kept, drop_month, keep_in_file, months_before, verify_files
from tests.support.old_months import AUG, OCT, SEP
from tests.support.seals import seals
from tests.support.tables import TABLES

SEPTEMBER, NOVEMBER = date(2026, 9, 1), date(2026, 11, 1)
MONTHS = [date(2026, 8, 1), SEPTEMBER, date(2026, 10, 1)]
EACH = pytest.mark.parametrize("dataset", ["minute_bar", "price_snapshot", "order_book", "trade"])


@EACH
def test_the_file_adds_up_to_the_seals(old, owner, folder, dataset):
    """Rows and digests worked out from the file alone are those that the triggers kept."""
    kept = keep_in_file(owner, dataset, SEPTEMBER, folder)
    rows, _, digest = seals(old, TABLES[dataset])[SEP]
    assert kept == Kept(f"{dataset}/{dataset}-2026-09.parquet", rows, digest)
    assert pq.read_metadata(folder / kept.file).num_rows == rows
    assert sorted(path.name for path in (folder / dataset).iterdir()) == [f"{dataset}-2026-09.parquet"]


@pytest.mark.thorough
@EACH
def test_a_month_goes_into_its_file(old, owner, folder, dataset):
    """Once dropped it is in the file only, and verifying proves it there."""
    kept = keep_in_file(owner, dataset, SEPTEMBER, folder)
    assert drop_month(owner, dataset, SEPTEMBER, kept) == kept.rows
    assert drop_month(owner, dataset, SEPTEMBER, kept) == 0
    assert old.rows("SELECT month, rows, file FROM market.archive") == [(SEPTEMBER, kept.rows, kept.file)]
    (verified,) = verify_files(owner, [dataset], None, None, folder)
    assert (verified.sessions, verified.rows, verified.findings) == (1, kept.rows, ())
    assert [one.month for one in months_before(owner, dataset, NOVEMBER)] == [MONTHS[0], MONTHS[2]]


def test_months_before_a_day(old, owner):
    """Rows by their seals, bytes on disk, and what coverage lacks."""
    found = months_before(owner, "minute_bar", date(2026, 10, 1))
    assert [(one.month, one.rows, one.last) for one in found] == [
        (date(2026, 8, 1), 8, date(2026, 8, 31)), (SEPTEMBER, 8, date(2026, 9, 30)),
    ]  # fmt: skip
    assert all(one.size > 8000 for one in found)
    # Coverage expects both instruments on each session of September after the first, too.
    assert found[0].lacking == 0
    assert found[1].lacking == 2 * 19


def test_a_file_that_is_there_and_right_stays(old, owner, folder):
    """A second run, as after a kill, finds it and writes nothing."""
    kept = keep_in_file(owner, "minute_bar", SEPTEMBER, folder)
    written = (folder / kept.file).stat()
    assert keep_in_file(owner, "minute_bar", SEPTEMBER, folder) == kept
    assert (folder / kept.file).stat().st_ino == written.st_ino


def test_a_file_that_is_there_and_wrong_is_written_anew(old, owner, folder):
    """One of another month, one that was cut short, and one of no Parquet."""
    good = keep_in_file(owner, "minute_bar", SEPTEMBER, folder)
    path = folder / good.file
    whole = path.read_bytes()
    other = folder / keep_in_file(owner, "minute_bar", MONTHS[0], folder).file
    for wrong in (other.read_bytes(), whole[:-10], b"nothing"):
        path.write_bytes(wrong)
        assert keep_in_file(owner, "minute_bar", SEPTEMBER, folder) == good
        assert pq.read_metadata(path).num_rows == 8


def test_rows_that_are_not_as_sealed_stay(old, owner, folder):
    """They are written, found to differ, and nothing is dropped."""
    with old.connect("owner") as damaging, damaging, damaging.cursor() as cursor:
        cursor.execute("UPDATE market.minute_bar_2026_09 SET volume = volume + 1, trading_value = trading_value + high")
    with pytest.raises(LoadError, match=r"minute_bar of 2026-09.*not as they were sealed"):
        keep_in_file(owner, "minute_bar", SEPTEMBER, folder)
    with pytest.raises(LoadError, match="not as it was sealed, and stays"):
        drop_month(owner, "minute_bar", SEPTEMBER, None)


def test_a_file_that_changed_afterwards_is_found(old, owner, folder):
    """One value more in a column; a file that is gone; and no folder at all."""
    kept = keep_in_file(owner, "minute_bar", SEPTEMBER, folder)
    drop_month(owner, "minute_bar", SEPTEMBER, kept)
    path = folder / kept.file
    table = pq.read_table(path)
    volume = table.column("volume").to_pylist()
    at = table.schema.get_field_index("volume")
    pq.write_table(table.set_column(at, table.schema.field(at), [[volume[0] + 1, *volume[1:]]]), path)

    def found(where):
        return [
            (finding.session, finding.difference.name)
            for one in verify_files(owner, ["minute_bar", "daily_bar"], AUG, OCT, where)
            for finding in one.findings
        ]

    assert found(folder) == [(SEP, "CHANGED")]
    path.unlink()
    assert found(folder) == found(None) == [(SEP, "FILE")]


def test_a_file_that_is_older_than_a_column(old, owner, reader, folder):
    """Books from before there were venues are of KRX, as the column's default says of stored ones."""
    with old.connect("owner") as early, early, early.cursor() as cursor:
        cursor.execute("DELETE FROM market.order_book WHERE venue <> 'KRX'")
    kept = keep_in_file(owner, "order_book", SEPTEMBER, folder)
    table = pq.read_table(folder / kept.file)
    assert table.column("venue").to_pylist() == ["KRX"]
    pq.write_table(table.drop_columns(["venue"]), folder / kept.file)
    drop_month(owner, "order_book", SEPTEMBER, kept)
    (verified,) = verify_files(owner, ["order_book"], None, None, folder)
    assert (verified.rows, verified.findings) == (1, ())
    assert order_books(None, SEP, SEP, connection=reader)["venue"].tolist() == ["KRX"]


def test_a_login_that_may_not(old, folder):
    """The loader can read and so write files, and drops nothing."""
    with old.connect("loader") as loader:
        kept = keep_in_file(loader, "minute_bar", SEPTEMBER, folder)
        with pytest.raises(Exception, match="permission denied") as raised:
            drop_month(loader, "minute_bar", SEPTEMBER, kept)
        assert not isinstance(raised.value, psycopg2.Error)
