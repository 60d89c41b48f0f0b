"""Many daily bars at once: each is what the record itself makes of its values, or its error."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.market.bar_columns import daily_bars
from data_pipeline.market.records import DailyBar

DAY = date(2026, 11, 20)
NUMBERS = st.sampled_from([-1, 0, 1, 100, 101, 102, 10**17])
ROWS = st.lists(st.tuples(*[NUMBERS] * 7), min_size=1, max_size=4)


def made(rows):
    """Return the bars that columns make."""
    return daily_bars("005930", [DAY] * len(rows), *(list(column) for column in zip(*rows, strict=True)))


@pytest.mark.thorough
@given(ROWS)
def test_columns_make_what_the_record_makes(rows):
    """The same bars in the same order, or the error of the first row that contradicts itself."""
    try:
        alone = [DailyBar("005930", DAY, *row) for row in rows]
    except ValueError as error:
        with pytest.raises(ValueError, match="^" + str(error).replace("(", r"\(") + "$"):
            made(rows)
    else:
        assert made(rows) == alone


@pytest.mark.parametrize("place", range(7))
@pytest.mark.parametrize("value", [-1, 0, 1, 98, 99, 100, 101, 102, 103])
def test_one_value_is_judged_as_the_record_judges_it(place, value):
    """Each value of a good bar changed alone, in the second of two rows."""
    good = (100, 102, 99, 101, 5, 500, 1)
    row = (*good[:place], value, *good[place + 1 :])
    try:
        alone = [DailyBar("005930", DAY, *one) for one in (good, row)]
    except ValueError:
        with pytest.raises(ValueError, match=r"^daily bar 005930 2026-11-20: "):
            made([good, row])
    else:
        assert made([good, row]) == alone


def test_a_bar_out_of_columns_is_a_bar():
    """It is of the record's own class, frozen like any other, equal to one and found by its hash."""
    row = (100, 102, 99, 101, 5, 500, 1)
    (bar,) = made([row])
    assert type(bar) is DailyBar
    assert bar == DailyBar("005930", DAY, *row)
    assert hash(bar) == hash(DailyBar("005930", DAY, *row))
    with pytest.raises(AttributeError):
        bar.close = 1  # type: ignore[misc]


def test_one_contradiction_refuses_all():
    """A low above the high in the second of three rows: no bar comes out."""
    good = (100, 102, 99, 101, 5, 500, 1)
    with pytest.raises(ValueError, match="contradict each other"):
        made([good, (100, 99, 102, 101, 5, 500, 1), good])


def test_a_malformed_code_is_refused():
    """The code is checked once for all rows."""
    with pytest.raises(ValueError, match="six characters"):
        daily_bars("5930", [DAY], [100], [100], [100], [100], [1], [100], [0])
