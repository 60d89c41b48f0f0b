"""The files of the archive: one a month of a dataset, all columns as they were stored, in the order of its frame."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from pyarrow import parquet

from data_pipeline import __version__
from data_pipeline.datasets.dataset import Dataset, No
from data_pipeline.datasets.table import Table
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.read.archive.digest import Sum, add_up
from data_pipeline.read.archive.opened import opened
from data_pipeline.read.archive.stored import StoredColumn, columns_of, completed, from_text, schema_of, text_schema_of
from data_pipeline.read.copying import copy_tables
from data_pipeline.read.parts import part_of, system_errors

_MONTH = "SELECT {columns} FROM {table} b WHERE b.session BETWEEN {first} AND {last} ORDER BY {order}"


def file_of(dataset: str, month: date) -> str:
    """Return the path of a month's file within the archive folder."""
    return f"{dataset}/{dataset}-{month:%Y-%m}.parquet"


def last_day(month: date) -> date:
    """Return the last day of the month that begins on this one."""
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def write_month(cursor: Cursor, dataset: Dataset, month: date, path: Path) -> int:
    """Write the stored rows of a month into a file, which is there when it is whole, and return how many there are.

    A file of that name is replaced: it was written by an archive that did not get as far as dropping the month.

    Args:
        cursor: In a transaction whose settings suit COPY (:func:`data_pipeline.read.connection.reading`).
        dataset: One with a frame, whose order the file's is.
        month: Its first day.
        path: The file; its folder is made.

    Raises:
        ConfigurationError: The file system refuses, or a column has a type that no file can hold.
        InvalidRequestError: Another archive is writing the file, or something else than a file is there.
        psycopg2.Error: The server went away.
    """
    if isinstance(dataset.frame, No):
        raise ConfigurationError(f"{dataset.name} cannot be archived: {dataset.frame.why}")
    columns = columns_of(cursor, dataset.name)
    schema = schema_of(columns).with_metadata(
        {"data_pipeline.archive": f"{dataset.name} {month:%Y-%m}", "data_pipeline.version": __version__}
    )
    query = sql.SQL(_MONTH).format(
        columns=sql.SQL(", ").join(sql.Identifier("b", one.name) for one in columns),
        table=sql.Identifier("market", dataset.name),
        first=sql.Literal(month),
        last=sql.Literal(last_day(month)),
        order=sql.SQL(dataset.frame.order),
    )
    with system_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with part_of(path) as part:
            with parquet.ParquetWriter(part, schema, compression="zstd") as writer:
                rows = copy_tables(
                    cursor,
                    query.as_string(cursor),
                    text_schema_of(columns),
                    lambda found: writer.write_table(from_text(found, schema), row_group_size=found.num_rows),
                )
            part.flush()
            os.fsync(part.fileno())
            Path(part.name).replace(path)
        _write_down(path.parent)
    return rows


def sums_of(columns: Sequence[StoredColumn], table: Table, path: Path) -> dict[date, Sum]:
    """Return what the rows of a file add up to, by session; no more than a part of it is held at a time.

    Args:
        columns: Of the table, as the warehouse describes them.
        table: Of the dataset.
        path: The file.

    Raises:
        ConfigurationError: The file is not there, cannot be read, or is not one of this table.
    """
    stored = {one.name: one for one in columns}
    sums: dict[date, Sum] = {}
    with opened(path) as file:
        for number in range(file.num_row_groups):
            rows = completed(file.read_row_group(number), columns)
            add_up(rows, [stored[name] for name in table.columns], sums, dict(table.unwritten))
    return sums


def _write_down(folder: Path) -> None:
    """Have the disk remember the name of a file in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
