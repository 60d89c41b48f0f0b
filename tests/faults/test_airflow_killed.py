"""Parts of a real Airflow are killed while a backfill loads from the emulator under `data-pipeline up`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime

import pytest

from data_pipeline.local.opened import forget_gone_runs
from data_pipeline.local.processes import wait_until
from data_pipeline.market.trading_calendar import krx_calendar
from tests.faults.airflow import UNDISTURBED, WITHIN_S, Stack
from tests.faults.matrix import FULL, Tally
from tests.faults.rig import LAST
from tests.support.installation import command_in, ended, new_home

pytestmark = [
    pytest.mark.timeout(2400 if FULL else 600),
    pytest.mark.skipif(not FULL, reason="minutes each, and a whole Airflow: make faults FULL=1"),
    pytest.mark.xdist_group("airflow"),  # both kill parts of one installation, and two take each other's port
]

FIRST = date(2024, 1, 2)
SESSIONS = len(krx_calendar().sessions(FIRST, LAST))
CODES = 6
"""In two tasks, 42 calls at eighteen a second."""
EARLY = 20
"""So many calls may have been answered before something is killed."""


@pytest.fixture(scope="module")
def stack(market_time: str) -> Iterator[Stack]:
    """An installation whose Airflow runs and whose warehouse knows the instruments."""
    with new_home() as home:
        stack = Stack(home, datetime.fromisoformat(market_time))
        try:
            stack.up()
            yield stack
        finally:
            ended(command_in(home)("down"))


@pytest.fixture(scope="module")
def codes(stack: Stack) -> Iterator[list[str]]:
    """Instruments that were listed all the while; each try takes others."""
    return iter([found[n : n + CODES] for found in [stack.prepare()] for n in range(0, len(found), CODES)])


def disturb(
    tally: Tally, dice: random.Random, stack: Stack, codes: Iterator[list[str]], kill: Callable[[str], None]
) -> None:
    """Let a backfill run and kill something in it; it has to come to its end, and nothing may be lost."""
    again = 0
    for number in range(tally.row.tries):
        run_id, moment = f"{tally.name}-{number}", dice.randint(1, EARLY)
        with tally.one(f"{run_id} after call {moment}"):
            again += once(stack, next(codes), run_id, moment, kill)
    tally.figure = f"{tally.figure}asked again on the mean: {again / tally.row.tries:.0f} of {CODES * 7} calls"


def once(stack: Stack, codes: list[str], run_id: str, moment: int, kill: Callable[[str], None]) -> int:
    """Do it after so many calls, and return how many calls more than an undisturbed load it took."""
    before = stack.asked()
    form = {"dataset": "daily_bar", "stock_codes": codes, "first": f"{FIRST}", "last": f"{LAST}"}
    stack.trigger(run_id, {**form, "chunk_size": CODES // 2})
    under_way = wait_until(lambda: stack.asked() >= before + moment and bool(stack.loading()), WITHIN_S)
    assert under_way, f"it did not begin; it is {stack.state(run_id)}"
    kill(run_id)
    assert wait_until(lambda: stack.over(run_id), WITHIN_S), "it does not end"
    assert stack.state(run_id) == "success"
    forget_gone_runs(stack.url())
    assert stack.loading() == []
    without = stack.asked(by_airflow=False)
    stack.undisturbed(codes, FIRST)
    found = stack.bars(codes)
    assert found == stack.bars(codes, UNDISTURBED)
    assert len(found) == CODES * SESSIONS
    return (stack.asked() - before) - (stack.asked(by_airflow=False) - without)


def test_worker_killed(tally: Tally, dice: random.Random, stack: Stack, codes: Iterator[list[str]]) -> None:
    """The process of a task is killed, and Airflow tries the task again."""

    def kill(run_id: str) -> None:
        process = stack.kill_a_load()
        assert wait_until(lambda: stack.hurry(run_id), WITHIN_S), "the task is not tried again"
        forget_gone_runs(stack.url())
        assert process not in stack.loading()

    disturb(tally, dice, stack, codes, kill)


def test_scheduler_killed(tally: Tally, dice: random.Random, stack: Stack, codes: Iterator[list[str]]) -> None:
    """What it left running ends within seconds, and the one that `up` starts takes its tasks up."""
    slowest = 0.0

    def kill(run_id: str) -> None:
        nonlocal slowest
        began = time.monotonic()
        stack.kill_scheduler()
        assert wait_until(lambda: not stack.scheduler.family.members(), WITHIN_S), "its workers run on"
        slowest = max(slowest, time.monotonic() - began)
        tally.figure = f"its workers ended within {slowest:.0f} s; "
        stack.up()

    disturb(tally, dice, stack, codes, kill)
