"""What the tests of secrets and of hostile text need."""

from __future__ import annotations

import os

import pytest

from tests.support.database import contents, database, server, shared

__all__ = ["contents", "database", "put", "server", "shared"]


@pytest.fixture(scope="module")
def put():
    """Set environment variables for one module; connections of Airflow are some of them."""
    before = dict(os.environ)
    yield lambda **variables: os.environ.update(variables)
    os.environ.clear()
    os.environ.update(before)
