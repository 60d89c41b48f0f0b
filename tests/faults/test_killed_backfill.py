"""`data-pipeline backfill` is killed with -9 wherever it may be, and goes on."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.faults.matrix import Tally
from tests.faults.nursery import Nursery
from tests.faults.rig import Kis, Work, running
from tests.support.database import Database, copied

CODES = 100
"""One request and one transaction each."""
APART = 7
"""Requests that one process sends on the mean before it is killed."""
MOST_LOST = 3
"""So many backfills may fail before nobody tries on."""
IN_A_WINDOW = 40
"""More steps than there are between one request and the next but one."""


@pytest.fixture(scope="module")
def store(kis: Kis, listed: tuple[str, ...], tmp_path_factory: Any) -> str:
    """Shared state that holds a token."""
    store = f"{tmp_path_factory.mktemp('kill').as_uri()}/state"
    Work("", kis.url, store, listed).warm()
    return store


@pytest.fixture(scope="module")
def work(kis: Kis, listed: tuple[str, ...], store: str) -> Work:
    """A backfill of so many requests."""
    return Work("", kis.url, store, listed[:CODES], rate=1000.0)


@pytest.fixture(scope="module")
def undisturbed(work: Work, stocked: Database) -> str:
    """The digest of the bars when nothing happens."""
    with copied(stocked.server, "stocked") as database:
        assert work.on(url=database.url()).run() == CODES
        return str(database.digest())


def finished(nursery: Nursery, work: Work, database: Database, undisturbed: str) -> None:
    """What has to hold once the last process has come to its end."""
    (ended,) = nursery.run(nursery.backfill(work))
    assert "returned" in ended, ended
    assert database.digest() == undisturbed
    assert running(database) == 0


def test_killed_backfill(
    tally: Tally, dice: random.Random, fresh: Any, kis: Kis, nursery: Nursery, work: Work, undisturbed: str
) -> None:
    """A point is the number of a request and so many steps after it; one backfill is killed at several of them."""
    kills, again = 0, 0
    while kills < tally.row.tries and len(tally.lost) < MOST_LOST:
        with fresh() as database, tally.one(f"the backfill of kill {kills}"):
            mine, before, inside = work.on(url=database.url()), kis.bars(), 0
            while kills < tally.row.tries:
                point = {"request": dice.randint(1, 2 * APART), "steps": dice.randrange(IN_A_WINDOW)}
                (ended,) = nursery.run(nursery.backfill(mine, **point))
                if "killed" not in ended:
                    assert "returned" in ended, ended
                    break
                kills, inside = kills + 1, inside + 1
                assert running(database) == 0
            finished(nursery, mine, database, undisturbed)
            again += kis.bars() - before - CODES
            tally.survived += inside - 1
    share = again / max(kills, 1) / CODES
    tally.figure = f"asked again on the mean: {share:.2%} of {CODES} requests"
    with tally.one("asked again"):
        tally.survived -= 1
        assert share <= 0.02, tally.figure


def test_killed_mid_commit(
    tally: Tally, dice: random.Random, fresh: Any, nursery: Nursery, work: Work, undisturbed: str
) -> None:
    """The first window is killed at each of its steps in turn, its commit among them."""
    with fresh() as database:
        mine = work.on(url=database.url(), threads=1)
        for step in dice.sample(range(40), tally.row.tries):
            with tally.one(f"step {step}"):
                (ended,) = nursery.run(nursery.backfill(mine, request=1, steps=step))
                assert "killed" in ended, ended
                assert running(database) == 0
                twice = "SELECT count(*) - count(DISTINCT (stock_code, session)) FROM market.daily_bar"
                assert database.rows(twice) == [(0,)]
        finished(nursery, mine, database, undisturbed)
