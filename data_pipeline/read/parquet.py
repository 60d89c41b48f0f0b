"""One read into one Parquet file, a row group at a time: under its name it is whole, or not there at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
from pyarrow import parquet

from data_pipeline import __version__
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.read.archive.rows import read_rows
from data_pipeline.read.arrow import schema_of
from data_pipeline.read.connection import reading
from data_pipeline.read.copying import BLOCK
from data_pipeline.read.forms import as_frame
from data_pipeline.read.parts import part_of, require_free, system_errors
from data_pipeline.read.plans import Plan


class Exported(NamedTuple):
    """What a file holds."""

    rows: int
    size: int
    """Bytes."""


def export(
    plan: Plan,
    path: Path,
    connection: Any = None,
    *,
    replace: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
    block: int = BLOCK,
) -> Exported:
    """Write what a plan reads into a Parquet file; what is held in memory does not grow with the range.

    Rows come in the plan's order. The types are those of the frames, fields carry their unit in their metadata (won,
    shares, ...), moments keep their zone, and ``pandas.read_parquet`` gives the same frame back. Until it is whole the
    file is called ``<name>.part``; an error deletes that, and what a killed export left is overwritten by the next one.

    Args:
        plan: Of :mod:`data_pipeline.read.plans`.
        path: The file; its folder exists.
        connection: See :mod:`data_pipeline.read`.
        replace: Whether a file that is there may be replaced.
        progress: Called after each block with rows and bytes written so far.
        block: Bytes of COPY text that make one row group.

    Raises:
        InvalidRequestError: The file exists, or is not a regular file (a link, a device, a pipe); its folder does not
            exist; or another export is writing it.
        ConfigurationError: The file system refuses: no space, no permission.
        DataPipelineError: As for the frames.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InvalidRequestError(f"{path} cannot be written: name a file in a folder that exists")
    require_free(path, replace)
    with system_errors(path), part_of(path) as part:
        rows = _write(plan, part, connection, progress, block)
        part.flush()
        os.fsync(part.fileno())
        size = part.tell()
        require_free(path, replace)
        Path(part.name).replace(path)
    return Exported(rows, size)


def _write(plan: Plan, part: IO[bytes], connection: Any, progress: Callable[[int, int], None], block: int) -> int:
    schema = schema_of(plan.frame)
    metadata = schema.with_metadata(_metadata(plan, schema))
    with (
        reading(connection, plan.frame.name) as cursor,
        parquet.ParquetWriter(part, metadata, compression="zstd") as writer,
    ):
        rows = 0

        def consume(table: Any) -> None:
            nonlocal rows
            writer.write_table(table, row_group_size=table.num_rows)
            rows += table.num_rows
            progress(rows, part.tell())

        return read_rows(cursor, plan, schema, consume, block)


def _metadata(plan: Plan, schema: Any) -> dict[bytes, bytes]:
    """Return metadata: what was asked for, and what pandas needs to give the same types back."""
    said = {f"data_pipeline.{name}": value.encode() for name, value in plan.about.items()}
    said["data_pipeline.dataset"] = plan.frame.name.encode()
    said["data_pipeline.version"] = __version__.encode()
    said["data_pipeline.exported_at"] = datetime.now(timezone.utc).isoformat(timespec="seconds").encode()
    pandas = pa.Schema.from_pandas(as_frame(schema, []), preserve_index=False).metadata
    return {**{name.encode(): value for name, value in said.items()}, b"pandas": pandas[b"pandas"]}
