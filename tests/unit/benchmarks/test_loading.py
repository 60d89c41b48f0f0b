"""The loading benchmark's bars, pages and order of runs, against values worked out by hand."""

from __future__ import annotations

from datetime import date
from itertools import islice, pairwise

import pytest

from benchmarks._loading_bars import (
    PAGE,
    SESSIONS,
    Content,
    bars,
    changes,
    sessions,
    stock_code,
    write_pages,
    write_text,
)
from benchmarks._loading_methods import METHODS
from benchmarks._loading_run import PHASES, Run, planned
from data_pipeline.market.records import DailyBar


def test_the_first_bar_is_always_the_same() -> None:
    """Code 000000 on 2026-11-20, place 499: 104,729 x 499 leaves 23 of 41, so it closes 300 above 50,000."""
    assert next(bars(SESSIONS)) == DailyBar(
        stock_code="000000",
        session=date(2026, 11, 20),
        open=48_800,
        high=50_400,
        low=48_700,
        close=50_300,
        volume=3_669_468,
        trading_value=3_669_468 * 50_300,
        change=1_500,
    )


def test_every_key_comes_once_and_other_codes_lie_in_between() -> None:
    """Two codes have 500 sessions each; the others have the same days and end on 5 where these end on 0."""
    keys = [(bar.stock_code, bar.session) for bar in bars(2 * SESSIONS)]
    others = [(bar.stock_code, bar.session) for bar in bars(2 * SESSIONS, other=True)]
    assert len(set(keys) | set(others)) == 4 * SESSIONS
    assert [stock_code(1), stock_code(1, other=True)] == ["000010", "000015"]
    assert {day for _, day in others} == {day for _, day in keys} == set(sessions())


def test_closes_continue_from_day_to_day() -> None:
    """The change counts from the close before, so that the checks of a load find nothing to say."""
    newest_first = list(bars(SESSIONS))
    for after, before in pairwise(newest_first):
        assert after.close - after.change == before.close


@pytest.mark.parametrize("rows", [SESSIONS, 40 * SESSIONS])
def test_one_bar_in_a_hundred_is_changed(rows: int) -> None:
    """Five of the 500 sessions of each code say a share more, on other days for the next code."""
    pairs = zip(bars(rows), bars(rows, changed=True), strict=True)
    different = [(old, new) for old, new in pairs if old != new]
    assert len(different) == changes(rows) == rows // 100
    assert {new.volume - old.volume for old, new in different} == {1}


def test_text_adds_up(tmp_path) -> None:
    """Every bar is a line with its source last; rows and volumes are summed."""
    content = write_text(tmp_path / "text", bars(SESSIONS))
    lines = (tmp_path / "text").read_text().splitlines()
    first = "000000\t2026-11-20\t48800\t50400\t48700\t50300\t3669468\t184574240400\t1500\tmock"
    assert (len(lines), lines[0]) == (SESSIONS, first)
    assert content == Content(SESSIONS, sum(int(line.split("\t")[6]) for line in lines))


def test_pages_hold_a_hundred_bars(tmp_path) -> None:
    """Five pages make a code."""
    write_pages(tmp_path / "pages", 2 * SESSIONS)
    lines = (tmp_path / "pages").read_text("utf-8").splitlines()
    assert [line.count("stck_bsop_date") for line in lines] == [PAGE] * 10
    assert ['"stck_shrn_iscd": "000010"' in line for line in lines] == [False] * 5 + [True] * 5


def test_raw_copy_comes_right_before_what_it_is_compared_with() -> None:
    """Ours is compared with the partitioned table, the others with the plain one, on tables in the same state."""
    runs = list(planned(["data_pipeline", "execute_values"], ["filled", "again"]))
    assert runs == [
        Run("copy", "flat", "filled"),
        Run("execute_values", "flat", "filled"),
        Run("copy", "monthly", "filled"),
        Run("data_pipeline", "monthly", "filled"),
        Run("copy", "flat", "fresh"),
        Run("execute_values", "flat", "again"),
        Run("copy", "monthly", "fresh"),
        Run("data_pipeline", "monthly", "again"),
    ]


def test_every_phase_and_method_can_be_chosen() -> None:
    """Each phase has a method and each method's phases are known; without a table nothing is copied."""
    assert {phase for method in METHODS.values() for phase in method.phases} == set(PHASES)
    assert list(planned(["copy_text", "records"], list(PHASES))) == [
        Run("copy_text", "-", "text"),
        Run("records", "-", "made"),
    ]
    assert list(islice(planned(["copy"], ["fresh"]), 3)) == [
        Run("copy", "flat", "fresh"),
        Run("copy", "monthly", "fresh"),
    ]
