"""What `data-pipeline doctor --airflow` finds in a deployment."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing

import psycopg2
import pytest

pytestmark = pytest.mark.slow
SOURCE = {"AIRFLOW_CONN_MOCK_DEFAULT": '{"conn_type": "mock"}', "DATA_SOURCE_CONN_ID": "mock_default"}


@pytest.fixture(scope="module")
def source():
    """The synthetic market."""
    return SOURCE


@pytest.fixture(scope="module", autouse=True)
def _no_dags(server, airflow_home):
    """Airflow knows no DAG yet, whatever other files ran on its database."""
    with closing(psycopg2.connect(server.url("airflow", "admin"))) as connection, connection:
        connection.cursor().execute("TRUNCATE dag CASCADE")


def found(environment, folder, **more):
    """Run the doctor; return its exit code and its findings by what they are about."""
    done = subprocess.run(
        [sys.executable, "-m", "data_pipeline", "doctor", "--airflow", "--json"], cwd=folder, check=False, text=True,
        env={**environment, **more}, capture_output=True,
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, {one["about"]: one for one in told["findings"]}


def test_a_new_deployment_lacks_pools_and_dags_and_the_rest_is_fine(airflow):
    """Its scheduler never started, and nothing was put into the DAGs folder; each finding says what to do."""
    code, said = found(airflow.environment, airflow.folder)
    assert code == 1
    assert {about for about, one in said.items() if not one["fine"]} == {"pools", "DAGs"}
    assert "airflow pools set market_history 2" in said["pools"]["todo"]
    assert "data-pipeline airflow install" in said["DAGs"]["todo"]
    assert said["loader"]["said"] == "market_db logs in as market_loader, who can load"


def test_what_is_wrong_with_the_connections_is_said_without_a_secret(airflow):
    """No warehouse, no source, a reader who may do more, and a folder that several hosts would not share."""
    wrong = {
        "AIRFLOW_CONN_MARKET_DB": '{"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "schema": "none", '
        '"login": "a", "password": "opensesame"}',
        "DATA_SOURCE_CONN_ID": "nowhere",
        "AIRFLOW__CORE__EXECUTOR": "airflow.providers.celery.executors.celery_executor.CeleryExecutor",
        "MARKET_DB_URL": airflow.warehouse_url,
        "MARKET_READER_URL": airflow.warehouse_url,
    }
    code, said = found(airflow.environment, airflow.folder, **wrong)
    assert code == 1
    bad = {about for about, one in said.items() if not one["fine"]}
    assert bad == {"pools", "DAGs", "warehouse", "source", "shared state", "reader", "Celery", "broker"}
    assert said["Celery"]["said"].endswith("to another one after 24 h")
    assert "VISIBILITY_TIMEOUT=14400" in said["Celery"]["todo"]
    assert "CELERY_CONFIG" in said["broker"]["todo"]
    assert "opensesame" not in json.dumps(said)
    assert "connection 'nowhere'" in said["source"]["said"]
    assert "COORDINATION_URL" in said["shared state"]["todo"]
    assert "may change the schema market" in said["reader"]["said"]
