"""A small warehouse that pages are read from, and browsers of several people.

Facts: 14 to 18 September 2026 (Monday to Friday) are sessions, final at 20:00. Two instruments are listed since the
1st, and daily bars of both are expected from the 14th on; those of the 15th and 16th of the second one are missing.
"""

import pytest
from fastapi.testclient import TestClient

from tests.support.pages import WALL, Guard, pages, room_of
from tests.support.pages_warehouse import fill

NOW = "2026-09-18T21:00"


@pytest.fixture(scope="module")
def stored(shared):
    """The warehouse of the facts."""
    with shared.connect("owner") as connection:
        with connection, connection.cursor() as cursor:
            fill(cursor)
        yield shared


@pytest.fixture(scope="module")
def room(stored):
    """What the pages read from."""
    found = room_of(stored.url("reader"), NOW)
    yield found
    found.readers.close()


@pytest.fixture
def guard():
    """Who guards them, and what was started."""
    return Guard()


@pytest.fixture
def browser(guard, room):
    """The browser of somebody who may look and start."""
    with TestClient(pages(guard, room, lambda: WALL), headers={"x-user": "kim"}) as found:
        yield found
