"""Records into Postgres: streamed, repeatable, in the caller's transaction, writing only what differs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.datasets.rows import Rows
from data_pipeline.datasets.table import Table
from data_pipeline.exceptions import InvalidRequestError, LoadError, TransientError
from data_pipeline.loading.rows.copy_columns import ColumnCopy, Pieces, column_copy
from data_pipeline.loading.rows.copy_text import CHUNK, READ, CopyText
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.loading.rows.merge import Merge
from data_pipeline.warehouse.errors import plain_error, said_plainly

__all__ = ["LoadCounts", "upsert"]

ATTEMPTS = 10
SEAL = "SELECT market.bring_seals_forward(%s, %s::date[], %s::bigint[], %s::numeric[], %s, %s)"
QUEUE = "SELECT pg_advisory_xact_lock(hashtext('market.load'), hashtext(%s))"
CONFLICTS = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)


def upsert(
    connection: Connection,
    table: Table,
    records: Iterable[object],
    source: str,
    run_id: int | None = None,
    *,
    expect_empty: bool = False,
) -> LoadCounts:
    """Load records into a table and return what became of them; never commits, and repeating it does no harm.

    The records may come in any order and are read once, while earlier ones are already being sent. An error raised by
    them passes through unchanged. After any error the caller rolls back, and the table is as it was. Without a record
    nothing happens. Other loaders may write the same keys at the same time. Instruments have a history, kept by
    :func:`~data_pipeline.loading.instruments.lists.keep_list`.

    Memory does not grow with the number of records; text beyond 8 MB is kept in a temporary file until the end.

    Args:
        connection: Not in autocommit mode; user ``market_loader`` or better.
        table: That of a dataset other than instrument; missing monthly partitions are made.
        records: Of the table's class. Two with the same key are an error, even when they are equal.
        source: What the rows carry in ``source``: kis, kis-virtual, kis-sandbox, krx, krx-sandbox or mock.
        run_id: The ``ingest_run`` that written rows point to.
        expect_empty: The caller has seen that no row is stored for these keys, so they are copied straight into the
            table. If that proves wrong, the load goes the ordinary way and only takes longer.

    Raises:
        SyntheticDataRefusedError: Synthetic rows for a warehouse that holds real ones, or the reverse; before the first
            record is read.
        InvalidRequestError: The connection is in autocommit mode, a record is of another class, or the
            table has a history.
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        ConnectionFailedError, TransientError: Connection lost, lock or statement timeout, no room on a disk; trying
            again can help.
        LoadError: Two records share a key, or Postgres refuses a row; the message names it.
    """
    if connection.autocommit:
        raise InvalidRequestError("a load needs a transaction: turn autocommit off")
    if table.name == "instrument":
        raise InvalidRequestError("instruments have a history: keep_list loads them")
    with said_plainly(f"{table.name} from {source}"), connection.cursor() as cursor, CopyText(table, records) as text:
        cursor.execute("SELECT market.admit_source(%s)", (source,))
        merge = Merge(table, source, run_id)
        if not (first := text.first()):
            return LoadCounts()
        merge = _within(merge, [table.day_of(record) for record in first])
        if expect_empty:
            _ensure_partitions(cursor, merge)
            inserted = _copied_in_columns(cursor, merge, records) if isinstance(records, Rows) else None
            inserted = _copied_straight(cursor, merge, text) if inserted is None else inserted
            if inserted is not None:
                return LoadCounts(inserted)
        elif len(first) < CHUNK and (counts := _written_at_once(cursor, merge, first)) is not None:
            return counts
        staged = _stage(cursor, merge, text)
        return _write(cursor, _within_partitions(cursor, merge), text, staged)


def _within(merge: Merge, days: Sequence[date]) -> Merge:
    days = [day for day in days if isinstance(day, date)]  # Postgres names what is not one
    return replace(merge, first=min(days), last=max(days)) if merge.table.partitioned and days else merge


def _written_at_once(cursor: Cursor, merge: Merge, records: Sequence[object]) -> LoadCounts | None:
    """Return what became of a few records; None, with nothing done, when the ordinary way has to find the fault."""
    table = merge.table
    rows = [table.values(record) for record in records if type(record) is table.record]
    if len({row[: len(table.key)] for row in rows}) < len(records):
        return None
    _ensure_partitions(cursor, merge)
    try:
        cursor.execute(sql.SQL("SAVEPOINT market_few; {}").format(merge.at_once(rows)))
        inserted, updated, outranked, written = cursor.fetchone() or (0, 0, 0, 0)
        if written == inserted + updated:
            cursor.execute("RELEASE SAVEPOINT market_few")
            return LoadCounts(inserted, updated, len(rows) - inserted - updated - outranked, outranked)
    except (psycopg2.DataError, psycopg2.IntegrityError, *CONFLICTS):
        pass
    cursor.execute("ROLLBACK TO SAVEPOINT market_few")
    return None


def _copied_straight(cursor: Cursor, merge: Merge, text: CopyText) -> int | None:
    """Return how many rows were copied into the table itself; None, with nothing done, when some cannot be copied."""
    cursor.execute("SAVEPOINT market_straight")
    try:
        rows = _send(cursor, merge.copy_straight(), text, merge, merge.ending)
    except CONFLICTS:
        rows = None
    except errors.CheckViolation as error:
        if error.diag.constraint_name is not None:
            raise
        rows = None  # a month without a partition
    cursor.execute(f"{'ROLLBACK TO' if rows is None else 'RELEASE'} SAVEPOINT market_straight")
    return rows


def _copied_in_columns(cursor: Cursor, merge: Merge, rows: Rows) -> int | None:
    """Return how many rows were copied into their months out of columns; None, with nothing done, for any fault."""
    copy = column_copy(rows, merge.table, merge.source, merge.run_id)
    if copy is None:
        return None
    cursor.execute(sql.SQL("SAVEPOINT market_columns; LOCK TABLE ONLY {} IN ROW EXCLUSIVE MODE").format(merge.target))
    try:
        copied = _copy_months(cursor, merge, copy)
    except (psycopg2.DataError, psycopg2.IntegrityError, errors.InsufficientPrivilege, *CONFLICTS):
        copied = None  # COPY of text says which row it was, and needs no right to a month
    cursor.execute(f"{'ROLLBACK TO' if copied is None else 'RELEASE'} SAVEPOINT market_columns")
    return copied


def _copy_months(cursor: Cursor, merge: Merge, copy: ColumnCopy) -> int:
    copied = 0
    for first, pieces in copy.months():
        file: Any = Pieces(pieces)
        cursor.copy_expert(merge.copy_month(first), file, READ)
        copied += cursor.rowcount
    sealed = copy.sealed()
    sums = ([one.session for one in sealed], [one.rows for one in sealed], [one.digest for one in sealed])
    cursor.execute(SEAL, (merge.table.name, *sums, merge.source, merge.run_id))
    return copied


def _stage(cursor: Cursor, merge: Merge, text: CopyText) -> int:
    cursor.execute(merge.create())
    if (cursor.fetchone() or (False,))[0]:  # a second load of the same transaction
        cursor.execute(merge.empty())
    return _send(cursor, merge.copy(), text, merge)


def _send(cursor: Cursor, copy: sql.Composable, text: CopyText, merge: Merge, ending: bytes = b"\n") -> int:
    """Return how many rows were copied; a row that Postgres cannot read is named by its key."""
    try:
        return text.send(cursor, copy, ending)
    except psycopg2.DataError as error:
        line = re.match(r"COPY \S+, line (\d+)", error.diag.context or "")
        key = _named(merge, text.row(int(line[1]))) if line else "unknown"
        raise LoadError(f"{plain_error(f'{merge.table.name} from {merge.source}', error)}; the row has {key}") from None


def _require_distinct(cursor: Cursor, merge: Merge) -> None:
    cursor.execute(merge.duplicate())
    if key := cursor.fetchone():
        raise LoadError(
            f"{merge.table.name} from {merge.source}: two records of one load have the key {_named(merge, key)}"
        )


def _named(merge: Merge, values: Sequence[object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(merge.table.key, values, strict=False))


def _within_partitions(cursor: Cursor, merge: Merge) -> Merge:
    if not merge.table.partitioned:
        return merge
    cursor.execute("SELECT min(session), max(session) FROM {}".format(merge.staging.as_string(cursor)))  # noqa: S608, UP032
    first, last = cursor.fetchone() or (None, None)
    merge = _within(merge, (first, last))
    _ensure_partitions(cursor, merge)
    return merge


def _ensure_partitions(cursor: Cursor, merge: Merge) -> None:
    if merge.first is not None:
        cursor.execute("SELECT market.ensure_partitions(%s, %s, %s)", (merge.table.name, merge.first, merge.last))


def _write(cursor: Cursor, merge: Merge, text: CopyText, staged: int) -> LoadCounts:
    """Write what is staged; when another writer got in between, undo it and do it again."""
    if staged >= CHUNK:
        cursor.execute(merge.any_stored())
        if not (cursor.fetchone() or (True,))[0] and (inserted := _copied_straight(cursor, merge, text)) is not None:
            return LoadCounts(inserted)
    _require_distinct(cursor, merge)
    for attempt in range(ATTEMPTS):
        cursor.execute("SAVEPOINT market_load")
        try:
            if attempt:
                cursor.execute(QUEUE, (merge.table.name,))
            counts = _compare_and_write(cursor, merge, staged)
            cursor.execute("RELEASE SAVEPOINT market_load")
        except CONFLICTS:
            cursor.execute("ROLLBACK TO SAVEPOINT market_load")
        else:
            return counts
    raise TransientError(f"{merge.table.name}: other loads kept writing the same rows; {ATTEMPTS} tries were in vain")


def _compare_and_write(cursor: Cursor, merge: Merge, staged: int) -> LoadCounts:
    """Return what became of the staged rows.

    Raises:
        SerializationFailure: Another load wrote some of them between the comparison and the writing.
    """
    cursor.execute(merge.compare())
    inserted, updated, outranked = cursor.fetchone() or (0, 0, 0)
    for expected, statement in ((updated, merge.update()), (inserted, merge.insert())):
        if expected:
            cursor.execute(statement)
            if cursor.rowcount != expected:
                raise errors.SerializationFailure
    return LoadCounts(inserted, updated, staged - inserted - updated - outranked, outranked)
