"""Rows as binary COPY: the bytes that PostgreSQL's documentation describes, and when they are not made."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.datasets.minute_bar import MINUTE_BAR
from data_pipeline.datasets.rows import Rows
from data_pipeline.loading.rows.copy_columns import Sealed, column_copy
from data_pipeline.market.records import DailyBar
from tests.support.seals import digest

BAR = DailyBar("0001A0", date(2026, 9, 14), 70_000, 71_500, 69_900, 71_000, 1_000, 70_500_000, -1_420)
HIDDEN = object()


def field(content: bytes) -> bytes:
    """Return a field as the documentation has it: its length in 32 bits, then its bytes."""
    return struct.pack(">i", len(content)) + content


def row(bar: DailyBar, days: int, source: str, run_id: int) -> bytes:
    """Return a row as the documentation has it; ``days`` are those since 2000-01-01."""
    numbers = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trading_value, bar.change)
    fields = [bar.stock_code.encode(), struct.pack(">i", days), *(struct.pack(">q", one) for one in numbers)]
    return struct.pack(">h", 11) + b"".join(map(field, [*fields, source.encode(), struct.pack(">q", run_id)]))


def copied(bars: list[DailyBar]) -> tuple[dict[date, bytes], list[Sealed]]:
    """Return what is copied into each month, and then what the seals of the sessions gain."""
    copy = column_copy(Rows(bars), DAILY_BAR.table, "kis-sandbox", 7)
    assert copy is not None
    return {month: b"".join(pieces) for month, pieces in copy.months()}, copy.sealed()


def test_rows_are_written_as_the_documentation_says():
    """A signature, no flags, no extension, each row with its eleven fields, and minus one at the end."""
    before = replace(BAR, stock_code="005930", session=date(1999, 12, 31))
    begin = b"PGCOPY\n\xff\r\n\0" + bytes(4) + bytes(4)
    assert copied([BAR, before])[0] == {
        date(1999, 12, 1): begin + row(before, -1, "kis-sandbox", 7) + b"\xff\xff",
        date(2026, 9, 1): begin + row(BAR, 9_753, "kis-sandbox", 7) + b"\xff\xff",
    }


def test_sessions_add_up_as_they_are_written_out_by_hand():
    """Each session's rows, in whatever order they come, add up to what hashlib and struct give of them one by one."""
    days = [date(2026, month, day) for month in (12, 1, 7) for day in (1, 9, 30)]
    bars = [replace(BAR, stock_code=f"{code:06d}", session=day, change=-code) for code in range(400) for day in days]
    table = DAILY_BAR.table
    wanted = {day: [digest(table, table.values(bar)) for bar in bars if bar.session == day] for day in days}
    told = [Sealed(day, len(each), sum(each) % 2**256) for day, each in wanted.items()]
    assert sorted(copied(bars)[1]) == sorted(told)


@pytest.mark.parametrize(
    "changes",
    [{"open": 70_000.5}, {"volume": 2**63}, {"session": datetime(2026, 9, 14, 9)}, {"stock_code": "삼성전"}],
    ids=["half a won", "more than 64 bits", "a time", "another code"],
)
def test_what_is_not_plain_is_left_to_the_text(changes):
    """Nothing is cut off to fit: such rows are told by their text, and refused by name."""
    odd = replace(BAR)
    for name, value in changes.items():
        object.__setattr__(odd, name, value)
    assert column_copy(Rows([BAR, odd]), DAILY_BAR.table, "kis", 7) is None


def test_rows_without_a_run_or_of_another_table_are_left_to_the_text():
    """A null, and what is no bar of a day, have no place in the columns."""
    assert column_copy(Rows([BAR]), DAILY_BAR.table, "kis", None) is None
    assert column_copy(Rows([BAR]), MINUTE_BAR.table, "kis", 7) is None
    assert column_copy(Rows([BAR, HIDDEN]), DAILY_BAR.table, "kis", 7) is None
