"""Frames and files over archived months: the same as before they were let go."""

from datetime import date

import pandas as pd
import pytest

from data_pipeline.exceptions import ConfigurationError, IncompleteDataError
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.read import frame, minute_bars, order_books, price_snapshots
from data_pipeline.read.archive.let_go import drop_month, keep_in_file
from data_pipeline.read.parquet import export
from data_pipeline.read.plans import plan_minute_bars
from tests.support.market_rows import SAMSUNG, ZEROS
from tests.support.old_months import AUG, OCT, SEP, minutes_of
from tests.support.tables import MINUTE_BAR

AUGUST, SEPTEMBER, OCTOBER = (date(2026, month, 1) for month in (8, 9, 10))
READS = {
    "minutes": lambda codes, first, last, reader: minute_bars(codes, first, last, complete=False, connection=reader),
    "5 minutes": lambda codes, first, last, reader: minute_bars(
        codes, first, last, 5, complete=False, connection=reader
    ),
    "30 minutes": lambda codes, first, last, reader: minute_bars(
        codes, first, last, 30, complete=False, connection=reader
    ),
    "prices": lambda codes, first, last, reader: price_snapshots(codes, first, last, complete=False, connection=reader),
    "books": lambda codes, first, last, reader: order_books(codes, first, last, complete=False, connection=reader),
    "trades": lambda codes, first, last, reader: frame("trade", codes, first, last, complete=False, connection=reader),
}
ASKED = [(None, AUG, OCT), ([ZEROS], AUG, OCT), ([SAMSUNG], SEP, SEP), (None, SEP, OCT), (None, date(2026, 9, 2), OCT)]


def let_go(owner, folder, *months, datasets=("minute_bar", "price_snapshot", "order_book", "trade")):
    """Archive months of some datasets."""
    for dataset in datasets:
        for month in months:
            drop_month(owner, dataset, month, keep_in_file(owner, dataset, month, folder))


@pytest.mark.thorough
@pytest.mark.parametrize("months", [(AUGUST, SEPTEMBER), (SEPTEMBER,), (AUGUST, SEPTEMBER, OCTOBER)], ids=len)
def test_a_frame_is_the_same_as_before(old, owner, reader, folder, months):
    """Values, types, order, whichever months are in files: the oldest, one between stored ones, or all."""
    before = {(name, place): read(*asked, reader) for name, read in READS.items() for place, asked in enumerate(ASKED)}
    assert [len(before[name, 0]) for name in READS] == [24, 18, 12, 6, 6, 18]
    let_go(owner, folder, *months)
    for (name, place), expected in before.items():
        pd.testing.assert_frame_equal(READS[name](*ASKED[place], reader), expected)


def test_one_code_more_in_a_file_only(old, owner, connection, reader, folder):
    """Its rows stand where its code belongs: before, between and after the codes that are stored."""
    for code in ("000010", "003000", "999999"):
        upsert(connection, MINUTE_BAR, minutes_of(code, SEP), "kis")
    connection.commit()
    before = minute_bars(None, AUG, OCT, complete=False, connection=reader)
    let_go(owner, folder, SEPTEMBER, datasets=["minute_bar"])
    after = minute_bars(None, AUG, OCT, complete=False, connection=reader)
    pd.testing.assert_frame_equal(after, before)
    assert after["stock_code"].drop_duplicates().tolist() == ["000010", "000020", "003000", "005930", "999999"]


def test_an_export_is_the_frame(old, owner, reader, folder, tmp_path):
    """The file of a range over archived months is read back as the frame."""
    let_go(owner, folder, AUGUST, SEPTEMBER)
    done = export(plan_minute_bars(None, AUG, OCT, complete=False), tmp_path / "bars.parquet", reader)
    assert done.rows == 24
    expected = minute_bars(None, AUG, OCT, complete=False, connection=reader)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "bars.parquet"), expected)


def test_what_was_whole_is_still_whole(old, owner, reader, folder):
    """Completeness is asked of the proofs, which stay."""
    let_go(owner, folder, SEPTEMBER)
    assert len(minute_bars(None, SEP, SEP, connection=reader)) == 8
    assert len(price_snapshots(SAMSUNG, SEP, SEP, connection=reader)) == 1
    assert len(order_books(None, SEP, SEP, connection=reader)) == 2


def test_a_file_that_is_missing_is_named(old, owner, reader, folder):
    """Also when whoever asks would take an incomplete frame."""
    let_go(owner, folder, SEPTEMBER)
    path = folder / "minute_bar" / "minute_bar-2026-09.parquet"
    path.rename(path.with_name("elsewhere"))
    for complete in (True, False):
        with pytest.raises(ConfigurationError, match=str(path)):
            minute_bars(None, SEP, SEP, complete=complete, connection=reader)
    assert len(minute_bars(None, OCT, OCT, connection=reader)) == 8


def test_a_file_that_is_not_the_one_is_refused(old, owner, connection, reader, folder):
    """One that is no Parquet, and one of the right name with more rows, which are counted before any is taken."""
    early = (folder / keep_in_file(owner, "minute_bar", SEPTEMBER, folder).file).read_bytes()
    upsert(connection, MINUTE_BAR, minutes_of("000010", SEP), "kis")
    connection.commit()
    let_go(owner, folder, SEPTEMBER, datasets=["minute_bar"])
    path = folder / "minute_bar" / "minute_bar-2026-09.parquet"
    for wrong, said in ((b"PAR1", "cannot be read"), (early, "holds 8 rows, and 12 were archived")):
        path.write_bytes(wrong)
        with pytest.raises(ConfigurationError, match=f"{path.name} {said}"):
            minute_bars(SAMSUNG, SEP, SEP, connection=reader)


def test_without_the_folder_nothing_is_given(old, owner, reader, tmp_path, monkeypatch):
    """The error says what the rows are in, and what to set."""
    let_go(owner, tmp_path, SEPTEMBER)
    monkeypatch.delenv("ARCHIVE_FOLDER", raising=False)
    with pytest.raises(ConfigurationError, match=r"minute_bar of 2026-09 is archived in minute_bar/.*ARCHIVE_FOLDER"):
        minute_bars(None, SEP, SEP, connection=reader)


def test_rows_that_are_nowhere(old, owner, reader, folder):
    """A month that was let go for good is an error, unless an incomplete frame will do."""
    drop_month(owner, "minute_bar", SEPTEMBER, None)
    with pytest.raises(IncompleteDataError, match="minute_bar of 2026-09 was let go without a file"):
        minute_bars(None, AUG, SEP, connection=reader)
    assert len(minute_bars(None, AUG, SEP, complete=False, connection=reader)) == 8
