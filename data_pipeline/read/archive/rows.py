"""The rows of a read: what is stored, and beside it what lies in the files of archived months, in one order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.exceptions import ConfigurationError, IncompleteDataError
from data_pipeline.read.archive.opened import rows_of
from data_pipeline.read.archive.shape import Shape, shape_of
from data_pipeline.read.archive.stored import StoredColumn, columns_of
from data_pipeline.read.connection import settings_here
from data_pipeline.read.copying import BLOCK, copy_tables
from data_pipeline.settings import text

if TYPE_CHECKING:
    from data_pipeline.read.plans import Plan

LEAST = 50_000
"""Rows that are handed over together, so that a file does not fall into one part for each code."""
_ARCHIVED = """
    SELECT month, rows, file, dropped_at FROM market.archive
    WHERE dataset = %s AND dropped_at IS NOT NULL AND month BETWEEN date_trunc('month', %s::timestamp) AND %s
    ORDER BY month
"""
Run = tuple[str, int, Any]
"""A stock code, the place of its month, and rows of both, in order."""


@dataclass(frozen=True)
class ArchivedMonth:
    """A month that was let go."""

    month: date
    rows: int
    file: str | None
    """Its path within the archive folder; None when the rows are nowhere."""
    dropped_at: datetime


def archived_months(cursor: Cursor, dataset: str, first: date, last: date) -> list[ArchivedMonth]:
    """Return the archived months of a dataset that a range of sessions touches, both ends included, oldest first."""
    cursor.execute(_ARCHIVED, (dataset, first, last))
    return [ArchivedMonth(*row) for row in cursor.fetchall()]


def archive_folder(environ: Mapping[str, str], needs: str) -> Path:
    """Return the folder that ``ARCHIVE_FOLDER`` names.

    Raises:
        ConfigurationError: It names none; the message says what ``needs`` it.
    """
    if named := text(environ, "ARCHIVE_FOLDER"):
        return Path(named)
    raise ConfigurationError(f"{needs}: name the folder of the archive in ARCHIVE_FOLDER")


def read_rows(cursor: Cursor, plan: Plan, schema: Any, consume: Callable[[Any], None], block: int = BLOCK) -> int:
    """Hand the rows of a plan to ``consume`` as Arrow tables, in the plan's order, and return how many there were.

    Args:
        cursor: In a transaction.
        plan: What is read.
        schema: Of its frame.
        consume: Called once a block, never with an empty table.
        block: Bytes of text that a table of stored rows is made of, about.

    Raises:
        ConfigurationError: The file of an archived month is not there or not the right one; the message names it.
        IncompleteDataError: A month was let go without a file, and the plan wants everything.
        DataPipelineError: As for :meth:`data_pipeline.read.plans.Plan.query`.
    """
    query = plan.query(cursor)
    months = archived_months(cursor, plan.archived, plan.values["first"], plan.values["last"]) if plan.archived else []
    files = [one for one in months if one.file]
    if plan.complete and len(files) < len(months):
        gone = next(one for one in months if not one.file)
        raise IncompleteDataError(
            f"{plan.archived} of {gone.month:%Y-%m} was let go without a file on {gone.dropped_at:%Y-%m-%d}: "
            "choose another range, or complete=False (--incomplete) takes what is there"
        )
    if not files:
        return copy_tables(cursor, query, schema, consume, block)
    shape = shape_of(plan.frame, schema, plan.minutes)
    columns = columns_of(cursor, plan.archived)
    both = _Both(_runs(files, columns, plan, shape), schema, plan.frame.order, consume)
    copy_tables(cursor, query, schema, both.take, block)
    # While files are read on, the server would otherwise end a transaction in which nothing happens.
    return both.end(lambda: cursor.execute("SELECT"))


def _runs(files: Sequence[ArchivedMonth], columns: Sequence[StoredColumn], plan: Plan, shape: Shape) -> Iterator[Run]:
    """Yield the archived rows by code, and those of a code by month."""
    first = files[0]
    folder = archive_folder(settings_here(), f"{plan.archived} of {first.month:%Y-%m} is archived in {first.file}")
    months = (
        _of_month(place, folder / str(one.file), one.rows, columns, plan, shape) for place, one in enumerate(files)
    )
    return merge(*months, key=lambda run: run[:2])


def _of_month(
    place: int, path: Path, rows: int, columns: Sequence[StoredColumn], plan: Plan, shape: Shape
) -> Iterator[Run]:
    values = plan.values
    for code, table in by_code(rows_of(path, columns, rows, values["codes"], values["first"], values["last"])):
        yield code, place, shape(table)


def by_code(tables: Iterator[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the rows of each stock code as one table; rows of a code are neighbours."""
    held: list[Any] = []
    for table in tables:
        for code, part in split(table):
            if held and held[-1][0] != code:
                yield held[0][0], pa.concat_tables(one for _, one in held)
                held = []
            held.append((code, part))
    if held:
        yield held[0][0], pa.concat_tables(one for _, one in held)


def split(table: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a table that have one stock code each, in order."""
    codes = table.column("stock_code").combine_chunks()
    runs = pa.compute.run_end_encode(codes) if table.num_rows else None
    begin = 0
    for code, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True) if runs is not None else ():
        yield code, table.slice(begin, end - begin)
        begin = end


class _Both:
    """Puts archived rows before or between the stored ones, which come block by block.

    Args:
        archived: By code and month.
        schema: Of the frame.
        order: What its rows are sorted by, the code first.
        consume: Gets the rows.
    """

    def __init__(self, archived: Iterator[Run], schema: Any, order: str, consume: Callable[[Any], None]) -> None:
        self._archived = archived
        self._next = next(archived, None)
        self._schema, self._consume = schema, consume
        self._order = [(name.strip().removeprefix("b."), "ascending") for name in order.split(",")]
        if self._order[0][0] != "stock_code":
            raise ConfigurationError(f"archived rows are ordered by stock code, and not by {order}")
        self._own: list[Any] = []
        """The stored rows of one code, as long as more of them may come."""
        self._code = ""
        self._ready: list[Any] = []
        self._alive: Callable[[], object] = lambda: None
        self.rows = 0

    def take(self, table: Any) -> None:
        """Take a block of stored rows."""
        for code, part in split(table):
            if code != self._code:
                self._finish()
                self._code = code
            self._own.append(part)

    def end(self, alive: Callable[[], object]) -> int:
        """Hand over what is left, and return how many rows there were; ``alive`` is called before each block."""
        self._finish()
        self._alive = alive
        self._put_before("~")  # after every code
        self._flush()
        return self.rows

    def _finish(self) -> None:
        """Put the rows of a code whose stored ones have all come, after those of every code before it."""
        if not self._own:
            return
        self._put_before(self._code)
        beside = []
        while self._next is not None and self._next[0] == self._code:
            beside.append(self._next[2])
            self._next = next(self._archived, None)
        self._put([*beside, *self._own])
        self._own = []

    def _put_before(self, code: str) -> None:
        while self._next is not None and self._next[0] < code:
            self._put([self._next[2]])
            self._next = next(self._archived, None)

    def _put(self, tables: list[Any]) -> None:
        whole = pa.concat_tables(tables)
        if len(tables) > 1:
            whole = whole.sort_by(self._order)  # a month may lie before an archived one
        self._ready.append(whole)
        if sum(one.num_rows for one in self._ready) >= LEAST:
            self._flush()

    def _flush(self) -> None:
        if self._ready:
            whole = pa.concat_tables(self._ready).combine_chunks()
            self.rows += whole.num_rows
            self._ready = []
            self._alive()
            self._consume(whole)
