"""The pools of the DAGs are there as soon as a component of Airflow starts, and stay as somebody set them."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import psycopg2
import pytest

pytestmark = pytest.mark.slow

COMPONENT_STARTS = """
from airflow.jobs.job import Job
from airflow.models.pool import Pool
from airflow.utils.session import create_session
from sqlalchemy import select

Job()
with create_session() as session:
    session.scalar(select(Pool).where(Pool.pool == "market_history")).slots = 5
Job()
"""


def test_a_starting_component_makes_the_missing_pools(server, airflow_home):
    """Airflow never starts a task of a pool that does not exist, so nobody should have to remember to make one."""
    done = subprocess.run(
        [sys.executable, "-c", COMPONENT_STARTS], env=airflow_home, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with closing(psycopg2.connect(server.url("airflow", "airflow"))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pool, slots FROM slot_pool WHERE pool LIKE 'market%' ORDER BY pool")
        assert cursor.fetchall() == [("market_history", 5), ("market_quotes", 8)]
