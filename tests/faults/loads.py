"""A load of a few windows that can be disturbed at any of its steps, on a server of its own."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_windows
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import DataPipelineError, TransientError
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.warehouse.connect import PATIENCE, connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate
from data_pipeline.warehouse.silence import Patience
from tests.faults.matrix import Tally
from tests.faults.rig import NEVER, Point, Watched, running
from tests.support.database import Database

EVENING = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)
CODES = ("000270", "000660", "005380", "005930", "035420")
SESSIONS = krx_calendar().sessions(date(2026, 9, 14), date(2026, 9, 22))
ROWS = len(CODES) * len(SESSIONS)
SHORT = Patience(quiet=0.5, asking=1.0, questions=2)
"""Long enough for a server whose machine has much else to do."""
MOST_TRIES = 4


def load(url: str, point: Point, patience: Patience = PATIENCE) -> None:
    """Load a window for each session."""
    windows = [Window(CODES, day, day) for day in SESSIONS]
    with (
        closing(connect(url, patience=patience, connect_timeout=2)) as connection,
        closing(Watched(connection, point)) as warehouse,
    ):
        source = MockDataSource(clock=lambda: EVENING)
        list(load_windows(warehouse, source, DATASETS["daily_bar"], windows, Run(), threads=1))


def until_there(load: Callable[[Point], object], point: Point, mend: Callable[[], None]) -> str:
    """Load, as Airflow does: again after a transient error and no other; return the first error."""
    first = ""
    for _ in range(MOST_TRIES):
        try:
            load(point)
        except TransientError as error:  # noqa: PERF203 - each try has its own end
            first = first or type(error).__name__
            mend()
        except (DataPipelineError, psycopg2.Error) as error:
            raise AssertionError(f"not transient: {type(error).__name__}: {error}") from error
        else:
            return first
    raise AssertionError(f"not there after {MOST_TRIES} tries")


@pytest.fixture
def steps(database: Database) -> int:
    """How many steps a load has that nothing disturbs."""
    point = Point(0, NEVER)
    load(database.url(), point)
    return point.passed


@pytest.fixture
def undisturbed(database: Database, steps: int) -> str:
    """What it leaves behind; the database is empty again afterwards."""
    digest = str(database.digest())
    database.empty()
    return digest


def disturb(
    tally: Tally, dice: random.Random, database: Database, steps: int, undisturbed: str,
    act: Callable[[int], None], mend: Callable[[], None], **options: Any,
) -> None:  # fmt: skip
    """Load and do something at a step, as often as the row says; it is undone before the next try.

    ``options`` hold until it is done.
    """
    seen: dict[str, int] = {}

    def once(point: Point) -> None:
        load(database.url(), point, **({} if point.reached else options))

    for number in range(tally.row.tries):
        step = dice.randrange(steps)
        with tally.one(f"step {step} of {steps}"):
            point = Point(0, step, partial(act, number))
            try:
                error = until_there(once, point, mend)
            finally:
                mend()
            assert database.digest() == undisturbed
            assert database.rows("SELECT count(*) FROM market.daily_bar") == [(ROWS,)]
            assert running(database) == 0
            seen[error or "no error"] = seen.get(error or "no error", 0) + 1
        database.empty()
    tally.figure = ", ".join(f"{error} {number}" for error, number in sorted(seen.items()))


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server that keeps what it has committed, as that of the other tests does not."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    migrate(server.url())
    yield server
    server.destroy()
    shutil.rmtree(folder)
