"""What unit tests of several rooms need."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def environment():
    """Set environment variables for one test; connections of Airflow are some of them."""
    before = dict(os.environ)
    yield lambda **variables: os.environ.update(variables)
    os.environ.clear()
    os.environ.update(before)
