"""The morning on a terminal of 80 columns."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from rich.console import Console

from data_pipeline.loading.coverage.cells import Coverage
from data_pipeline.local.status_screen import screen
from data_pipeline.market.clock import SEOUL
from data_pipeline.morning.facts import (
    Breaker,
    Budget,
    Keys,
    Lacking,
    LoadRun,
    Morning,
    Refused,
    Restated,
    Stored,
    TokenAge,
)

DAYS = tuple(date(2026, 9, number) for number in range(14, 19))
NOW = datetime(2026, 9, 19, 8, 0, tzinfo=SEOUL)
ERROR = "KIS daily of 005930: the field stck_clpr is not a number " * 3
STORED = Stored(
    session=DAYS[-1], first=DAYS[0], sessions=DAYS, kind="made-up", loads=9,
    coverage=(
        *(Coverage("daily_bar", day, 2_700, 2_700, 0, 0) for day in DAYS[:-1]),
        Coverage("daily_bar", DAYS[-1], 2_700, 2_690, 0, 10),
        *(Coverage("investor_flow", day, 2_700, 0, 0, 2_700, unproven=2_700) for day in DAYS),
    ),
    lacking=(Lacking("daily_bar", "005930", "missing", DAYS[-1], DAYS[-1], 1, ERROR),),
    refused=(Refused("daily_bar", "limit", 3, NOW),),
    differences=(),
    restated=(Restated("daily_bar", "update", 12, NOW),),
    runs=(
        LoadRun(
            7, "daily_bar", "kis-sandbox", "daily_bars", "load", "failed", DAYS[-1], DAYS[-1],
            NOW - timedelta(hours=2), NOW - timedelta(hours=1), 1_234_567, 3, 98_765, ERROR, is_last=True,
        ),
    ),
    new_fields={},
)  # fmt: skip
KEYS = Keys(
    budgets=(Budget("1a2b3c4d", 17.7, 0.5, 0.1, 70, ""), Budget("1a2b3c4d ledger", 17.7, 0.0, 0.0, 0, "")),
    tokens=(TokenAge("1a2b3c4d", 3600, 82_500),),
    breakers=(Breaker("kis-sandbox", "CLOSED", 0, 0.0),),
    krx_calls_left=9_997,
    krx_calls=10_000,
)
MORNING = Morning(NOW, STORED, KEYS)


def shown(morning, width=80):
    """What stands on a terminal of this width, line by line."""
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        for part in screen(morning, width):
            console.print(part)
    return capture.get().splitlines()


@pytest.fixture(scope="module")
def lines():
    """The screen of a morning with a bit of everything."""
    return shown(MORNING)


def test_nothing_is_cut_at_80_columns(lines):
    """No line is longer, no figure ends in dots, and the whole error is there, on several lines."""
    assert max(map(len, lines)) <= 80
    assert "…" not in "\n".join(lines)
    words = " ".join(" ".join(lines).split())
    assert words.count("stck_clpr") >= 3
    assert all(figure in words for figure in ("1,234,567", "98,765", "22:55:00", "9,997", "1a2b3c4d ledger"))


def test_each_session_says_how_it_stands(lines):
    """Ten cells of the last session are missing, and every investor flow is stored and not proved."""
    (bars,) = (line for line in lines if line.startswith("daily_bar  ") and "ok" in line)
    (flows,) = (line for line in lines if line.startswith("investor_flow"))
    assert bars.split() == ["daily_bar", "ok", "ok", "ok", "ok", "-10"]
    assert flows.split() == ["investor_flow", *["?2,700"] * 5]


def test_it_says_whose_rows_they_are_and_what_was_never_loaded(lines):
    """Made-up rows never pose as real, and a dataset without a line would not be missed."""
    assert "MADE UP" in lines[1]
    assert "never loaded: minute_bar, index_bar" in lines


def test_the_last_line_is_the_verdict(lines):
    """Of a morning like this one, and of one on which everything is there or nothing answers."""
    assert lines[-1] == "Not complete, or not proved: see above."
    fine = replace(STORED, coverage=STORED.coverage[:4], lacking=(), refused=(), runs=())
    assert shown(replace(MORNING, stored=fine))[-1] == "Complete and true."
    away = shown(Morning(NOW, None, None, {"warehouse": "the server cannot be reached"}))
    assert away[-1] == "It cannot be told: see above."
    assert "NOTE warehouse: the server cannot be reached" in away


def test_a_narrow_terminal_shows_the_newest_sessions():
    """At 40 columns three sessions fit."""
    (head,) = (line for line in shown(MORNING, 40) if line.startswith("dataset") and "09-" in line)
    assert head.split() == ["dataset", "09-16", "09-17", "09-18"]
