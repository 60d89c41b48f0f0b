"""From the rows of a file to those of a frame, as the frame's SQL does it for rows that are stored."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_pipeline.datasets.frame import Column, Frame, Type
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.origin import ORIGINS

Shape = Callable[[Any], Any]
"""Makes a table of a frame's columns out of one in the schema of a file, both in the same order."""
_EXPRESSION = re.compile(r"b\.(?P<name>\w+)(?:\[(?P<place>\d+)\]|::(?:text|date|float8))?")
_RANK = {name: f"{one.rank}{name}" for name, one in ORIGINS.items()}
_SUMS = {
    "open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum", "trading_value": "sum",
    "source": "min",
}  # fmt: skip
"""How several minutes become one bar; of the sources the lowest."""


def shape_of(frame: Frame, schema: Any, minutes: int = 1) -> Shape:
    """Return what makes rows of a frame out of those of a file.

    Args:
        frame: Of a dataset whose months may be archived.
        schema: Its Arrow schema.
        minutes: How long its bars are, when they are made of minutes.

    Raises:
        ConfigurationError: A column's expression is more than a stored column, a part of one or its type.
    """
    reads = [_read(column) for column in frame.columns]

    def shaped(table: Any) -> Any:
        whole = _longer(table, minutes) if minutes > 1 else table
        arrays = [read(whole).cast(field.type) for read, field in zip(reads, schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=schema)

    return shaped


def _read(column: Column) -> Shape:
    found = _EXPRESSION.fullmatch(column.expression)
    if found is None:
        raise ConfigurationError(f"{column.name} is {column.expression}, which cannot be read out of an archived month")
    name, place = found["name"], found["place"]
    if place:
        return lambda table: _level(table.column(name), int(place))
    if column.type is Type.DAY:
        return lambda table: table.column(name).cast(pa.timestamp("us"))
    return lambda table: table.column(name)


def _level(column: Any, place: int) -> Any:
    """Return the elements at a place of lists, counted from 1; null where a list is shorter."""
    one = pc.list_slice(column, place - 1, place, return_fixed_size_list=True)
    return pc.list_element(one, 0)


def _longer(table: Any, minutes: int) -> Any:
    """Return bars of several minutes, as the views ``market.minute_bar_5`` and ``_30`` make them.

    Seoul's midnight lies on a whole half hour of the epoch, so that no bar begins elsewhere.
    """
    span = minutes * 60_000_000
    begins = pc.multiply(pc.divide(table.column("at").cast(pa.int64()), span), span)
    ranked = pa.array([_RANK[one] for one in table.column("source").to_pylist()], pa.string())
    made = (
        _with(_with(table, "at", begins.cast(table.schema.field("at").type)), "source", ranked)
        .group_by(["stock_code", "at", "session"], use_threads=False)
        .aggregate([*_SUMS.items()])
    )
    made = made.rename_columns({f"{name}_{how}": name for name, how in _SUMS.items()})
    return _with(made, "source", pc.utf8_slice_codeunits(made.column("source"), 1))


def _with(table: Any, name: str, values: Any) -> Any:
    return table.set_column(table.schema.get_field_index(name), name, values)
