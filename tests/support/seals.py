"""Digests of stored rows, worked out by hand: hashlib and struct, without a word of the SQL that keeps the seals."""

from __future__ import annotations

import hashlib
import struct
from collections import defaultdict
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

EPOCH = date(2000, 1, 1)
"""The day that Postgres counts dates and times from."""
MOMENT = datetime(2000, 1, 1, tzinfo=timezone.utc)
BIGINT = 20
"""The object id of Postgres's bigint, which a sent array names."""
_KINDS = ("securities", "trust", "private_fund", "bank", "insurance", "merchant_bank", "pension", "other_group",
    "other_corporation")  # fmt: skip
NULLABLE = {
    "price_snapshot": {"market_cap"},
    "index_bar": {"open", "high", "low", "change", "volume", "trading_value", "market_cap"},
    "index_snapshot": {"open", "high", "low"},
    "trade": {
        "cumulative_value",
        "side",
        "sell_count",
        "buy_count",
        "sell_volume",
        "buy_volume",
        "ask_price",
        "bid_price",
    },
    "investor_flow": {"volume"}
    | {f"{kind}_{side}_{of}" for kind in _KINDS for side in ("bought", "sold") for of in ("volume", "value")},
}
"""By table, the columns that may be null."""
OFFICIAL = {"krx", "krx-sandbox"}


def sent(column, value, *, nullable=False) -> bytes:
    """One value as docs/explanation/seals.md says that version 1 has it."""
    if nullable:
        return b"\0" if value is None else b"\1" + sent(column, value)
    return value.encode() if column == "stock_code" else bytes(FORMS[type(value)](value))


def _number(value: int) -> bytes:
    return struct.pack("!q", value)


def _decimal(value: Decimal) -> bytes:
    """Digits of base 10,000, aligned at the decimal point; the first and the last are not 0."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    whole, fraction = divmod(int("".join(map(str, digits))) * 10 ** (scale + exponent), 10**scale)
    left = f"{whole:d}".zfill(-(-len(f"{whole:d}") // 4) * 4)
    right = f"{fraction:d}".zfill(scale) if scale else ""
    right = right.ljust(-(-len(right) // 4) * 4, "0")
    text = left + right
    groups = [int(text[at : at + 4]) for at in range(0, len(text), 4)]
    weight = len(left) // 4 - 1
    while groups and groups[0] == 0:
        groups, weight = groups[1:], weight - 1
    while groups and groups[-1] == 0:
        groups = groups[:-1]
    weight, sign = (weight, sign) if groups else (0, 0)
    return struct.pack(f"!hhHH{len(groups)}h", len(groups), weight, 0x4000 if sign else 0, scale, *groups)


def _text(value: str) -> bytes:
    return struct.pack("!i", len(value.encode())) + value.encode()


def _moment(value: datetime) -> bytes:
    elapsed = value - MOMENT
    return _number((elapsed.days * 86400 + elapsed.seconds) * 10**6 + elapsed.microseconds)


def _array(values: list[int]) -> bytes:
    shape = struct.pack("!iii", 1 if values else 0, 0, BIGINT)
    return (
        shape
        + (struct.pack("!ii", len(values), 1) if values else b"")
        + b"".join(struct.pack("!iq", 8, value) for value in values)
    )


FORMS: dict[type, Any] = {
    int: _number, str: _text, datetime: _moment, date: lambda day: struct.pack("!i", (day - EPOCH).days),
    list: _array, Decimal: _decimal, bool: lambda flag: bytes([flag]),
}  # fmt: skip


def digest(table, row) -> int:
    """The number of one row, whose values are in the order of the table's columns."""
    values = dict(zip(table.columns, row, strict=True))
    may_lack = NULLABLE.get(table.name, ())
    # A book of KRX is written as it was before there were venues.
    columns = [name for name in table.columns if (table.name, name, values[name]) != ("order_book", "venue", "KRX")]
    written = b"".join(sent(name, values[name], nullable=name in may_lack) for name in columns)
    return int.from_bytes(hashlib.sha256(written).digest(), "big")


def worked_out(database, table):
    """Rows, official rows and digest of each session that holds rows."""
    columns = ", ".join(table.columns)
    sums: dict[date, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for *row, source in database.rows(f"SELECT {columns}, source FROM market.{table.name}"):
        session = row[table.columns.index("session")]
        rows, official, total = sums[session]
        sums[session] = (rows + 1, official + (source in OFFICIAL), (total + digest(table, row)) % 2**256)
    return dict(sums)


def seals(database, table):
    """The same as the seals say; those of sessions without rows are left out once they say so."""
    rows = database.rows(
        "SELECT session, rows, official, digest FROM market.seal WHERE dataset = %s ORDER BY session", table.name
    )
    return {
        session: (count, official, int(total)) for session, count, official, total in rows if (count, total) != (0, 0)
    }
