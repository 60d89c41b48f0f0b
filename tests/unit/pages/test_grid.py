"""How bad a cell of the heatmap is, and which sessions it has."""

from datetime import date, datetime

import pytest

from data_pipeline.market.clock import SEOUL
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.morning.window import last_sessions, session_under_way
from data_pipeline.pages.grid import state_of

FRIDAY = date(2026, 9, 18)


def at(hour, day=18):
    """A moment of September."""
    return datetime(2026, 9, day, hour, 0, tzinfo=SEOUL)


@pytest.mark.parametrize(
    ("missing", "unproven", "state"),
    [(0, 0, "proven"), (0, 1, "unproven"), (1, 9, "missing"), (9, 0, "missing"), (10, 0, "many")],
)
def test_a_cell_is_as_bad_as_its_worst(missing, unproven, state):
    """Of a hundred; from a tenth on, many are missing."""
    assert state_of(100, missing, unproven) == state


def test_what_was_let_go_is_archived():
    """A gap from before stays one."""
    assert state_of(100, 0, 0, 100) == "archived"
    assert state_of(100, 1, 0, 99) == "missing"


@pytest.mark.parametrize(("moment", "expected"), [(at(9), FRIDAY), (at(20), None), (at(9, 19), None)])
def test_today_is_under_way_until_it_is_final(moment, expected):
    """On a Friday until 20:00, and never on a Saturday."""
    assert session_under_way(krx_calendar(), moment) == expected


def test_the_window_is_the_newest_final_sessions():
    """On Friday at noon, Thursday is the newest; Friday is, from 20:00 on."""
    assert last_sessions(krx_calendar(), at(12), 2) == (date(2026, 9, 16), date(2026, 9, 17))
    assert last_sessions(krx_calendar(), at(20), 2) == (date(2026, 9, 17), FRIDAY)
    assert len(last_sessions(krx_calendar(), at(20))) == 60
