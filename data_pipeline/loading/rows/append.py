"""Rows that never change once they are stored: new ones are added, and what contradicts a stored one is handed back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import eq
from typing import Any

from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.datasets.table import Table
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.loading.rows.copy_text import CopyText
from data_pipeline.loading.rows.merge import Merge
from data_pipeline.warehouse.errors import said_plainly

Values = tuple[object, ...]
Same = Callable[[Values, Values], bool]
_ADMIT = "SELECT market.admit_source(%s)"
_PARTITIONS = "SELECT market.ensure_partitions(%s, %s, %s)"
_INSERT = """
    INSERT INTO {target} ({columns}, source, run_id)
    SELECT {staged}, {source}, {run_id} FROM json_populate_recordset(NULL::{target}, {rows}) s ORDER BY {keys}
    ON CONFLICT DO NOTHING RETURNING {key}
"""
_STORED = """
    SELECT {stored} FROM {target} t JOIN json_populate_recordset(NULL::{target}, {rows}) s ON ({tkeys}) = ({keys})
    WHERE t.session BETWEEN {first} AND {last}
"""


@dataclass(frozen=True)
class Appended:
    """What became of the rows of one load."""

    inserted: int = 0
    unchanged: int = 0
    """Rows that are stored already, with the same values."""
    differing: tuple[Any, ...] = ()
    """Records under whose key other values are stored; nothing was written of them."""


def append(
    connection: Connection,
    table: Table,
    records: Sequence[Any],
    source: str,
    run_id: int | None = None,
    same: Same = eq,
) -> Appended:
    """Add the records whose key is not stored, and return what became of each; never commits, and may be repeated.

    Args:
        connection: Not in autocommit mode; user ``market_loader`` or better.
        table: Partitioned by session; missing months are made.
        records: Of the table's class, no two with one key, in any order.
        source: What the rows carry in ``source``.
        run_id: The ``ingest_run`` that they point to.
        same: Whether the values of a record and of the stored row, in the order of the columns, are the same row.

    Raises:
        SyntheticDataRefusedError: Synthetic rows for a warehouse that holds real ones, or the reverse.
        InvalidRequestError: The connection is in autocommit mode, or a record is of another class.
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        ConnectionFailedError, TransientError: Connection lost, lock or statement timeout; trying again can help.
        LoadError: Postgres refuses a row.
    """
    if connection.autocommit:
        raise InvalidRequestError("a load needs a transaction: turn autocommit off")
    if not records:
        return Appended()
    days = [table.day_of(record) for record in records]
    merge = Merge(table, source, run_id, min(days), max(days))
    with said_plainly(f"{table.name} from {source}"), connection.cursor() as cursor:
        cursor.execute(_ADMIT, (source,))
        cursor.execute(_PARTITIONS, (table.name, merge.first, merge.last))
        if _copied(cursor, merge, records):
            return Appended(len(records))
        return _added(cursor, merge, records, same)


def _copied(cursor: Cursor, merge: Merge, records: Sequence[Any]) -> bool:
    """Return whether every record was new, which nearly all are, and so was copied straight into the table."""
    cursor.execute("SAVEPOINT market_append")
    try:
        with CopyText(merge.table, records) as text:
            text.send(cursor, merge.copy_straight(), merge.ending)
    except errors.UniqueViolation:
        cursor.execute("ROLLBACK TO SAVEPOINT market_append")
        return False
    cursor.execute("RELEASE SAVEPOINT market_append")
    return True


def stored_values(connection: Connection, table: Table, records: Sequence[Any]) -> list[Values | None]:
    """Return what is stored under the key of each record, in the order of the columns; None where nothing is.

    Raises:
        TransientError: The warehouse is away; trying again can help.
    """
    if not records:
        return []
    days = [table.day_of(record) for record in records]
    merge = Merge(table, "", None, min(days), max(days))
    with said_plainly(table.name), connection.cursor() as cursor:
        return _looked_up(cursor, merge, records)


def _looked_up(cursor: Cursor, merge: Merge, records: Sequence[Any]) -> list[Values | None]:
    table = merge.table
    cursor.execute(_statement(_STORED, merge, [table.values(record) for record in records]))
    stored = {_key(table, row): row for row in cursor.fetchall()}
    return [stored.get(_key(table, table.values(record))) for record in records]


def _added(cursor: Cursor, merge: Merge, records: Sequence[Any], same: Same) -> Appended:
    table = merge.table
    cursor.execute(_statement(_INSERT, merge, [table.values(record) for record in records]))
    new = {_key(table, key) for key in cursor.fetchall()}
    old = [record for record in records if _key(table, table.values(record)) not in new]
    # A statement of its own, so that it sees what another load stored in between.
    pairs = zip(old, _looked_up(cursor, merge, old), strict=True) if old else ()
    differing = [record for record, row in pairs if row is None or not same(table.values(record), row)]
    return Appended(len(new), len(old) - len(differing), tuple(differing))


def _key(table: Table, values: Values) -> tuple[str, ...]:
    return tuple(map(str, values[: len(table.key)]))


def _statement(statement: str, merge: Merge, rows: Sequence[Values]) -> sql.Composed:
    columns, key = merge.table.columns, merge.table.key
    text = json.dumps([dict(zip(columns, row, strict=True)) for row in rows], ensure_ascii=False, default=str)
    return sql.SQL(statement).format(
        target=merge.target, columns=_list(columns), staged=_list(columns, "s"), stored=_list(columns, "t"),
        key=_list(key), keys=_list(key, "s"), tkeys=_list(key, "t"), source=sql.Literal(merge.source),
        run_id=sql.Literal(merge.run_id), rows=sql.Literal(text), first=sql.Literal(merge.first),
        last=sql.Literal(merge.last),
    )  # fmt: skip


def _list(names: Sequence[str], alias: str = "") -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(*([alias] if alias else []), name) for name in names)
