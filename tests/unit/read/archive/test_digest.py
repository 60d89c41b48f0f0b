"""The binary form of a row out of Arrow, against bytes written by hand after docs/explanation/seals.md."""

import hashlib
from datetime import date, datetime, timezone

import pyarrow as pa
import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.loading.rows.copy_columns import MODULUS
from data_pipeline.read.archive.digest import Sum, add_up
from data_pipeline.read.archive.stored import StoredColumn, completed, schema_of

DAY = date(2000, 1, 2)


def column(name, kind, *, nullable=False, code=False, default=None):
    """A column of a table."""
    return StoredColumn(name, kind, code, nullable, "", default)


def table(columns, *rows):
    """Rows of these columns; session and source stand beside them."""
    whole = [*columns, column("session", "date"), column("source", "text")]
    names = [one.name for one in whole]
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema_of(whole))


def sha(written):
    """The number of a row's bytes."""
    return int.from_bytes(hashlib.sha256(written).digest(), "big")


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("bigint", 258, b"\0\0\0\0\0\0\1\2"),
        ("bigint", -1, b"\xff" * 8),
        ("integer", 258, b"\0\0\1\2"),
        ("smallint", 258, b"\1\2"),
        ("boolean", True, b"\1"),
        ("boolean", False, b"\0"),
        ("text", "가", b"\0\0\0\3\xea\xb0\x80"),
        ("date", date(2000, 1, 3), b"\0\0\0\2"),
        ("date", date(1999, 12, 31), b"\xff\xff\xff\xff"),
        ("timestamp with time zone", datetime(2000, 1, 1, 0, 0, 1, tzinfo=timezone.utc), b"\0\0\0\0\0\x0f\x42\x40"),
        # ndigits, weight, sign, dscale, then digits of base 10,000: 1.06 is 1 and 0600.
        ("numeric", "1.06", b"\0\2\0\0\0\0\0\2\0\1\x02\x58"),
        ("numeric", "-0.5", b"\0\1\xff\xff\x40\0\0\1\x13\x88"),
        ("numeric", "0.00", b"\0\0\0\0\0\0\0\2"),
        ("numeric", "12345678", b"\0\2\0\1\0\0\0\0\x04\xd2\x16\x2e"),
        ("numeric", "120000", b"\0\1\0\1\0\0\0\0\0\x0c"),
        # dimensions, no nulls, the id of bigint, then length and lower bound, then each with its own length.
        ("bigint[]", [7], b"\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\1\0\0\0\1\0\0\0\x08\0\0\0\0\0\0\0\7"),
        ("bigint[]", [], b"\0\0\0\0\0\0\0\0\0\0\0\x14"),
    ],
)  # fmt: skip
def test_a_value_is_as_postgres_sends_it(kind, value, written):
    """Alone, and behind the sign that it is there where it may be lacking."""
    for nullable, before in ((False, b""), (True, b"\1")):
        columns = [column("value", kind, nullable=nullable)]
        sums: dict[date, Sum] = {}
        add_up(table(columns, (value, DAY, "kis")), columns, sums)
        assert sums == {DAY: Sum(1, 0, sha(before + written))}


def test_what_is_lacking_is_one_sign():
    """Whatever its type."""
    columns = [column("text", "text", nullable=True), column("number", "bigint", nullable=True)]
    sums: dict[date, Sum] = {}
    add_up(table(columns, (None, None, DAY, "kis")), columns, sums)
    assert sums[DAY].digest == sha(b"\0\0")


def test_rows_add_up_by_session():
    """A code is written without its length; official rows are counted; parts of a file go on where the last ended."""
    columns = [column("stock_code", "text", code=True), column("shares", "bigint")]
    other = date(2000, 1, 3)
    sums: dict[date, Sum] = {}
    add_up(table(columns, ("005930", 1, DAY, "kis"), ("0001A0", 2, other, "krx")), columns, sums)
    add_up(table(columns, ("005930", 3, other, "krx-sandbox")), columns, sums)
    one, two, three = (
        sha(code + number.to_bytes(8, "big")) for code, number in ((b"005930", 1), (b"0001A0", 2), (b"005930", 3))
    )
    assert sums == {DAY: Sum(1, 0, one), other: Sum(2, 2, (two + three) % MODULUS)}


def test_a_value_that_is_left_out():
    """A column that came later is written only where it says something new."""
    columns = [column("venue", "text"), column("shares", "bigint")]
    sums: dict[date, Sum] = {}
    add_up(table(columns, ("KRX", 1, DAY, "kis")), columns, sums, {"venue": "KRX"})
    assert sums[DAY].digest == sha(bytes(7) + b"\1")
    add_up(table(columns, ("NXT", 1, date(2000, 1, 3), "kis")), columns, sums, {"venue": "KRX"})
    assert sums[date(2000, 1, 3)].digest == sha(b"\0\0\0\3NXT" + bytes(7) + b"\1")


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [
        ("text", "'KRX'::text", "KRX"),
        ("text", "''::text COLLATE \"C\"", ""),
        ("bigint", "7", 7),
        ("boolean", "false", False),
    ],
)
def test_a_file_that_is_older_than_a_column(kind, default, value):
    """Its rows have the column's default, which is a constant."""
    own = [column("shares", "bigint")]
    today = [*own, column("later", kind, default=default), column("maybe", "bigint", nullable=True)]
    old = pa.table({"shares": pa.array([1, 2], pa.int64())})
    found = completed(old, today)
    assert found.schema.equals(schema_of(today))
    assert found.to_pylist() == [{"shares": shares, "later": value, "maybe": None} for shares in (1, 2)]


def test_a_column_without_a_default_is_an_error():
    """Nothing is made up in its place."""
    later = column("later", "bigint", default="random()")
    with pytest.raises(ConfigurationError, match="no column later, and nothing says"):
        completed(pa.table({"shares": [1]}), [column("shares", "bigint"), later])
