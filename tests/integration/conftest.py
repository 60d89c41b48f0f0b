"""One embedded Postgres for the whole test run, a fresh migrated database for each test, and an Airflow beside it."""

import shutil
import tempfile
from pathlib import Path

import pytest

from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate
from tests.support.airflow_process import airflow, airflow_home, postgres, template, warehouse
from tests.support.command import command, emulator, kis, settings
from tests.support.database import CLOCK, copied
from tests.support.proxy import proxy

__all__ = [
    "airflow", "airflow_home", "command", "emulator", "kis", "postgres", "proxy", "settings", "template", "warehouse",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def market_time():
    """Fix the market's clock, in this process and in those that the tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARKET_CLOCK", CLOCK)
        yield CLOCK


@pytest.fixture(scope="session")
def server():
    """The one server of the test run, migrated in its database market."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    migrate(server.url())
    yield server
    server.destroy()
    shutil.rmtree(folder)


@pytest.fixture
def database(server):
    """A database for one test that commits."""
    with copied(server) as database:
        yield database


@pytest.fixture(scope="module")
def shared(server):
    """A database for the tests of one module that commit nothing."""
    with copied(server) as database:
        yield database


@pytest.fixture
def connection(database):
    """A connection of the loader to a database that may be committed to."""
    with database.connect() as connection:
        yield connection
