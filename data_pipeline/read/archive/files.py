"""The files of the archive: one Parquet file a month of a dataset, all columns as they were stored, in the order of the key."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from pyarrow import parquet

from data_pipeline import __version__
from data_pipeline.datasets.table import Table
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.loading.coverage.seals import Held
from data_pipeline.read.archive.digest import add_up
from data_pipeline.read.archive.stored import StoredColumn, columns_of, from_text, schema_of, text_schema_of
from data_pipeline.read.copying import copy_tables
from data_pipeline.read.parts import part_of, system_errors

_MONTH = "SELECT {columns} FROM {table} WHERE session BETWEEN {first} AND {last} ORDER BY {key}"


def file_of(dataset: str, month: date) -> str:
    """Return the path of a month's file within the archive folder."""
    return f"{dataset}/{dataset}-{month:%Y-%m}.parquet"


def last_day(month: date) -> date:
    """Return the last day of the month that begins on this one."""
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def write_month(cursor: Cursor, table: Table, month: date, path: Path) -> int:
    """Write the stored rows of a month into a file, which is there when it is whole, and return how many there are.

    A file of that name is replaced: it was written by an archive that did not get as far as dropping the month.

    Args:
        cursor: In a transaction whose settings suit COPY (:func:`data_pipeline.read.connection.reading`).
        table: Of the dataset.
        month: Its first day.
        path: The file; its folder is made.

    Raises:
        ConfigurationError: The file system refuses, or a column has a type that no file can hold.
        InvalidRequestError: Another archive is writing the file, or something else than a file is there.
        psycopg2.Error: The server went away.
    """
    columns = columns_of(cursor, table.name)
    schema = schema_of(columns).with_metadata(
        {"data_pipeline.archive": f"{table.name} {month:%Y-%m}", "data_pipeline.version": __version__}
    )
    query = sql.SQL(_MONTH).format(
        columns=sql.SQL(", ").join(sql.Identifier(one.name) for one in columns),
        table=sql.Identifier("market", table.name),
        first=sql.Literal(month),
        last=sql.Literal(last_day(month)),
        key=sql.SQL(", ").join(map(sql.Identifier, table.key)),
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


def sums_of(columns: Sequence[StoredColumn], table: Table, path: Path) -> dict[date, Held]:
    """Return what the rows of a file add up to, by session; no more than a part of it is held at a time.

    Args:
        columns: Of the table, as the warehouse describes them.
        table: Of the dataset.
        path: The file.

    Raises:
        ConfigurationError: The file is not there, cannot be read, or is not one of this table.
    """
    stored = {one.name: one for one in columns}
    sums: dict[date, Held] = {}
    with _opened(path) as file:
        if file.schema_arrow.names != [*stored]:
            raise ConfigurationError(f"{path} does not have the columns of market.{table.name}")
        for number in range(file.num_row_groups):
            add_up(file.read_row_group(number), [stored[name] for name in table.columns], sums)
    return sums


def rows_of(path: Path, rows: int, codes: Sequence[str] | None, first: date, last: date) -> Iterator[Any]:
    """Yield the rows of a file that are asked for, as tables in the order of the key.

    Args:
        path: The file.
        rows: How many rows the whole file has, as the warehouse remembers.
        codes: In order; None for all.
        first: First session, included.
        last: Last session, included.

    Raises:
        ConfigurationError: The file is not there, cannot be read, or has another number of rows; the message names it.
    """
    with _opened(path) as file:
        if file.metadata.num_rows != rows:
            raise ConfigurationError(
                f"{path} holds {file.metadata.num_rows:,} rows, and {rows:,} were archived: bring the right file back"
            )
        for number in range(file.num_row_groups):
            if codes is not None and not _may_hold(file, number, codes):
                continue
            table = file.read_row_group(number)
            session = table.column("session")
            wanted = pc.and_(pc.greater_equal(session, pa.scalar(first)), pc.less_equal(session, pa.scalar(last)))
            if codes is not None:
                wanted = pc.and_(wanted, pc.is_in(table.column("stock_code"), value_set=pa.array(codes)))
            found = table.filter(wanted)
            if found.num_rows:
                yield found


def _may_hold(file: Any, number: int, codes: Sequence[str]) -> bool:
    """Return whether a part of a file may hold one of the codes, by its smallest and largest."""
    group = file.metadata.row_group(number)
    at = file.schema_arrow.names.index("stock_code")
    said = group.column(at).statistics
    return said is None or not said.has_min_max or any(said.min <= code <= said.max for code in codes)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except FileNotFoundError:
        raise ConfigurationError(f"the archived rows are in {path}, which is not there: bring the file back") from None
    except (OSError, pa.ArrowException) as error:
        raise ConfigurationError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def _write_down(folder: Path) -> None:
    """Have the disk remember the name of a file in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
