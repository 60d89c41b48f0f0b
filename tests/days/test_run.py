"""`make run` at each moment: through the command, Airflow, HTTP and Postgres."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from data_pipeline.local.airflow_database import METADATA_DATABASE, METADATA_ROLE, migrate_airflow
from data_pipeline.local.environment import SourceConnection, airflow_environment
from data_pipeline.local.home import Home
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.locate import SANDBOX_DATABASE
from data_pipeline.warehouse.migrate import migrate
from tests.support.market_facts import listed


def _folder():
    """Make a folder that the server's account reaches, also when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-days-"))
    folder.chmod(0o711)
    return folder


@pytest.fixture(scope="session")
def installed():
    """The folder of an installation that is ready and has loaded nothing; a copy of it saves each moment that time."""
    home = Home(_folder()).prepare()
    with EmbeddedPostgres(home.postgres) as server:
        server.create_database(METADATA_DATABASE, METADATA_ROLE)
        server.create_database(SANDBOX_DATABASE)
        migrate(server.url(SANDBOX_DATABASE))
        metadata = server.url(METADATA_DATABASE, METADATA_ROLE)
        nobody = SourceConnection("kis_default", "kis")
        migrate_airflow(home, airflow_environment(home, metadata, server.url(SANDBOX_DATABASE), nobody))
    yield home.root
    EmbeddedPostgres(home.postgres).destroy()
    shutil.rmtree(home.root)


@pytest.fixture
def home(installed):
    """A copy of that folder, its server stopped and gone at the end."""
    folder = _folder()
    if not (installed / "postgres" / "location").exists():  # otherwise its data lies elsewhere and cannot be copied
        subprocess.run(["cp", "-a", f"{installed}/.", str(folder)], check=True)  # owned by the server's account
    yield folder
    EmbeddedPostgres(folder / "postgres").destroy()
    shutil.rmtree(folder)


def test_a_run_ends_with_everything_there(moment, home, command):
    """Its session is the newest final one, and all of it and a hundred sessions of history are there."""
    environment = {name: value for name, value in os.environ.items() if name != "COORDINATION_URL"}
    given = {"DATA_PIPELINE_HOME": str(home), "WATCH_LIST": "005930", "MARKET_CLOCK": moment.at.isoformat()}
    code, said = command(environment | given, "run")
    assert code == 0, said
    assert f"Session {moment.final}" in said
    summary = json.loads((home / "run" / "summary.json").read_text())
    rows = {f"{one['dag_id']} {one['dataset']}": one["inserted"] for one in summary["loaded"]}
    assert [gap["missing"] for gap in summary["gaps"]] == [0] * len(summary["gaps"])
    assert rows["market_reference instrument"] == rows["daily_bars daily_bar"] == len(listed(moment.final))
    assert rows["backfill daily_bar"] == 99  # the newest of the hundred sessions was there already
