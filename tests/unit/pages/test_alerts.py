"""What stands first on the page; the moments are those of a September, whose sessions are final at 20:00."""

from datetime import date, datetime

import pytest

from data_pipeline.client.circuit_breaker import BreakerSnapshot, CircuitState
from data_pipeline.client.token import TokenSnapshot
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.pages.alerts import alerts
from data_pipeline.pages.grid import Cell, Grid, session_under_way, state_of
from data_pipeline.pages.keys import Keys

SESSIONS = (date(2026, 9, 17), date(2026, 9, 18))


def at(hour, day=18):
    """A moment of September."""
    return datetime(2026, 9, day, hour, 0, tzinfo=SEOUL)


def grid(*cells):
    """A heatmap of these cells."""
    return Grid(SESSIONS, None, {"daily_bar": cells})


def said(found):
    """Weight and key of each."""
    return [(one.weight, one.key) for one in found]


def test_nothing_is_said_of_what_is_whole():
    """No cell lacks anything, no load failed, the breaker is closed."""
    whole = grid(*(Cell("daily_bar", day, "proven", 10, 10) for day in SESSIONS))
    keys = Keys(breakers={"kis": BreakerSnapshot(CircuitState.CLOSED, 0, 0.0, probing=False)})
    assert alerts(whole, {"groups": [], "failed": []}, keys, krx_calendar(), at(21)) == []


def test_a_gap_of_this_evening_may_still_be_healed():
    """Missing at 21:00 it is a warning; at one in the morning, five hours after it became final, it is worse."""
    lacking = grid(Cell("daily_bar", SESSIONS[1], "missing", 10, 8, 0, 2))
    assert said(alerts(lacking, None, None, krx_calendar(), at(21))) == [("warn", "alert_missing")]
    assert said(alerts(lacking, None, None, krx_calendar(), at(1, 19))) == [("bad", "alert_missing")]


def test_a_session_of_which_nothing_came():
    """The newest one, and none of its cells."""
    lacking = grid(Cell("daily_bar", SESSIONS[1], "many", 10, 0, 0, 10))
    assert ("bad", "alert_nothing") in said(alerts(lacking, None, None, krx_calendar(), at(21)))


def test_what_weighs_most_comes_first():
    """A failed load and a token that is due are less than a breaker that is open."""
    keys = Keys(
        tokens={"1234": TokenSnapshot(90_000.0, -1.0)},
        breakers={"kis": BreakerSnapshot(CircuitState.OPEN, 5, 30.0, probing=False)},
        calls_left=999,
        calls_a_day=10_000,
    )
    runs = {"groups": [("daily_bar", "kis", None, 1, 1, 0, 0, 0, 0, 0, None, "failed")], "failed": []}
    found = said(alerts(None, runs, keys, krx_calendar(), at(21)))
    assert found[0] == ("bad", "alert_breaker")
    assert set(found[1:]) == {("warn", "alert_failed"), ("warn", "alert_token"), ("warn", "alert_krx")}


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


@pytest.mark.parametrize(("moment", "expected"), [(at(9), SESSIONS[1]), (at(20), None), (at(9, 19), None)])
def test_today_is_under_way_until_it_is_final(moment, expected):
    """On a Friday until 20:00, and never on a Saturday."""
    assert session_under_way(krx_calendar(), moment) == expected
