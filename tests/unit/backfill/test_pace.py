"""What a machine can do: by its work, its threads and its processes."""

from __future__ import annotations

from itertools import count

import pytest

from data_pipeline.backfill.pace import CALL, ROW, TRIP_S, Pace, piece_of_work, this_machine


def test_work_bounds_the_calls():
    """With threads enough, a process does one call after the other: 10 ms each are a hundred a second."""
    assert Pace(0.010 / CALL, threads=64).calls_a_second(0) == pytest.approx(100)


def test_rows_are_work():
    """So many rows that they cost as much as the call itself halve the pace."""
    pace = Pace(0.010 / CALL, threads=64)
    assert pace.calls_a_second(CALL / ROW) == pytest.approx(50)


def test_threads_bound_the_calls_of_a_quick_machine():
    """Each of six threads waits for the way of its answer."""
    assert Pace(1e-9, threads=6).calls_a_second(100) == pytest.approx(6 / TRIP_S, rel=1e-3)


def test_processes_add_up():
    """Two do twice as much."""
    assert Pace(0.001, 8, processes=2).calls_a_second(100) == 2 * Pace(0.001, 8).calls_a_second(100)


def test_a_piece_of_work_is_timed_by_the_clock():
    """Looks 64 ms apart: four pieces until a fifth of a second is over, so being interrupted counts."""
    ticks = count()
    assert piece_of_work(lambda: next(ticks) * 0.064) == pytest.approx(0.064)
    assert next(ticks) == 5


def test_no_more_processes_than_cores_and_at_least_one():
    """A million tasks on this machine count as its cores."""
    ticks = count()
    assert 1 <= this_machine(8, 1_000_000, lambda: next(ticks) / 4).processes < 1_000_000
    assert this_machine(8, 0, lambda: next(ticks) / 4).processes == 1
