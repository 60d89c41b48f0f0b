"""A file of the archive, opened to be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.read.archive.stored import StoredColumn, completed


def rows_of(
    path: Path, columns: Sequence[StoredColumn], rows: int, codes: Sequence[str] | None, first: date, last: date
) -> Iterator[Any]:
    """Yield the rows of a file that are asked for, with the columns of today, as tables in the order of the file.

    Args:
        path: The file.
        columns: Of the table, as the warehouse describes them.
        rows: How many rows the whole file has, as the warehouse remembers.
        codes: In order; None for all.
        first: First session, included.
        last: Last session, included.

    Raises:
        ConfigurationError: The file is not there, cannot be read, or has another number of rows; the message names it.
    """
    with opened(path) as file:
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
                yield completed(found, columns)


def _may_hold(file: Any, number: int, codes: Sequence[str]) -> bool:
    """Return whether a part of a file may hold one of the codes, by its smallest and largest."""
    group = file.metadata.row_group(number)
    at = file.schema_arrow.names.index("stock_code")
    said = group.column(at).statistics
    return said is None or not said.has_min_max or any(said.min <= code <= said.max for code in codes)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Yield a Parquet file.

    Raises:
        ConfigurationError: It is not there, or cannot be read; the message names it.
    """
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except FileNotFoundError:
        raise ConfigurationError(f"the archived rows are in {path}, which is not there: bring the file back") from None
    except (OSError, pa.ArrowException) as error:
        raise ConfigurationError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
