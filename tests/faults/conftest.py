"""All of these take long: processes are killed, stopped and started again."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.market.window import Window
from data_pipeline.warehouse.migrate import migrate
from tests.faults.matrix import FULL, Tally, tallied
from tests.faults.nursery import Nursery
from tests.faults.rig import LAST, NEVER, Kis, Point, Work
from tests.support.database import Database, connection, contents, copied, database, market_time, server, shared
from tests.support.proxy import proxy

__all__ = ["connection", "contents", "database", "market_time", "proxy", "server", "shared"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them, so that `make test` leaves them to `make test-full`."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(3600 if FULL else 600))


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """The row of the matrix that this test is."""
    yield from tallied(request.node.name.removeprefix("test_"))


@pytest.fixture
def dice(tally: Tally) -> random.Random:
    """Chooses the moments; the first of `SEEDS` gives others on every commit."""
    return random.Random(f"{os.environ.get('SEEDS', '').partition(',')[0]} {tally.name}")


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Starts work in processes of its own."""
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def kis() -> Iterator[Kis]:
    """The emulated server, on an evening."""
    kis = Kis().start()
    yield kis
    kis.stop()


@pytest.fixture(scope="session")
def stocked(server: Any, kis: Kis, tmp_path_factory: Any) -> Database:
    """A database that knows the instruments, to be copied."""
    server.create_database("stocked")
    database = Database(server, "stocked")
    migrate(database.url("owner"))
    work = Work(database.url(), kis.url, tmp_path_factory.mktemp("store").as_uri(), ())
    with work.source(Point(NEVER)) as source, database.connect() as connection:
        load_window(connection, source, DATASETS["instrument"], Window((), LAST, LAST), Run())
    return database


@pytest.fixture(scope="session")
def listed(stocked: Database) -> tuple[str, ...]:
    """The codes of instruments that were listed all the while."""
    query = "SELECT stock_code FROM market.instrument WHERE listed_on < '2025-01-01' ORDER BY stock_code LIMIT 200"
    return tuple(code for (code,) in stocked.rows(query))


@pytest.fixture
def fresh(stocked: Database) -> Any:
    """A function that makes a database which knows the instruments and has no bar."""
    return lambda: copied(stocked.server, "stocked")
