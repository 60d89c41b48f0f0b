"""The morning on a terminal of 80 columns."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from rich.console import Console

from data_pipeline.loading.coverage.cells import Coverage
from data_pipeline.local.status_screen import screen
from data_pipeline.market.clock import SEOUL
from data_pipeline.morning.facts import Lacking, LoadRun, Morning, Refused, Restated, Stored, StreamLine
from data_pipeline.morning.keys import Breaker, Budget, Keys, TokenAge

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
    lacking_of=1,
    refused=(Refused("daily_bar", "limit", 3, NOW),),
    differences=(),
    restated=(
        Restated("daily_bar", "update", "kis", "krx", 12, 1, NOW),
        Restated("daily_bar", "update", "krx", "krx", 3, 1, NOW),
    ),
    runs=(
        LoadRun(
            7, "daily_bar", "kis-sandbox", "daily_bars", "load", -1, "scheduled__1", "failed", DAYS[-1], DAYS[-1],
            NOW - timedelta(hours=2), NOW - timedelta(hours=1), 1_234_567, 5, 3, 98_765, ERROR, is_last=True,
        ),
    ),
    new_fields=(),
    lines=(StreamLine("1a2b3c4d", "host:7", "up", 2.0, 0.1, 0, ("trade of 005930 (KRX)",) * 2, 1, (), 12),),
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
    assert lines[2] == "Newest final session: 2026-09-18; 5 sessions up to it looked at"
    assert "never loaded: minute_bar, index_bar" in lines


def test_a_line_of_the_stream_says_what_it_left_to_rest(lines):
    """One of two is registered, twelve have no room; a line that is silent says for how long instead."""
    assert "Stream, key 1a2b3c4d on host:7: up, 1 of 2 registered; 12 left to REST" in lines
    silent = replace(STORED, lines=(replace(STORED.lines[0], age=75.4),))
    assert any("host:7: silent for 0:01:15, 1 of 2" in line for line in shown(replace(MORNING, stored=silent)))


def test_what_changed_is_added_up(lines):
    """Twelve bars that KRX replaced and three that it corrected."""
    assert "Changed within a week, the old versions kept: 15 rows of daily_bar (update)" in lines


def test_the_last_line_is_the_verdict(lines):
    """Of a morning like this one, and of one on which everything is there or nothing answers."""
    assert lines[-1] == "Not complete, or not proved: see above."
    fine = replace(STORED, coverage=STORED.coverage[:4], lacking=(), refused=(), runs=())
    assert shown(replace(MORNING, stored=fine))[-1] == "Complete and true."
    away = shown(Morning(NOW, None, None, {"warehouse": "the server cannot be reached"}))
    assert away[-1] == "It cannot be told: see above."
    assert "NOTE warehouse: the server cannot be reached" in away


def test_a_line_without_an_end_shows_a_dozen_sessions():
    """In a mail of cron, sixty sessions beside one another would say nothing; the newest stand there."""
    days = tuple(date(2026, 8, number) for number in range(3, 29))
    many = replace(STORED, sessions=days, coverage=tuple(Coverage("daily_bar", day, 1, 1, 0, 0) for day in days))
    (head,) = (
        line for line in shown(replace(MORNING, stored=many), 100_000) if line.startswith("dataset") and "-" in line
    )
    assert head.split()[1:] == [f"08-{number}" for number in range(17, 29)]


def test_a_narrow_terminal_shows_the_newest_sessions():
    """At 40 columns three sessions fit."""
    (head,) = (line for line in shown(MORNING, 40) if line.startswith("dataset") and "09-" in line)
    assert head.split() == ["dataset", "09-16", "09-17", "09-18"]
