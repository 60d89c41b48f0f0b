"""`data-pipeline up` and `down`: the same stack left running, with the Airflow UI on 127.0.0.1."""

from __future__ import annotations

import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from data_pipeline.exceptions import BusyError, ConfigurationError
from data_pipeline.local.environment import airflow_command, sandbox_connection
from data_pipeline.local.home import Home
from data_pipeline.local.locks import alone
from data_pipeline.local.processes import Background, wait_until
from data_pipeline.local.stack import (
    METADATA_DATABASE,
    METADATA_ROLE,
    SANDBOX_RATE,
    Stack,
    has_credentials,
    kis_connection,
    migrate_airflow,
    warehouse_of,
)
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

HEALTHY_WITHIN = 120.0
COMPONENTS: dict[str, list[str]] = {
    "dag-processor": [],
    "scheduler": ["--skip-serve-logs"],
    "triggerer": ["--skip-serve-logs"],
    "api-server": [],
}
"""In the order in which they start; they stop in the reverse order. Log servers would listen on every address of the
machine, and the UI reads the logs from the folder anyway."""


@dataclass(frozen=True)
class Running:
    """What is up, and where."""

    url: str
    user: str
    password_file: Path
    log_folder: Path


def start_everything(home: Home, environ: Mapping[str, str]) -> Iterator[str | Running]:
    """Start each part and yield a sentence before each, then the address; what runs already is left alone.

    Raises:
        BusyError: Another `up` or `down` of this installation is at work.
        ConfigurationError: A part did not become healthy; the message names its log.
    """
    with alone(home, "up", "`data-pipeline up`"):
        yield from _start_everything(home, environ)


def _start_everything(home: Home, environ: Mapping[str, str]) -> Iterator[str | Running]:
    yield "Postgres"
    server = EmbeddedPostgres(home.postgres)
    server.start()
    server.create_database(METADATA_DATABASE, METADATA_ROLE)
    warehouse = warehouse_of(server, environ)
    migrate(warehouse.owner_url)
    if has_credentials(environ):
        source = kis_connection(environ)
    else:
        yield "the emulator of the KIS Open API, because there are no credentials"
        source = sandbox_connection(_start_emulator(home, environ), SANDBOX_RATE)
    port = _port(home)
    stack = Stack(home, warehouse, server.url(METADATA_DATABASE, METADATA_ROLE), source, None)
    airflow = {
        **stack.airflow_environment(),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
    }
    yield "Airflow's database"
    migrate_airflow(home, airflow)
    for name, options in COMPONENTS.items():
        yield f"airflow {name}"
        Background(home, name).start([airflow_command(), name, *options], airflow)
    yield "waiting until Airflow is healthy"
    url = f"http://127.0.0.1:{port}"
    _require_healthy(home, f"{url}/api/v2/monitor/health")
    yield Running(url, "admin", home.airflow / "simple_auth_manager_passwords.json.generated", home.logs)


def stop_everything(home: Home) -> Iterator[str]:
    """Stop each part, one by one, and yield its name when it has ended.

    Postgres runs on while another command uses it, and ends with the last of them.

    Raises:
        BusyError: Another `up` or `down` of this installation is at work.
    """
    with alone(home, "up", "`data-pipeline down`"):
        for name in (*reversed(COMPONENTS), "emulator"):
            if Background(home, name).stop():
                yield name
        server = EmbeddedPostgres(home.postgres)
        if server.running:
            yield "Postgres" if server.release() else "what `up` started (another command still uses Postgres)"


def delete_everything(home: Home) -> None:
    """Delete the folder and the database files, which lie elsewhere when root's server account cannot reach it.

    Raises:
        BusyError: Another command of this installation is at work; nothing was deleted.
    """
    server = EmbeddedPostgres(home.postgres)
    with alone(home, "up", "`data-pipeline down`"), alone(home, "run", "`data-pipeline down`"):
        if not server.release():
            raise BusyError(f"another command still uses the Postgres of {home.root}: nothing was deleted, wait for it")
        server.destroy()
        shutil.rmtree(home.root)


def _start_emulator(home: Home, environ: Mapping[str, str]) -> str:
    emulator = Background(home, "emulator")
    port_file = home.run / "emulator.port"
    if emulator.pid() is None:
        port_file.unlink(missing_ok=True)
        options = ["--port", "0", "--port-file", str(port_file), "--rate", str(SANDBOX_RATE)]
        emulator.start([sys.executable, "-m", "data_pipeline.emulator", *options], environ)
    if not wait_until(port_file.exists, HEALTHY_WITHIN):
        raise ConfigurationError(f"the emulator did not start; read {emulator.log_file}")
    return f"http://127.0.0.1:{int(port_file.read_text('ascii'))}"


def _port(home: Home) -> int:
    """Return the UI's port: the one used before while it is up, else 8080 or a free one."""
    kept = home.run / "api-server.port"
    if Background(home, "api-server").pid() is not None and kept.exists():
        return int(kept.read_text("ascii"))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 8080))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    kept.write_text(str(port), "ascii")
    return port


def _require_healthy(home: Home, url: str) -> None:
    # A proxy of the environment cannot reach this machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def healthy() -> bool:
        for name in COMPONENTS:
            part = Background(home, name)
            if part.pid() is None:
                raise ConfigurationError(f"airflow {name} ended; read {part.log_file}")
        try:
            with direct.open(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    if not wait_until(healthy, HEALTHY_WITHIN):
        raise ConfigurationError(f"Airflow did not become healthy within {HEALTHY_WITHIN:.0f} s; read {home.logs}")
