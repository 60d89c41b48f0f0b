"""What the rows of a file add up to, in the terms of ``market.seal``, without the server.

The binary form is version 1 of docs/explanation/seals.md: the columns that a record says, each as Postgres sends it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_pipeline.loading.rows.copy_columns import MODULUS
from data_pipeline.market.origin import ORIGINS
from data_pipeline.read.archive.stored import StoredColumn

_EPOCH = date(2000, 1, 1).toordinal() - date(1970, 1, 1).toordinal()
"""Days between the first days that Arrow and Postgres count from."""
_BIGINT = 20
"""The object id of bigint, which a sent array names; source: pg_type.dat."""
_FIXED = {
    "bigint": ">i8", "integer": ">i4", "smallint": ">i2", "boolean": ">i1", "date": ">i4",
    "timestamp with time zone": ">i8",
}  # fmt: skip
_OFFICIAL = pa.array([name for name, one in ORIGINS.items() if one.official])


class Sum(NamedTuple):
    """What the rows of one session add up to, as ``data_pipeline.loading.coverage.seals.Held``."""

    rows: int = 0
    official: int = 0
    digest: int = 0


def add_up(
    table: Any, columns: Sequence[StoredColumn], sums: dict[date, Sum], unwritten: Mapping[str, str] | None = None
) -> None:
    """Add the rows of a table to what their sessions have added up to so far.

    Args:
        table: Rows in the schema of a file.
        columns: Those that a record says, in the order of its declaration.
        sums: By session; changed in place.
        unwritten: Columns of text, and the value with which each is left out.
    """
    official = pc.is_in(table.column("source"), value_set=_OFFICIAL).to_pylist()
    rows = zip(table.column("session").to_pylist(), official, _sent(table, columns, unwritten or {}), strict=True)
    for session, some in groupby(rows, lambda row: row[0]):
        held = [*some]
        had = sums.get(session, Sum())
        digest = sum(int.from_bytes(hashlib.sha256(sent).digest(), "big") for *_, sent in held)
        sums[session] = Sum(
            had.rows + len(held), had.official + sum(one for _, one, _ in held), (had.digest + digest) % MODULUS
        )


def _sent(table: Any, columns: Sequence[StoredColumn], unwritten: Mapping[str, str]) -> Iterator[bytes]:
    """Yield each row as Postgres sends it; neighbours of fixed width are packed at once."""
    parts: list[Sequence[bytes]] = []
    for fixed, some in groupby(columns, lambda one: not one.nullable and (one.is_code or one.type in _FIXED)):
        own = [*some]
        parts += (
            [_packed(table, own)]
            if fixed
            else [_each(table.column(one.name), one, unwritten.get(one.name)) for one in own]
        )
    return map(b"".join, zip(*parts, strict=True))


def _packed(table: Any, columns: Sequence[StoredColumn]) -> Sequence[bytes]:
    kinds = [(one.name, "S6" if one.is_code else _FIXED[one.type]) for one in columns]
    packed = np.empty(table.num_rows, np.dtype(kinds))
    for one in columns:
        packed[one.name] = _numbers(table.column(one.name), one)
    raw, width = packed.tobytes(), packed.dtype.itemsize
    return [raw[at : at + width] for at in range(0, len(raw), width)]


def _numbers(column: Any, one: StoredColumn) -> Any:
    if one.is_code:
        return np.array(column.to_pylist(), "S6")
    if one.type == "date":
        return column.cast(pa.int32()).to_numpy() - _EPOCH
    if one.type.startswith("timestamp"):
        return column.cast(pa.int64()).to_numpy() - _EPOCH * 86_400_000_000
    return column.to_numpy()


def _each(column: Any, one: StoredColumn, unwritten: str | None) -> list[bytes]:
    if one.is_code:
        send: Callable[[Any], bytes] = str.encode
    elif one.type in _FIXED:
        width = int(_FIXED[one.type][2:])
        column = _shifted(column, one)
        send = lambda value: int(value).to_bytes(width, "big", signed=True)  # noqa: E731
    else:
        send = _SEND[one.type]
    values = column.to_pylist()
    if not one.nullable:
        return [b"" if value == unwritten else send(value) for value in values]
    return [b"\0" if value is None else b"\1" + send(value) for value in values]


def _shifted(column: Any, one: StoredColumn) -> Any:
    if one.type == "date":
        return pc.subtract(column.cast(pa.int32()), _EPOCH)
    if one.type.startswith("timestamp"):
        return pc.subtract(column.cast(pa.int64()), _EPOCH * 86_400_000_000)
    return column


def _text(value: str) -> bytes:
    said = value.encode()
    return struct.pack("!i", len(said)) + said


def _array(values: Sequence[int]) -> bytes:
    shape = struct.pack("!iii", 1 if values else 0, 0, _BIGINT) + (
        struct.pack("!ii", len(values), 1) if values else b""
    )
    return shape + b"".join(struct.pack("!iq", 8, value) for value in values)


def _numeric(value: str) -> bytes:
    """Return a number as numeric_send has it: digits of base 10,000 around the point, the first and last not 0."""
    sign, digits, exponent = Decimal(value).as_tuple()
    scale = max(0, -int(exponent))
    text = "".join(map(str, digits)).zfill(scale + 1)
    whole, fraction = (text[: len(text) - scale], text[len(text) - scale :]) if scale else (text, "")
    whole = whole.zfill(-(-len(whole) // 4) * 4)
    fraction = fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    groups = [int((whole + fraction)[at : at + 4]) for at in range(0, len(whole + fraction), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups, weight = groups[1:], weight - 1
    while groups and groups[-1] == 0:
        groups = groups[:-1]
    weight, sign = (weight, sign) if groups else (0, 0)
    return struct.pack(f"!hhHH{len(groups)}h", len(groups), weight, 0x4000 if sign else 0, scale, *groups)


_SEND: dict[str, Callable[[Any], bytes]] = {"text": _text, "numeric": _numeric, "bigint[]": _array}
