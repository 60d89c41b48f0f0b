"""Airflow as these tests need it: this repository's plugins and DAGs, no database, connections from the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# Airflow reads these once, when it is imported; the test modules that import it come after this file.
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(ROOT / "plugins")
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(ROOT / "dags")


@pytest.fixture
def environment():
    """Set environment variables for one test; connections of Airflow are some of them."""
    before = dict(os.environ)
    yield lambda **variables: os.environ.update(variables)
    os.environ.clear()
    os.environ.update(before)
