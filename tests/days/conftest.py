"""One Postgres and one Airflow for all moments, and for each moment warehouses, servers and clocks of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from data_pipeline.emulator.krx.wire import API_KEY
from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.local.environment import postgres_connection_json
from tests.days.moments import chosen
from tests.support.airflow_process import Airflow, airflow_home
from tests.support.database import copied, server
from tests.support.project import ROOT

__all__ = ["airflow_home", "server"]

RATE = 200


def pytest_collection_modifyitems(items):
    """Mark what is here as long, and keep the tests of one moment in one process."""
    here = Path(__file__).parent
    for item in items:  # of the whole run, other folders' included
        if here in item.path.parents and "moment" in item.fixturenames:
            item.add_marker(pytest.mark.long)
            item.add_marker(pytest.mark.timeout(900))  # the first test of a moment sets its world up
            item.add_marker(pytest.mark.xdist_group(item.callspec.params["moment"].name))


@pytest.fixture(scope="session", params=chosen(os.environ), ids=lambda one: one.name)
def moment(request):
    """The moment at which everything stands."""
    return request.param


@pytest.fixture(scope="session")
def warehouse(server, airflow_home, tmp_path_factory):
    """Make an Airflow with an empty warehouse, gone at the end of the block."""

    @contextmanager
    def make(name, environment):
        folder = tmp_path_factory.mktemp(name)
        with copied(server) as database:
            yield Airflow(folder, airflow_home | environment | {
                "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
                "AIRFLOW_CONN_MARKET_DB": postgres_connection_json(database.url("loader")),
                "MARKET_DB_URL": database.url("owner"),
                "COORDINATION_URL": (folder / "coordination").as_uri(),
                "DATA_PIPELINE_HOME": str(folder / "home"),
                "WATCH_LIST": "005930,069500",
                "TASK_RETRIES": "0",
                "COLUMNS": "200",
            }, database.url("owner"))  # fmt: skip

    return make


@pytest.fixture(scope="session")
def on_kis(moment, warehouse):
    """The DAGs' world with keys of KIS and KRX: both servers stand at the moment."""
    now = moment.at.isoformat()
    with EmulatorProcess(rate=2 * RATE, now=now, frozen=True) as server, ExitStack() as stack:
        extra = {"environment": "real", "base_url": server.url, "master_url": server.url, "rate_limit": RATE}
        kis = {"conn_type": "kis", "login": APP_KEY, "password": APP_SECRET, "extra": extra}
        krx = {"conn_type": "krx", "password": API_KEY, "extra": {"environment": "sandbox", "base_url": server.url}}
        environment = {
            "AIRFLOW_CONN_KIS_DEFAULT": json.dumps(kis),
            "AIRFLOW_CONN_KRX_DEFAULT": json.dumps(krx),
            "MARKET_CLOCK": now,
        }
        yield stack.enter_context(warehouse(f"days_kis_{_word(moment)}", environment))


@pytest.fixture(scope="session")
def on_mock(moment, warehouse):
    """The DAGs' world without any key: the synthetic market, in process."""
    environment = {
        "AIRFLOW_CONN_MOCK_DEFAULT": json.dumps({"conn_type": "mock"}),
        "DATA_SOURCE_CONN_ID": "mock_default",
        "MARKET_CLOCK": moment.at.isoformat(),
    }
    with warehouse(f"days_mock_{_word(moment)}", environment) as made:
        yield made


@pytest.fixture(scope="session")
def command():
    """Run `data-pipeline` with words in an environment; returns its exit code and what it wrote."""

    def run(environment, *words):
        done = subprocess.run(
            [sys.executable, "-m", "data_pipeline", *words],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


def _word(moment):
    return moment.name.replace("-", "_")
