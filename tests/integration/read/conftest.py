"""A connection that can only read, and a few issues to read of."""

import pytest

from data_pipeline.market.records import DailyBar
from tests.integration.read.market_rows import FRI, LETTERS, SAMSUNG, THU, ZEROS, issue, list_issues, load, traded


@pytest.fixture
def reader(database):
    """A connection that can only read."""
    with database.connect("reader") as connection:
        yield connection


@pytest.fixture
def three_issues(connection):
    """Three issues with a bar each on Thursday and Friday; one of them split on Friday, 1 to 50."""
    fill(connection)


@pytest.fixture(scope="module")
def filled(shared):
    """A database with these issues for the tests of one module that commit nothing."""
    with shared.connect() as connection:
        fill(connection)
    return shared


@pytest.fixture
def filled_reader(filled):
    """A connection to it that can only read."""
    with filled.connect("reader") as connection:
        yield connection


def fill(connection):
    """List three issues and load their bars."""
    list_issues(connection, issue(SAMSUNG), issue(LETTERS), issue(ZEROS))
    load(
        connection,
        [
            traded(THU, 2650000, 0), traded(FRI, 51900, -1100),
            traded(THU, 1000, 10, LETTERS), DailyBar(LETTERS, FRI, 0, 0, 0, 1000, 0, 0, 0),
            traded(THU, 777, 7, ZEROS), traded(FRI, 780, 3, ZEROS),
        ],
    )  # fmt: skip
