"""What a file of the archive holds: the columns of the table, as the warehouse itself describes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from pyarrow import csv

from data_pipeline.exceptions import ConfigurationError

_COLUMNS = """
    SELECT a.attname::text, coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text, t.typname = 'stock_code',
        a.attnotnull, coalesce(col_description(a.attrelid, a.attnum), ''), pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = to_regclass('market.' || quote_ident(%s)) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""
_CONSTANT = re.compile(r"'(?P<text>[^']*)'(?:::[\w .\"]+)?|(?P<word>-?[\d.]+|true|false)")
ARROW = {
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "numeric": pa.string(),  # exact, with every digit that is stored
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "bigint[]": pa.list_(pa.int64()),
}
"""The type in a file of each type that the schema uses."""


@dataclass(frozen=True)
class StoredColumn:
    """One column of a table."""

    name: str
    type: str
    """As Postgres writes it, of a domain the type below."""
    is_code: bool
    """Whether it is a stock code, whose six characters need no length."""
    nullable: bool
    meaning: str
    """Its comment, which has the unit."""
    default: str | None = None
    """The expression of its default, for rows that are older than the column."""


def columns_of(cursor: Cursor, table: str) -> list[StoredColumn]:
    """Return the columns of a table of the schema ``market``, in order.

    Raises:
        ConfigurationError: One has a type that no file can hold yet.
    """
    cursor.execute(_COLUMNS, (table,))
    found = [StoredColumn(name, kind, code, not kept, *more) for name, kind, code, kept, *more in cursor.fetchall()]
    for one in found:
        if one.type not in ARROW:
            raise ConfigurationError(f"{table}.{one.name} is {one.type}, which data_pipeline.read.archive cannot store")
    return found


def schema_of(columns: Sequence[StoredColumn]) -> Any:
    """Return the Arrow schema of a file; each field's metadata has the column's comment."""
    return pa.schema(
        [
            pa.field(one.name, ARROW[one.type], nullable=one.nullable, metadata={"meaning": one.meaning})
            for one in columns
        ]
    )


def text_schema_of(columns: Sequence[StoredColumn]) -> Any:
    """Return the schema in which COPY's text is parsed: lists are still text."""
    return pa.schema(
        [
            pa.field(one.name, pa.string() if one.type.endswith("[]") else ARROW[one.type], nullable=one.nullable)
            for one in columns
        ]
    )


def completed(table: Any, columns: Sequence[StoredColumn]) -> Any:
    """Return a table of a file with every column of today, in order: a file may be older than a column.

    Raises:
        ConfigurationError: A column is lacking whose value for older rows is not known.
    """
    arrays = []
    for one, field in zip(columns, schema_of(columns), strict=True):
        if one.name in table.schema.names:
            arrays.append(table.column(one.name))
        else:
            arrays.append(pa.array([_older(one)] * table.num_rows, pa.string()).cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema_of(columns))


def _older(one: StoredColumn) -> str | None:
    """Return, as text, what rows hold that are older than a column: its default, a constant."""
    found = _CONSTANT.fullmatch(one.default or "")
    if found is None and not one.nullable:
        raise ConfigurationError(f"the file has no column {one.name}, and nothing says what older rows hold in it")
    return None if found is None else found["text"] if found["text"] is not None else found["word"]


def from_text(table: Any, schema: Any) -> Any:
    """Return a table as it is stored in a file, made of one in the schema of :func:`text_schema_of`."""
    arrays = [
        _lists(table.column(field.name), field.type) if pa.types.is_list(field.type) else table.column(field.name)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def to_csv(table: Any) -> bytes:
    """Return rows of a file as COPY reads them (FORMAT csv): NULL is nothing, and empty text is quoted."""
    for place, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            text = [
                None if one is None else f"{{{','.join(map(str, one))}}}" for one in table.column(place).to_pylist()
            ]
            table = table.set_column(place, field.name, pa.array(text, pa.string()))
    out = pa.BufferOutputStream()
    csv.write_csv(table, out, csv.WriteOptions(include_header=False))
    return bytes(out.getvalue())


def _lists(column: Any, kind: Any) -> Any:
    """Return lists of numbers out of ``{1,2}``; the schema allows no null within one."""
    text = pc.utf8_trim(column, "{}").to_pylist()
    return pa.array(
        [None if one is None else [int(number) for number in one.split(",") if number] for one in text], kind
    )
