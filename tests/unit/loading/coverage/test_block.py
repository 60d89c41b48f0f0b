"""Cells that are not written out are counted like those that are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from data_pipeline.datasets.rows import Rows
from data_pipeline.loading.coverage.block import WORTHWHILE, Block, counted, left_out
from data_pipeline.loading.coverage.noted import Reach
from data_pipeline.market.records import DailyBar

BAR = DailyBar("000000", date(2026, 9, 14), 70_000, 71_500, 69_900, 71_000, 1_000, 70_500_000, -1_420)
CODES = [f"{number:06d}" for number in range(WORTHWHILE // 10)]
DAYS = [BAR.session + timedelta(days) for days in range(10)]
BARS = [replace(BAR, stock_code=code, session=day) for day in reversed(DAYS) for code in CODES]


def told(bars):
    """Return how many rows there are of each cell, written out one by one."""
    return Counter((bar.stock_code, bar.session) for bar in bars)


@pytest.mark.parametrize(
    ("bars", "is_block"),
    [
        (BARS, True),
        (BARS[::-1], True),
        (BARS[1:], False),
        (BARS[1:] + BARS[-1:], False),
        (BARS + BARS[-1:], False),
        (BARS[: WORTHWHILE // 2], False),
        ([], False),
    ],
    ids=["whole", "in another order", "one is lacking", "one twice, one lacking", "one twice", "few", "none"],
)
def test_every_cell_is_counted(bars, is_block):
    """The same cells and numbers, whether or not they are written out; what is not there is not found."""
    found = counted(Rows(bars), "session", {})
    assert isinstance(found, Block) == is_block
    assert dict(found) == told(bars)
    assert len(found) == len(told(bars))
    strange = {("999999", DAYS[0]), (CODES[0], date(2026, 1, 5)), (CODES[0], DAYS[0])}
    assert {cell for cell in strange if cell in found} == strange & told(bars).keys()
    for reach in (None, Reach({"999999", CODES[0]}, {*DAYS, date(2026, 1, 5)})):
        assert left_out(strange, found, reach) == strange - told(bars).keys()
    assert left_out({*told(bars)}, found, Reach({*CODES}, {*DAYS})) == set()


def test_a_second_part_is_added_to_a_block():
    """What comes later is counted on top, cell by cell."""
    later = [replace(BAR, stock_code="999999"), BARS[0]]
    whole = counted(Rows(BARS), "session", {})
    assert dict(counted(Rows(later), "session", whole)) == told([*BARS, *later])


def test_a_block_has_no_row_of_another_cell():
    """As a mapping would, it raises KeyError for what is not in it."""
    block = Block(["005930"], [BAR.session])
    assert block["005930", BAR.session] == 1
    with pytest.raises(KeyError):
        block["000660", BAR.session]
