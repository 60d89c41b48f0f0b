"""Everything on Celery: `up --executor celery --workers 3`, every DAG, and what is killed beside a backfill."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import islice

import psutil
import pytest

from data_pipeline.dag_files import dag_names
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.local.celery import BROKER
from data_pipeline.local.opened import forget_gone_runs
from data_pipeline.local.processes import Background, wait_until
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.warehouse.connect import connect
from tests.faults.airflow import UNDISTURBED, WITHIN_S, Stack
from tests.faults.matrix import FULL, Tally
from tests.faults.rig import LAST
from tests.support.installation import command_in, ended, new_home
from tests.support.market_facts import listed

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not FULL, reason="many minutes, and a whole Airflow with three workers: make faults FULL=1"),
    pytest.mark.xdist_group("airflow"),
]

WORKERS = ["worker-1", "worker-2", "worker-3"]
FIRST = date(2024, 1, 2)
SESSIONS = len(krx_calendar().sessions(FIRST, LAST))
PAGES = 7
"""Calls that one code of these sessions takes, a hundred a page."""
MANY, FEW = 600, 60
"""Codes of a backfill; of the first, one in a hundred calls is more than two tasks have under way."""
CHUNK = 10
AWAY_S = 30.0
BY_HAND = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}
"""A DAG that is unpaused makes no run of its own for whatever day it really is."""
ALL = 300
"""Codes for which every DAG runs."""
TODAY = date(2026, 12, 1)
NOVEMBER = [date(2026, 11, day) for day in (*range(2, 7), *range(9, 14), *range(16, 21), *range(23, 28), 30)]
"""Every Monday to Friday of that month; none of them is a holiday."""
INDICES = 4
"""KOSPI, KOSDAQ, KOSPI 200 and KOSDAQ 150."""


@dataclass
class Celery:
    """An installation on three workers, and codes that nobody has asked for yet."""

    stack: Stack
    codes: Iterator[str]
    others: list[str]
    """For the run of every DAG."""

    def backfill(self, run_id: str, count: int, moment: int, disturb: Callable[[], None]) -> int:
        """Let a backfill run to its end, disturbed after so many calls; return how many calls more than needed it took.

        Every bar has to be there, once, and as an undisturbed load has it.
        """
        stack, codes = self.stack, [*islice(self.codes, count)]
        before = stack.asked()
        form = {"dataset": "daily_bar", "stock_codes": codes, "first": f"{FIRST}", "last": f"{LAST}"}
        stack.trigger(run_id, {**form, "chunk_size": CHUNK})
        begun = partial(self._is_at, before + moment)
        assert wait_until(begun, 3 * WITHIN_S), "not so far"  # on a busy machine 1,500 calls take three minutes
        disturb()
        assert wait_until(lambda: stack.over(run_id), 6 * WITHIN_S), "it does not end"
        assert stack.state(run_id) == "success"
        forget_gone_runs(stack.url())
        assert stack.loading() == []
        without = stack.asked(by_airflow=False)
        stack.undisturbed(codes, FIRST)
        found = stack.bars(codes)
        assert found == stack.bars(codes, UNDISTURBED)
        assert len(found) == count * SESSIONS
        return (stack.asked() - before) - (stack.asked(by_airflow=False) - without)

    def _is_at(self, calls: int) -> bool:
        return self.stack.asked() >= calls and bool(self.stack.loading())


@pytest.fixture(scope="module")
def celery(market_time: str) -> Iterator[Celery]:
    """The installation, whose warehouse knows the instruments."""
    with new_home() as home:
        stack = Stack(home, datetime.fromisoformat(market_time), ("--executor", "celery", "--workers", "3"), BY_HAND)
        try:
            stack.up()
            codes = stack.prepare()
            yield Celery(stack, iter(codes[:-ALL]), codes[-ALL:])
        finally:
            ended(command_in(home)("down"))


def ended_run(stack: Stack, run_id: str) -> bool:
    """Return whether a DAG run has ended."""
    return stack.state(run_id) in ("success", "failed")


def covered(stack: Stack) -> dict[str, tuple[int, int]]:
    """By dataset, how many cells there must be since November, and how many of them lack."""
    found: dict[str, tuple[int, int]] = {}
    with closing(connect(stack.url())) as connection:
        for one in coverage(connection, NOVEMBER[0], TODAY):
            expected, lacking = found.get(one.dataset, (0, 0))
            found[one.dataset] = (expected + one.expected, lacking + one.missing + one.unproven_empty)
    return found


def test_every_dag_runs_on_workers(celery: Celery) -> None:
    """Each DAG that there is succeeds, once, for 300 codes, healing last as of an evening; nothing is missing."""
    stack, ends = celery.stack, {}
    chosen = {"stock_codes": celery.others, "chunk_size": ALL // 6}
    past = {**chosen, "dataset": "daily_bar", "first": f"{NOVEMBER[0]}", "last": f"{NOVEMBER[-1]}"}
    forms = {"backfill": past, "minute_bars": chosen, "order_books": chosen}
    for dag_id in sorted(dag_names(), key=lambda name: name == "heal_gaps"):
        run_id = f"all-{dag_id}"
        stack.trigger(run_id, forms.get(dag_id, {}), dag_id)
        over = wait_until(partial(ended_run, stack, run_id), 6 * WITHIN_S)
        ends[dag_id] = (over, stack.state(run_id))
        stack.pause(dag_id)
    assert {dag_id: end for dag_id, end in ends.items() if end != (True, "success")} == {}
    market, found = len(listed(TODAY)), covered(stack)
    assert {dataset: lacking for dataset, (_, lacking) in found.items() if lacking} == {}
    assert {dataset: expected for dataset, (expected, _) in found.items()} == {
        "daily_bar": market + ALL * len(NOVEMBER), "minute_bar": ALL, "investor_flow": market, "index_bar": INDICES,
    }  # fmt: skip
    ((books,),) = stack.rows("SELECT count(*) FROM market.order_book WHERE stock_code = ANY (%s)", celery.others)
    ((prices,),) = stack.rows("SELECT count(DISTINCT stock_code) FROM market.price_snapshot")
    assert (books, prices) == (ALL, market)


def test_celery_worker_killed(tally: Tally, dice: random.Random, celery: Celery) -> None:
    """A worker is killed with all that it started, and the others take what it was at."""
    home, again = celery.stack.home, 0
    for number in range(tally.row.tries):
        worker, moment = Background(home, dice.choice(WORKERS)), dice.randint(40, 1500)

        def kill(worker: Background = worker) -> None:
            for process in worker.family.members():
                process.kill()

        with tally.one(f"{worker.name} after call {moment}"):
            again = max(again, celery.backfill(f"worker-{number}", MANY, moment, kill))
            tally.figure = f"asked again: at most {again} of {MANY * PAGES} calls"
            assert again <= MANY * PAGES // 100
        celery.stack.up()


def test_celery_broker_away(tally: Tally, dice: random.Random, celery: Celery) -> None:
    """Tasks that run go on, those that are handed out meanwhile wait, and none of them fails for it."""
    home = celery.stack.home
    broker = Background(home, BROKER)

    def away() -> None:
        process = psutil.Process(broker.pid())
        process.kill()
        process.wait(WITHIN_S)
        try:
            assert not wait_until(lambda: broker.pid() is not None, AWAY_S), "somebody started it"
        finally:
            celery.stack.up()

    for number in range(tally.row.tries):
        moment = dice.randint(1, FEW * PAGES // 2)
        with tally.one(f"after call {moment}"):
            again = celery.backfill(f"broker-{number}", FEW, moment, away)
            assert celery.stack.tries(f"broker-{number}") == 1
            tally.figure = f"asked again: {again} of {FEW * PAGES} calls"


def test_celery_scheduler_restarted(tally: Tally, dice: random.Random, celery: Celery) -> None:
    """Workers go on without it, and the one that `up` starts takes their tasks up."""

    def restart() -> None:
        celery.stack.kill_scheduler()
        celery.stack.up()

    for number in range(tally.row.tries):
        moment = dice.randint(1, FEW * PAGES // 2)
        with tally.one(f"after call {moment}"):
            again = celery.backfill(f"scheduler-{number}", FEW, moment, restart)
            tally.figure = f"asked again: {again} of {FEW * PAGES} calls"
            assert again == 0
