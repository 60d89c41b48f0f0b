"""Answers that were cut short under success, by the emulated KIS server: what was not brought is missing, at any size.

Facts: 217 sessions end on 22 September 2026, the first of them is FIRST; a chart page holds a hundred, and the
hundredth from the end is 2026-04-28. Samsung Electronics (005930) is listed since 1975 and trades in each of the 381
minutes of a session, which come in pages of 120, on the virtual server of 30. 0010K0 is halted that week.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO

import pytest
from rich.console import Console

from data_pipeline.datasets import DATASETS
from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.local.arguments import add_backfill_options
from data_pipeline.local.backfill import backfill, wish_of
from data_pipeline.local.coverage import show_coverage
from data_pipeline.local.home import Home
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.sources.factory import create_data_source
from tests.support.command import Command
from tests.support.kis_settings import RATE

FIRST, TEN, MONDAY, LAST = "2025-11-05", "2026-09-09", "2026-09-21", "2026-09-22"
EVENING = datetime(2026, 9, 22, 21, 40, tzinfo=SEOUL)
CODE, HALTED = "005930", "0010K0"
CHART, PAST, TODAY = "inquire-daily-itemchartprice", "inquire-time-dailychartprice", "inquire-time-itemchartprice"
STORED = "SELECT count(*) FROM market.{}"
WRONG = "SELECT count(*) FROM market.minute_bar WHERE trading_value NOT BETWEEN volume * low AND volume * high"


@pytest.fixture(scope="module", params=["real", pytest.param("virtual", marks=pytest.mark.slow)])
def kind(request):
    """Which of KIS's servers."""
    return request.param


@pytest.fixture(scope="module")
def emulator(kind):
    """It, on the evening of 22 September 2026."""
    with EmulatorProcess(server=kind, rate=2 * RATE, now=EVENING.isoformat(), frozen=True) as running:
        yield running


@dataclass(frozen=True)
class Filled:
    """`data-pipeline backfill` and `data-pipeline coverage` on one warehouse."""

    fill: Callable[..., tuple[int, str]]
    missing: Callable[[str, str], str]

    def __call__(self, *words: str) -> tuple[int, str]:
        return self.fill(*words)


@pytest.fixture
def contents(kis_list):
    """The instruments are there."""
    return kis_list


@pytest.fixture
def fill(database, settings, emulator, kind, tmp_path, monkeypatch):
    """What `data-pipeline backfill` does with one dataset and range: its exit code and output."""
    virtual = {"KIS_USE_VIRTUAL_SERVER": str(kind == "virtual").lower(), "KIS_API_BASE_URL_VIRTUAL": emulator.url}
    emulator.set_faults()
    command = Command(database, settings | virtual, tmp_path)
    for name, value in command.environment.items():
        monkeypatch.setitem(os.environ, name, value)

    def fill(dataset, first, last=LAST, codes=CODE):
        parser = ArgumentParser()
        add_backfill_options(parser)
        typed = parser.parse_args(["--dataset", dataset, "--first", first, "--last", last, "--codes", codes])
        out = StringIO()
        code = backfill(wish_of(typed), Home(tmp_path), command.environment, EVENING, Console(file=out, width=200))
        return code, out.getvalue()

    def missing(dataset, first):
        options = Namespace(dataset=dataset, first=first, last=LAST)
        out = StringIO()
        show_coverage(options, Home(tmp_path), command.environment, EVENING, Console(file=out, width=200))
        return out.getvalue().split()[-2]

    return Filled(fill, missing)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("fault", "first", "stored"),
    [
        ({"skip": 1}, FIRST, 100),
        ({"rows": 60}, FIRST, 60),
        ({"rows": 60, "value": "newest"}, FIRST, 60),
        ({"rows": 61, "value": "middle"}, FIRST, 61),
        ({"skip": 1, "rows": 3}, FIRST, 103),
        ({}, TEN, 0),
        ({"rows": 9}, TEN, 9),
    ],
    ids=["empty, second", "short", "newest cut", "middle cut", "short, second", "ten, empty", "one of ten"],
)
def test_a_bar_that_a_page_did_not_bring_is_missing(fill, database, emulator, fault, first, stored):
    """The command says so (exit 1), coverage counts it, nothing is known empty; asked again, all of it is there."""
    asked = 217 if first == FIRST else 10
    emulator.set_faults({"kind": "short_page", "path": CHART, "count": 1, **fault})
    code, output = fill("daily_bar", first)
    assert (code, f"{CODE} still lacks" in output) == (1, True)
    assert database.rows(STORED.format("daily_bar")) == [(stored,)]
    assert database.rows(STORED.format("no_data")) == [(0,)]
    assert fill.missing("daily_bar", first) == f"{asked - stored}"
    assert fill("daily_bar", first)[0] == 0
    assert database.rows(STORED.format("daily_bar")) == [(asked,)]


def test_many_sessions_without_a_row_are_an_error(fill, database, emulator):
    """The first page is empty: nothing is stored, and the command says that not one row came."""
    emulator.set_faults({"kind": "short_page", "path": CHART, "count": 1})
    code, output = fill("daily_bar", FIRST)
    assert (code, "not one row came for 217 cells" in output) == (1, True)
    assert database.rows(STORED.format("no_data")) == [(0,)]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "fault",
    [{"skip": 2}, {"skip": 1, "rows": 20}, {"skip": 1, "rows": 20, "value": "newest"},
     {"skip": 1, "rows": 20, "value": "middle"}],
    ids=["empty, third", "short, second", "newest cut", "middle cut"],
)  # fmt: skip
def test_a_session_whose_minutes_were_cut_is_not_whole(fill, database, emulator, kind, fault):
    """What came is stored but for minutes without their predecessor; the session stays missing until it is whole."""
    emulator.set_faults({"kind": "short_page", "path": PAST if kind == "real" else TODAY, "count": 1, **fault})
    code, output = fill("minute_bar", LAST)
    assert (code, f"{CODE} still lacks {LAST}" in output) == (1, True)
    assert database.rows(STORED.format("loaded_day")) == [(0,)]
    assert 0 < database.rows(STORED.format("minute_bar"))[0][0] < 381
    assert database.rows(WRONG) == [(0,)]
    assert fill.missing("minute_bar", LAST) == "1"
    assert fill("minute_bar", LAST)[0] == 0
    assert database.rows("SELECT rows FROM market.loaded_day") == [(381,)]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["real"], indirect=True)
@pytest.mark.parametrize("daily", [True, False], ids=["with daily bars", "without"])
@pytest.mark.parametrize("fault", [{}, {"rows": 20, "value": "newest"}], ids=["empty", "newest cut"])
def test_a_past_session_that_lacks_its_newest_minutes_is_not_whole(fill, database, emulator, daily, fault):
    """The first page is empty, or without the close: the session before is not taken for whole, nor for empty."""
    if daily:
        assert fill("daily_bar", MONDAY)[0] == 0
    emulator.set_faults({"kind": "short_page", "path": PAST, "count": 1, **fault})
    assert fill("minute_bar", MONDAY, MONDAY)[0] == 1
    assert database.rows(STORED.format("loaded_day")) == database.rows(STORED.format("no_data")) == [(0,)]
    assert fill.missing("minute_bar", MONDAY) == "2"


@pytest.mark.parametrize("kind", ["real"], indirect=True)
def test_a_halted_session_is_empty_by_its_daily_bar_or_by_the_head(fill, database):
    """Tuesday's head says volume 0; Monday has nothing that says so until its daily bar is there."""
    assert fill("minute_bar", MONDAY, LAST, HALTED)[0] == 1
    assert database.rows("SELECT session::text FROM market.no_data") == [(LAST,)]
    assert fill("daily_bar", MONDAY, LAST, HALTED)[0] == 0
    assert fill("minute_bar", MONDAY, LAST, HALTED)[0] == 0
    assert database.rows("SELECT session::text FROM market.no_data ORDER BY 1") == [(MONDAY,), (LAST,)]


def test_a_scheduled_load_settles_nothing_that_did_not_come(fill, database, settings, emulator, kind):
    """The daily DAG's load of one instrument's minutes after the close, its second page empty: stored, not whole."""
    virtual = {"KIS_USE_VIRTUAL_SERVER": str(kind == "virtual").lower(), "KIS_API_BASE_URL_VIRTUAL": emulator.url}
    emulator.set_faults({"kind": "short_page", "path": PAST if kind == "real" else TODAY, "count": 1, "skip": 1})
    window = Window((CODE,), date(2026, 9, 22), date(2026, 9, 22))
    with create_data_source("kis", settings | virtual) as source, database.connect("owner") as connection:
        counts = load_window(connection, source, DATASETS["minute_bar"], window, Run(moment=EVENING))
    # The chart of today has nine rows without a trade, 15:20 to 15:28, among its thirty.
    page = 120 if kind == "real" else 30 - 9
    assert (counts["missing"], counts["inserted"]) == (1, page - 1)
    assert database.rows(STORED.format("loaded_day")) == [(0,)]
    assert fill.missing("minute_bar", LAST) == "1"
