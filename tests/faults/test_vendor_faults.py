"""KIS itself, or the clock of this host, changes in the midst of a backfill."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.loads import until_there
from tests.faults.matrix import Tally
from tests.faults.rig import NOW, RATE, Kis, Point, Work, most_in_a_second, running, wall
from tests.support.database import Database

CALLS, QUOTA, THREADS = 24, 6, 2
"""So few a second that the quota is the limit on any machine."""
OLD_S = 100.0
"""So long ago the token was asked for, which is more than a minute."""


@pytest.fixture
def database(fresh: Any) -> Iterator[Database]:
    """A warehouse that knows the instruments."""
    with fresh() as database:
        yield database


@pytest.fixture
def disturb(
    tally: Tally, dice: random.Random, database: Database, kis: Kis, listed: tuple[str, ...], tmp_path: Any
) -> Callable[..., list[Point]]:
    """A function that does something before a call, as often as the row says, and has every row there in the end."""

    def disturb(act: Callable[[], None], mend: Callable[[], None] = lambda: None, **options: Any) -> list[Point]:
        points, errors = [], 0
        for number in range(tally.row.tries):
            store = f"{tmp_path.as_uri()}/{number}"
            work = Work(database.url(), kis.url, store, listed[:CALLS], QUOTA, THREADS, breaker_timeout=0.2)
            work.warm(OLD_S)
            kis.forget()
            call = dice.randint(2, CALLS - 1)
            database.empty()
            with tally.one(f"before call {call}"):
                point = Point(call, 0, act)
                points.append(point)
                try:
                    errors += bool(until_there(lambda point: work.run(point, **options), point, mend))  # noqa: B023
                finally:
                    mend()
                assert point.reached
                assert kis.count(path="tokenP") <= 1
                whole = "SELECT count(DISTINCT stock_code), count(*) = count(DISTINCT (stock_code, session))"
                assert database.rows(f"{whole} FROM market.daily_bar") == [(CALLS, True)]
                assert running(database) == 0
        tally.figure = f"tried again after a transient error: {errors}"
        return points

    return disturb


def test_token_revoked(tally: Tally, kis: Kis, disturb: Callable[..., list[Point]]) -> None:
    """Every token has expired before its time."""
    before = kis.app.server.desk.issued
    disturb(kis.app.server.desk.expire_all)
    # Each try has a store of its own, whose first token may be one that the server gave before.
    tally.figure += f"; tokens issued: {kis.app.server.desk.issued - before}"


def test_quota_halved(tally: Tally, kis: Kis, disturb: Callable[..., list[Point]]) -> None:
    """KIS allows half as many calls from one moment on, and says so by rejecting."""
    rejected = 0
    gate = kis.app.server.gateway.gate

    def mend() -> None:
        nonlocal rejected
        rejected += kis.count(accepted=False)
        gate.change(RATE, None, gate.window)

    disturb(lambda: gate.change(QUOTA // 2, None, gate.window), mend)
    tally.figure += f"; rejected {rejected} of {CALLS * tally.row.tries} calls"


def test_server_restarted(tally: Tally, kis: Kis, disturb: Callable[..., list[Point]]) -> None:
    """It is away for a moment, and comes back without a memory of tokens."""
    timers: list[threading.Timer] = []

    def act() -> None:
        kis.stop()
        timers.append(threading.Timer(0.3, kis.start_anew))
        timers[-1].start()

    disturb(act, lambda: [timer.join() for timer in timers])


def test_clock_jump(tally: Tally, disturb: Callable[..., list[Point]]) -> None:
    """Wall clock and market's clock of this host are set; what never jumps goes on."""
    jumps = iter([3600.0, -3600.0, 86_400.0, -86_400.0] * tally.row.tries)
    ahead = [0.0]

    def act() -> None:
        ahead[0] = next(jumps)

    def mend() -> None:
        ahead[0] = 0.0

    points = disturb(act, mend, clock=lambda: NOW + timedelta(seconds=ahead[0]), wall=lambda: wall() + ahead[0])
    most = max(most_in_a_second(point.sent) for point in points)
    tally.figure += f"; at most {most} calls in a second for {QUOTA}"
    assert most <= QUOTA + THREADS, tally.figure
