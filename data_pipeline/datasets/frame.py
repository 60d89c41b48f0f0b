"""What a frame and a Parquet file hold: columns, types, units, and the expression that gives each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Type(Enum):
    """What the values of a column are."""

    TEXT = "text"
    WHOLE = "whole number of 64 bits"
    REAL = "floating point number of 64 bits"
    FLAG = "true or false"
    DAY = "date in Seoul"
    MOMENT = "moment, shown in Seoul"


@dataclass(frozen=True)
class Column:
    """One column of a frame."""

    name: str
    type: Type
    unit: str
    """As the file's metadata says it: won, shares, a date in Seoul, ..."""
    sql: str = ""
    """The expression over the alias ``b``; empty for the column of that name."""
    nullable: bool = False
    """Whether the value may be unknown: whole numbers and flags then get pandas' nullable types."""

    @property
    def expression(self) -> str:
        """What the SELECT list says."""
        return self.sql or f"b.{self.name}"


@dataclass(frozen=True)
class Frame:
    """One kind of frame."""

    name: str
    table: str
    """The table whose rows these are, without the schema ``market``."""
    columns: Sequence[Column]
    order: str
    """What rows are sorted by; no two rows are equal in it."""
    relation: str = ""
    """What FROM says; empty for the table."""

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def source(self) -> str:
        """What FROM says, with the alias ``b``."""
        return self.relation or f"market.{self.table} b"


def text(name: str, unit: str, *, nullable: bool = False) -> Column:
    """Return a column of text."""
    return Column(name, Type.TEXT, unit, f"b.{name}::text", nullable)


def won(*names: str) -> list[Column]:
    """Return columns of whole won."""
    return [Column(name, Type.WHOLE, "won") for name in names]


CODE = text("stock_code", "short code (단축코드), six characters")
SESSION = Column("session", Type.DAY, "date in Seoul", "b.session::date")
SOURCE = text("source", "where the row came from")
VOLUME = Column("volume", Type.WHOLE, "shares")
VALUE = Column("trading_value", Type.WHOLE, "won")
MOMENT = Column("observed_at", Type.MOMENT, "moment")
SEEN = [CODE, MOMENT, SESSION, text("stock_name", "name of the instrument")]
"""What rows of a moment begin with."""
CANDLE = [*won("open", "high", "low", "close"), VOLUME, VALUE]
