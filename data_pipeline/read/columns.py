"""What each frame and each Parquet file holds: columns, types, units, and the expression that gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

ZONE = "Asia/Seoul"
DEPTH = 10
"""Levels on each side of an order book."""
TEXT, WHOLE, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
DAY = pa.timestamp("us")
MOMENT = pa.timestamp("us", tz=ZONE)


@dataclass(frozen=True)
class Column:
    """One column of a dataset."""

    name: str
    type: Any
    """Of Arrow."""
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

    @property
    def field(self) -> Any:
        """The Arrow field with its unit."""
        return pa.field(self.name, self.type, nullable=self.nullable, metadata={"unit": self.unit})


@dataclass(frozen=True)
class Dataset:
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
    def source(self) -> str:
        """What FROM says, with the alias ``b``."""
        return self.relation or f"market.{self.table} b"

    @property
    def schema(self) -> Any:
        """The Arrow schema with units."""
        return pa.schema([column.field for column in self.columns])


def _text(name: str, unit: str, *, nullable: bool = False) -> Column:
    return Column(name, TEXT, unit, f"b.{name}::text", nullable)


def _won(*names: str) -> list[Column]:
    return [Column(name, WHOLE, "won") for name in names]


def _adjusted(*names: str) -> list[Column]:
    # Where no factor applies, which is nearly everywhere, numeric arithmetic would cost four times as much.
    return [
        Column(
            name,
            REAL,
            "adjusted won",
            f"CASE WHEN a.until IS NULL THEN b.{name}::float8 ELSE (b.{name} * a.factor)::float8 END",
            nullable=True,
        )
        for name in names
    ]


def _level(side: str, number: int) -> list[Column]:
    return [
        Column(f"{side}_price_{number}", WHOLE, "won", f"b.{side}_prices[{number}]", nullable=True),
        Column(f"{side}_volume_{number}", WHOLE, "shares", f"b.{side}_volumes[{number}]", nullable=True),
    ]


_CODE = _text("stock_code", "short code (단축코드), six characters")
_SESSION = Column("session", DAY, "date in Seoul", "b.session::date")
_SOURCE = _text("source", "where the row came from")
_VOLUME = Column("volume", WHOLE, "shares")
_VALUE = Column("trading_value", WHOLE, "won")
_SEEN = [_CODE, Column("observed_at", MOMENT, "moment"), _SESSION, _text("stock_name", "name of the issue")]
_CANDLE = [*_won("open", "high", "low", "close"), _VOLUME, _VALUE]

DAILY_BARS = Dataset(
    "daily_bars", "daily_bar", [_CODE, _SESSION, *_CANDLE, *_won("change"), _SOURCE], "b.stock_code, b.session"
)
ADJUSTED_BARS = Dataset(
    "daily_bars",
    "daily_bar",
    [
        _CODE,
        _SESSION,
        *_adjusted("open", "high", "low", "close"),
        Column(
            "volume",
            REAL,
            "shares of the newest session",
            "CASE WHEN a.until IS NULL THEN b.volume::float8 ELSE (b.volume / a.factor)::float8 END",
            nullable=True,
        ),
        _VALUE,
        *_adjusted("change"),
        Column(
            "factor",
            REAL,
            "ratio, adjusted over raw price",
            "CASE WHEN a.until IS NULL THEN 1 ELSE a.factor::float8 END",
            nullable=True,
        ),
        _SOURCE,
    ],
    "b.stock_code, b.session",
)
MINUTE_BARS = {
    minutes: Dataset(
        "minute_bars",
        "minute_bar",
        [_CODE, Column("at", MOMENT, "start of the bar"), _SESSION, *_CANDLE, _SOURCE],
        "b.stock_code, b.at",
        "market.minute_bar b" if minutes == 1 else f"market.minute_bar_{minutes} b",
    )
    for minutes in (1, 5, 30)
}
PRICE_SNAPSHOTS = Dataset(
    "price_snapshots",
    "price_snapshot",
    [
        *_SEEN,
        *_won("current_price", "change_price"),
        Column("change_rate", REAL, "percent", "b.change_rate::float8"),
        *_won("open_price", "high_price", "low_price"),
        _VOLUME,
        _VALUE,
        Column("market_cap", WHOLE, "won", nullable=True),
        _SOURCE,
    ],
    "b.stock_code, b.observed_at, b.session",
)
ORDER_BOOKS = Dataset(
    "order_books",
    "order_book",
    [
        *_SEEN,
        *(column for side in ("bid", "ask") for number in range(1, DEPTH + 1) for column in _level(side, number)),
        Column("total_bid_volume", WHOLE, "shares"),
        Column("total_ask_volume", WHOLE, "shares"),
        _SOURCE,
    ],
    "b.stock_code, b.observed_at, b.session",
)
_ISSUE = [
    _CODE,
    _text("isin", "ISO 6166 code"),
    _text("name", "abbreviated Korean name (한글 종목약명)"),
    _text("market", "KOSPI, KOSDAQ or KONEX"),
    _text("security_group", "group code (증권그룹구분)"),
    Column("listed_on", DAY, "date in Seoul", nullable=True),
    Column("listed_shares", WHOLE, "shares", nullable=True),
    Column("face_value", REAL, "won or the issuer's currency", "b.face_value::float8", nullable=True),
    *(Column(name, FLAG, "whether", nullable=True) for name in ("halted", "managed", "liquidation")),
    Column("preferred", FLAG, "whether"),
]
INSTRUMENTS = Dataset(
    "instruments",
    "instrument",
    [
        *_ISSUE,
        Column("as_of", DAY, "date in Seoul", "b.as_of::date"),
        Column("delisted_on", DAY, "date in Seoul", nullable=True),
        _SOURCE,
    ],
    "b.stock_code",
)
INSTRUMENTS_ON = Dataset(
    "instruments",
    "instrument_history",
    [*_ISSUE, Column("valid_from", DAY, "date in Seoul", "b.valid_from::date"), _SOURCE],
    "b.stock_code",
)
SESSIONS = Dataset(
    "trading_sessions",
    "calendar_session",
    [
        _SESSION,
        Column("final_at", MOMENT, "moment", "market.final_at(b.session)"),
        Column("is_final", FLAG, "whether", "market.final_at(b.session) <= (SELECT market.now())"),
    ],
    "b.session",
)
COVERAGE = Dataset(
    "coverage",
    "coverage",
    [
        _text("dataset", "table"),
        _SESSION,
        *(Column(name, WHOLE, "cells") for name in ("expected", "loaded", "known_empty", "missing")),
    ],
    "b.dataset, b.session",
)
