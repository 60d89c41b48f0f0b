"""Records into Postgres: streamed, repeatable, in the caller's transaction, writing only what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO

from psycopg2 import errors
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.exceptions import InvalidRequestError, LoadError, TransientError
from data_pipeline.loading.counts import LoadCounts
from data_pipeline.loading.errors import said_plainly
from data_pipeline.loading.instruments import keep_some
from data_pipeline.loading.merge import Merge
from data_pipeline.loading.tables import INSTRUMENT, Table

__all__ = ["LoadCounts", "upsert"]

BLOCK = 1 << 20
"""Characters of COPY text sent at once; what a load holds in memory, whatever its number of rows."""
ATTEMPTS = 10
QUEUE = "SELECT pg_advisory_xact_lock(hashtext('market.load'), hashtext(%s))"
CONFLICTS = (errors.UniqueViolation, errors.DeadlockDetected)


def upsert(
    connection: Connection, table: Table, records: Iterable[object], source: str, run_id: int | None = None
) -> LoadCounts:
    """Bring records into a table and say what became of them; never commits, and twice does no harm.

    The records may come in any order and are read once, while earlier ones are already on their way. An error of
    theirs comes out as it is. After any error the caller rolls back and the table is as it was. No record: nothing
    happens. Other loaders may write the same keys at the same time. Instruments have a history, which is kept by
    :func:`~data_pipeline.loading.instruments.keep_list`; a list that is complete goes there.

    Args:
        connection: Not in autocommit mode; user ``market_loader`` or better.
        table: One of ``loading.tables``; missing monthly partitions are made.
        records: Of the table's class. Two with one key are an error, also when they are equal.
        source: What the rows carry in ``source``: kis, kis-virtual, kis-sandbox, krx, krx-sandbox or mock.
        run_id: The ``ingest_run`` that written rows point to.

    Raises:
        SyntheticDataRefusedError: Made-up rows for a warehouse that holds real ones, or the reverse; before the first
            record is asked for.
        InvalidRequestError: The connection is in autocommit mode, or a record is of another class.
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        ConnectionFailedError, TransientError: Connection lost, lock or statement timeout; trying again can help.
        LoadError: Two records share a key, or Postgres refuses a row; the message names it.
    """
    if connection.autocommit:
        raise InvalidRequestError("a load needs a transaction: turn autocommit off")
    if table is INSTRUMENT:
        return keep_some(connection, records, source, run_id)
    with said_plainly(f"{table.name} from {source}"), connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source(%s)", (source,))
        merge = Merge(table, source, run_id)
        if not _stage(cursor, merge, records):
            return LoadCounts()
        _require_distinct(cursor, merge)
        return _write(cursor, _within_partitions(cursor, merge))


def _stage(cursor: Cursor, merge: Merge, records: Iterable[object]) -> bool:
    cursor.execute(merge.create())
    cursor.execute("SELECT EXISTS (SELECT FROM {})".format(merge.staging.as_string(cursor)))  # noqa: S608, UP032
    if (cursor.fetchone() or (False,))[0]:  # a second load of the same transaction
        cursor.execute("TRUNCATE {}".format(merge.staging.as_string(cursor)))  # noqa: UP032
    staged = False
    for block in _blocks(merge.table, records):
        cursor.copy_expert(merge.copy(), BytesIO(block), 1 << 16)
        staged = True
    return staged


def _blocks(table: Table, records: Iterable[object]) -> Iterator[bytes]:
    lines: list[str] = []
    size = 0
    for record in records:
        line = table.line(record)
        lines.append(line)
        size += len(line)
        if size >= BLOCK:
            yield "".join(lines).encode()
            lines, size = [], 0
    if lines:
        yield "".join(lines).encode()


def _require_distinct(cursor: Cursor, merge: Merge) -> None:
    cursor.execute(merge.duplicate())
    if key := cursor.fetchone():
        named = ", ".join(f"{name} {value}" for name, value in zip(merge.table.key, key, strict=True))
        raise LoadError(f"{merge.table.name} from {merge.source}: two records of one load have the key {named}")


def _within_partitions(cursor: Cursor, merge: Merge) -> Merge:
    if not merge.table.partitioned:
        return merge
    cursor.execute("SELECT min(session), max(session) FROM {}".format(merge.staging.as_string(cursor)))  # noqa: S608, UP032
    first, last = cursor.fetchone() or (None, None)
    cursor.execute("SELECT market.ensure_partitions(%s, %s, %s)", (merge.table.name, first, last))
    return replace(merge, first=first, last=last)


def _write(cursor: Cursor, merge: Merge) -> LoadCounts:
    """Count, then write; a count that another writer made wrong in between is undone and done again."""
    for attempt in range(ATTEMPTS):
        cursor.execute("SAVEPOINT market_load")
        try:
            if attempt:
                cursor.execute(QUEUE, (merge.table.name,))
            cursor.execute(merge.count())
            counts = LoadCounts(*(cursor.fetchone() or ()))
            expected = counts.inserted + counts.updated
            if expected:
                cursor.execute(merge.merge(ordered=attempt > 0))
            if not expected or cursor.rowcount == expected:
                cursor.execute("RELEASE SAVEPOINT market_load")
                return counts
        except CONFLICTS:
            pass
        cursor.execute("ROLLBACK TO SAVEPOINT market_load")
    raise TransientError(f"{merge.table.name}: other loads kept writing the same rows; {ATTEMPTS} tries were in vain")
