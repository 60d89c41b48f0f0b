"""What commands print: tables as wide as they are, and data that is never read as markup."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TextIO

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
            console().print(self.table())
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


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime | time) else as_text(value)
