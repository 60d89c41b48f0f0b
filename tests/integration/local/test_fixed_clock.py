"""The commands on a fixed market's clock: what must be there by then, and no more.

Facts: 21 and 22 September 2026 are sessions; the figures of the 22nd are final at 20:00 in Seoul.
"""

from __future__ import annotations

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.market.window import Window
from tests.support.listed import TUESDAY


@pytest.fixture
def contents(kis_list):
    """The instruments are there."""
    return kis_list


@pytest.fixture
def at(command):
    """Run a command at a moment of the market."""

    def run(moment, *words):
        command.environment["MARKET_CLOCK"] = moment
        code, output = command.run(*words)
        return code, " ".join(output.split())

    return run


@pytest.mark.thorough
def test_coverage_counts_up_to_the_last_final_session(at, command, kis):
    """A minute before eight the Tuesday is not expected yet, a minute after it is."""
    monday = TUESDAY.replace(day=21)
    codes = ("005930", "000660")
    with command.database.connect() as connection:
        load_window(connection, kis, DATASETS["daily_bar"], Window(codes, monday, monday), Run())
    words = ("coverage", "--dataset", "daily_bar", "--first", "2026-09-21")
    code, output = at("2026-09-22T19:58", *words)
    assert (code, "2026-09-22" in output) == (0, False), output
    assert "2026-09-21 2 2 0 0" in output
    code, output = at("2026-09-22T20:01", *words)
    assert (code, "2026-09-22 2 0 0 2" in output) == (1, True), output


@pytest.mark.thorough
def test_backfill_fills_up_to_the_last_final_session(at, command):
    """The range ends where the market's clock says, and a later day is refused."""
    words = ("backfill", "--dataset", "daily_bar", "--first", "2026-09-21", "--codes", "005930", "--dry-run")
    code, output = at("2026-09-22T19:58", *words)
    assert (code, "daily_bar from 2026-09-21 to 2026-09-21" in output) == (0, True), output
    code, output = at("2026-09-22T20:01", *words)
    assert (code, "daily_bar from 2026-09-21 to 2026-09-22" in output) == (0, True), output
    code, output = at("2026-09-22T20:01", *words, "--last", "2026-09-23")
    assert (code, "beyond 2026-09-22" in output) == (2, True), output


@pytest.mark.thorough
def test_the_synthetic_market_in_process_follows(at):
    """`--source mock` fills a day that lies after its reference moment when the clock says so."""
    words = ("backfill", "--source", "mock", "--dataset", "daily_bar", "--codes", "005930")
    code, output = at("2027-06-15T20:40", *words, "--first", "2027-06-14")
    assert (code, "Everything of the range is there" in output) == (0, True), output
