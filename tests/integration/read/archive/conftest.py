"""A warehouse with old months, and what lets them go."""

import pytest

from tests.support.market_rows import reader
from tests.support.old_months import fill_minutes, fill_moments

__all__ = ["reader"]


@pytest.fixture
def old(database, connection):
    """Minutes, prices and books of two instruments in August, September and October."""
    fill_minutes(connection)
    fill_moments(connection)
    return database


@pytest.fixture
def owner(old):
    """A connection that may let months go."""
    with old.connect("owner") as connection:
        yield connection


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that the setting names."""
    monkeypatch.setenv("ARCHIVE_FOLDER", str(tmp_path))
    return tmp_path
