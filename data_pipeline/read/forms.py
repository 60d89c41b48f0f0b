"""What a read becomes: an Arrow table, a frame of pandas or of polars, or plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.read.archive.rows import read_rows
from data_pipeline.read.arrow import schema_of
from data_pipeline.read.connection import reading

if TYPE_CHECKING:
    from data_pipeline.read.plans import Plan

FORMS = ("pandas", "arrow", "polars")
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def read_as(form: str, plan: Plan, connection: Any) -> Any:
    """Return what a plan reads in one of :data:`FORMS`; types are the same whether there are rows or not.

    Raises:
        InvalidRequestError: There is no such form.
        ConfigurationError: polars is not installed.
        DataPipelineError: As the plan's checks say.
    """
    if form not in FORMS:
        raise InvalidRequestError(f"as_ must be one of {', '.join(FORMS)}, not {form!r}")
    polars = _polars() if form == "polars" else None
    schema, tables = _read(plan, connection)
    if form == "pandas":
        return as_frame(schema, tables)
    table = pa.concat_tables(tables) if tables else schema.empty_table()
    return table if polars is None else polars.from_arrow(table)


def rows_of(plan: Plan, connection: Any) -> tuple[list[str], list[list[Any]]]:
    """Return the names of the columns and the rows as Python values; days are dates, and an absent value is None."""
    schema, tables = _read(plan, connection)
    days = {field.name for field in schema if pa.types.is_timestamp(field.type) and field.type.tz is None}
    rows = [
        [value.date() if name in days and value is not None else value for name, value in one.items()]
        for table in tables
        for one in table.to_pylist()
    ]
    return list(schema.names), rows


def as_frame(schema: Any, tables: Sequence[Any]) -> pd.DataFrame:
    """Return Arrow tables of one schema as one frame; types are the same whether there are rows or not."""
    chunks = {name: [table.column(name) for table in tables] for name in schema.names}
    series = {}
    for field in schema:
        own = [chunk for column in chunks.pop(field.name) for chunk in column.chunks]
        types = _NULLABLE.get if field.nullable and field.type in _NULLABLE else None
        series[field.name] = pa.chunked_array(own, field.type).to_pandas(types_mapper=types)
    return pd.DataFrame(series, copy=False)


def _read(plan: Plan, connection: Any) -> tuple[Any, list[Any]]:
    schema, tables = schema_of(plan.frame), list[Any]()
    with reading(connection, plan.frame.name) as cursor:
        read_rows(cursor, plan, schema, tables.append)
    return schema, tables


def _polars() -> Any:
    try:
        return import_module("polars")
    except ImportError:
        raise ConfigurationError("as_='polars' needs polars: pip install polars, or take as_='arrow'") from None
