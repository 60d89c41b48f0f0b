"""What commands print: tables as wide as they are, and data that is never read as markup."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

FULL_WIDTH = 100_000
"""Columns of an output that is no terminal, so that nothing is cut or folded there."""


def console(*, stderr: bool = False) -> Console:
    """Return where people read: as wide as the terminal, or as wide as needed when the output goes elsewhere.

    ``COLUMNS`` in the environment is kept to in both cases.
    """
    where = Console(stderr=stderr)
    if not where.is_terminal and not os.environ.get("COLUMNS"):
        where.width = FULL_WIDTH
    return where


def write_json(told: object) -> None:
    """Print one JSON value on standard output, for programs; dates and moments are ISO 8601, decimals exact text."""
    json.dump(told, sys.stdout, ensure_ascii=False, default=_plain)
    sys.stdout.write("\n")


def as_json_value(told: object) -> Any:
    """Return a value as JSON can hold it: what :func:`write_json` prints, read back."""
    return json.loads(json.dumps(told, ensure_ascii=False, default=_plain))


def columns(table: Table) -> Table:
    """Return the table so that nothing in it is cut where the terminal is narrow: what does not fit goes on below."""
    for column in table.columns:
        column.overflow = "fold"
    return table


@dataclass(frozen=True)
class Answer:
    """Rows with the names of their columns, in order."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    more: bool = False
    """Whether there are further rows that were not asked for."""

    @property
    def said(self) -> str:
        """How many rows there are, in words."""
        if self.more:
            return f"more than {len(self.rows):,} rows, the first {len(self.rows):,} shown; --rows shows more"
        return "1 row" if len(self.rows) == 1 else f"{len(self.rows):,} rows"

    def table(self) -> Table:
        """Return the rows as a table for people."""
        table = Table(caption=self.said, header_style="bold")
        for name in self.columns:
            table.add_column(Text(name))
        for row in self.rows:
            table.add_row(*(Text(as_text(value)) for value in row))
        return table

    def _show(self, out: Console) -> None:
        """Print the table, or where the terminal is too narrow for it one row below the other."""
        table = columns(self.table())
        if len(self.columns) < 2 or out.measure(table).minimum <= out.width:
            out.print(table)
            return
        wide = max(map(len, self.columns))
        for number, row in enumerate(self.rows, 1):
            out.print(Text(f"row {number}", "bold"))
            for name, value in zip(self.columns, row, strict=True):
                out.print(Text(f"  {name:{wide}}  {as_text(value)}"), soft_wrap=True)
        out.print(self.said, highlight=False)

    def write_csv(self, out: TextIO) -> None:
        """Write the names and the rows as CSV, with a comma and line ends of one sign; NULL is empty."""
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([as_text(value) for value in row] for row in self.rows)

    def write_json(self, out: TextIO) -> None:
        """Write one JSON object: ``columns``, ``rows`` and ``more``; decimals are text, exact as stored."""
        told = {"columns": list(self.columns), "rows": [list(row) for row in self.rows], "more": self.more}
        json.dump(told, out, ensure_ascii=False, default=_plain)
        out.write("\n")

    def write(self, form: str) -> None:
        """Print as ``table``, ``csv`` or ``json``; in the last two, what is left out is said on standard error."""
        if form == "table":
            self._show(console())
            return
        (self.write_csv if form == "csv" else self.write_json)(sys.stdout)
        if self.more:
            console(stderr=True).print(self.said, highlight=False)


def as_text(value: object) -> str:
    """Return a value as text: NULL is empty, truth is true or false, JSON and arrays are JSON."""
    if value is None:
        return ""
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return f"\\x{value.hex()}" if isinstance(value, memoryview | bytes) else str(value)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date | datetime | time) else as_text(value)
