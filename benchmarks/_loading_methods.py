"""The ways to bring records into Postgres that the loading benchmark compares; each commits once, at its end."""

from __future__ import annotations

import importlib.util
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from psycopg2 import sql
from psycopg2.extras import execute_values

from benchmarks._loading_bars import COLUMNS, SESSIONS, SOURCE, codes_of, sessions
from benchmarks._loading_dlt import with_dlt, with_dlt_arrow
from benchmarks._loading_pages import load_pages
from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.records import DailyBar
from data_pipeline.warehouse.connect import connect

Counts = dict[str, int]


@dataclass(frozen=True)
class Work:
    """One load."""

    url: str
    table: str
    """Schema and name."""
    phase: str
    rows: int
    records: Iterable[DailyBar]
    text: Path
    """The same rows as COPY text."""
    pages: Path
    """The same rows as answers of KIS."""
    folder: Path
    """For scratch files."""


@dataclass(frozen=True)
class Method:
    """One way to load."""

    load: Callable[[Work], Counts | None]
    phases: tuple[str, ...] = ("fresh", "filled", "again", "changed")
    most_rows: int | None = None
    """A slow method loads so many rows at most; its rate is that of the sample."""
    modules: tuple[str, ...] = ()
    """What has to be installed for it; imported before the clock starts."""
    records: str = "ready"
    """ready: made before the clock starts; made: while it runs; none: it reads a file."""
    own_table: bool = False
    """Whether it makes its table itself."""
    stores: bool = True

    @property
    def installed(self) -> bool:
        """Whether what it needs is there."""
        return all(importlib.util.find_spec(name) is not None for name in self.modules)


def _copy(work: Work) -> None:
    with (
        closing(connect(work.url)) as connection,
        connection,
        connection.cursor() as cursor,
        work.text.open("rb") as file,
    ):
        cursor.copy_expert(f"COPY {work.table} ({', '.join(COLUMNS)}) FROM STDIN", file, 1 << 16)


def _ours(work: Work) -> Counts:
    with closing(connect(work.url)) as connection:
        if work.phase == "checked":
            found = load_pages(connection, work.pages, codes_of(work.rows // SESSIONS), sessions(), SOURCE)
            return {name: found[name] for name in asdict(LoadCounts())}
        counts = upsert(connection, DAILY_BAR.table, work.records, SOURCE, expect_empty=work.phase == "fresh")
        connection.commit()
        return asdict(counts)


def _pandas(work: Work) -> None:
    import pandas as pd
    from sqlalchemy import create_engine

    schema, name = work.table.split(".")
    frame = pd.DataFrame(_rows(work.records), columns=list(COLUMNS))
    engine = create_engine(work.url)
    with engine.begin() as connection:
        frame.to_sql(name, connection, schema=schema, if_exists="append", index=False)
    engine.dispose()


def _sqlalchemy(work: Work) -> None:
    from sqlalchemy import BigInteger, Column, Date, MetaData, Table, Text, create_engine, func
    from sqlalchemy.dialects.postgresql import insert

    schema, name = work.table.split(".")
    types = {"stock_code": Text, "session": Date, "source": Text}
    columns: list[Any] = [
        Column(one, types.get(one, BigInteger), primary_key=one in DAILY_BAR.table.key) for one in COLUMNS
    ]
    statement = insert(Table(name, MetaData(), *columns, Column("loaded_at", Date), schema=schema))
    written = {one: statement.excluded[one] for one in _others()} | {"loaded_at": func.now()}
    statement = statement.on_conflict_do_update(index_elements=list(DAILY_BAR.table.key), set_=written)
    engine, rows = create_engine(work.url), _rows(work.records)
    with engine.begin() as connection:
        while block := list(islice(rows, 10_000)):
            connection.execute(statement, [dict(zip(COLUMNS, row, strict=True)) for row in block])
    engine.dispose()


def _execute_values(work: Work) -> None:
    with closing(connect(work.url)) as connection, connection, connection.cursor() as cursor:
        execute_values(cursor, _upsert(work.table, "%s"), _rows(work.records), page_size=1_000)


def _row_by_row(work: Work) -> None:
    with closing(connect(work.url)) as connection, connection, connection.cursor() as cursor:
        statement = _upsert(work.table, f"({', '.join(['%s'] * len(COLUMNS))})").as_string(cursor)
        for row in _rows(work.records):
            cursor.execute(statement, row)


def _upsert(table: str, values: str) -> sql.Composed:
    written = sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(one)) for one in _others())
    return sql.SQL(
        "INSERT INTO {} ({}) VALUES " + values + " ON CONFLICT ({}) DO UPDATE SET {}, loaded_at = now()"
    ).format(sql.Identifier(*table.split(".")), _list(COLUMNS), _list(DAILY_BAR.table.key), written)


def _list(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _others() -> list[str]:
    return [one for one in COLUMNS if one not in DAILY_BAR.table.key]


def _rows(records: Iterable[DailyBar]) -> Iterator[tuple[object, ...]]:
    return ((*DAILY_BAR.table.values(bar), SOURCE) for bar in records)


def _with_dlt(work: Work) -> None:
    with_dlt(work.url, work.folder, (dict(zip(COLUMNS, row, strict=True)) for row in _rows(work.records)))


def _with_dlt_arrow(work: Work) -> None:
    with_dlt_arrow(work.url, work.folder, _rows(work.records))


def _copy_text(work: Work) -> None:
    records = iter(work.records)
    while block := list(islice(records, 5_000)):
        DAILY_BAR.table.text(block).encode()


def _records(work: Work) -> None:
    deque(work.records, maxlen=0)


OURS = "data_pipeline"
LIMIT = "copy"
METHODS = {
    LIMIT: Method(_copy, phases=("fresh", "filled"), records="none"),
    OURS: Method(_ours, phases=("fresh", "filled", "again", "changed", "checked")),
    "execute_values": Method(_execute_values),
    "pandas_to_sql": Method(_pandas, phases=("fresh",), modules=("pandas", "sqlalchemy")),
    "sqlalchemy_on_conflict": Method(_sqlalchemy, most_rows=200_000, modules=("sqlalchemy",)),
    "row_by_row": Method(_row_by_row, most_rows=20_000),
    "dlt": Method(_with_dlt, most_rows=200_000, modules=("dlt",), own_table=True),
    "dlt_arrow": Method(_with_dlt_arrow, modules=("dlt", "pyarrow"), own_table=True),
    "copy_text": Method(_copy_text, phases=("text",), stores=False),
    "records": Method(_records, phases=("made",), records="made", stores=False),
}
