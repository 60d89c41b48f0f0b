"""One read into one Parquet file, a row group at a time: under its name it is whole, or not there at all."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
from pyarrow import parquet

from data_pipeline import __version__
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.read.arrow import schema_of
from data_pipeline.read.connection import reading
from data_pipeline.read.copying import BLOCK, copy_tables
from data_pipeline.read.forms import as_frame
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
    _require_free(path, replace)
    with _system_errors(path), _part(path) as part:
        rows = _write(plan, part, connection, progress, block)
        part.flush()
        os.fsync(part.fileno())
        size = part.tell()
        _require_free(path, replace)
        Path(part.name).replace(path)
    return Exported(rows, size)


def _require_free(path: Path, replace: bool) -> None:
    try:
        mode = path.lstat().st_mode  # not through a link: what would be replaced is the link
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise InvalidRequestError(
            f"{path} is {_kind(mode)}, which an export never replaces: name a file in a folder that exists"
        )
    if not replace:
        raise InvalidRequestError(f"{path} exists: choose another name, or add --force (replace=True) to replace it")


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


def _write(plan: Plan, part: IO[bytes], connection: Any, progress: Callable[[int, int], None], block: int) -> int:
    schema = schema_of(plan.frame)
    with reading(connection, plan.frame.name) as cursor:
        query = plan.query(cursor)
        with parquet.ParquetWriter(part, schema.with_metadata(_metadata(plan, schema)), compression="zstd") as writer:
            rows = 0

            def consume(table: Any) -> None:
                nonlocal rows
                writer.write_table(table, row_group_size=table.num_rows)
                rows += table.num_rows
                progress(rows, part.tell())

            return copy_tables(cursor, query, schema, consume, block)


def _metadata(plan: Plan, schema: Any) -> dict[bytes, bytes]:
    """Return metadata: what was asked for, and what pandas needs to give the same types back."""
    said = {f"data_pipeline.{name}": value.encode() for name, value in plan.about.items()}
    said["data_pipeline.dataset"] = plan.frame.name.encode()
    said["data_pipeline.version"] = __version__.encode()
    said["data_pipeline.exported_at"] = datetime.now(timezone.utc).isoformat(timespec="seconds").encode()
    pandas = pa.Schema.from_pandas(as_frame(schema, []), preserve_index=False).metadata
    return {**{name.encode(): value for name, value in said.items()}, b"pandas": pandas[b"pandas"]}


@contextmanager
def _part(path: Path) -> Iterator[IO[bytes]]:
    """Yield the file to write, locked; an error deletes it."""
    name = path.with_name(f"{path.name}.part")
    _require_free(name, replace=True)
    # Between the check and the opening somebody may put a link or a pipe there: it is neither followed nor waited for.
    flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with open(name, "ab", opener=lambda path, _: os.open(path, flags, 0o666)) as part:
        if not stat.S_ISREG(os.fstat(part.fileno()).st_mode):
            raise InvalidRequestError(f"{name} is no regular file: choose another name")
        if not _locked(part, name):
            raise InvalidRequestError(f"another export is writing {path}: wait for it or choose another name")
        part.truncate(0)  # of one that was killed
        try:
            yield part
        except BaseException:
            name.unlink(missing_ok=True)
            raise


def _locked(part: IO[bytes], name: Path) -> bool:
    """Lock the file, which must not have become the finished one in the meantime."""
    try:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(part.fileno()), name.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


@contextmanager
def _system_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}") from None
