"""`data-pipeline up` and `down`: the same stack left running, with the Airflow UI on 127.0.0.1."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_pipeline.exceptions import BusyError, ConfigurationError
from data_pipeline.local.airflow_database import METADATA_DATABASE, METADATA_ROLE, migrate_airflow
from data_pipeline.local.celery import BROKER, Workers, require_same_executor, running_workers, start_broker
from data_pipeline.local.environment import SANDBOX_RATE, airflow_command, sandbox_connection
from data_pipeline.local.free_port import free_port
from data_pipeline.local.health import Health
from data_pipeline.local.home import Home
from data_pipeline.local.keyless import EMULATOR_PORT, running_emulator
from data_pipeline.local.locks import alone
from data_pipeline.local.lost_tasks import forget_gone_schedulers
from data_pipeline.local.opened import forget_gone_runs
from data_pipeline.local.processes import Background, wait_until
from data_pipeline.local.stack import Stack, vendor_connections, warehouse_of
from data_pipeline.local.waiting_runs import end_waiting_runs
from data_pipeline.market.clock import real_now
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

HEALTHY_WITHIN = 300.0
"""Seconds; a part that ends is named at once."""
COMPONENTS: dict[str, list[str]] = {
    "dag-processor": [],
    "scheduler": ["--skip-serve-logs"],
    "triggerer": ["--skip-serve-logs"],
    "api-server": [],
}
"""In the order in which they start; they stop in the reverse order. Log servers would listen on every address of the
machine, and the UI reads the logs from the folder anyway."""
OTHERS = ("emulator", BROKER)
"""Parts that Airflow's need; they stop last."""
WATCH = "watch"
"""The part that ends what others leave running when they are killed."""


@dataclass(frozen=True)
class Running:
    """What is up, and where."""

    url: str
    user: str
    password_file: Path
    log_folder: Path


def start_everything(
    home: Home,
    environ: Mapping[str, str],
    workers: Workers = Workers(),  # noqa: B008 - frozen
) -> Iterator[str | Running]:
    """Start each part and yield a sentence before each, then the address; what runs already is left alone.

    Args:
        home: The installation's folder, prepared.
        environ: Credentials and addresses, as documented in ``.env.example``.
        workers: The Celery workers that run the tasks; with none the scheduler runs them.

    Raises:
        BusyError: Another `up` or `down` of this installation is at work.
        ConfigurationError: A part did not become healthy, and the message names its log; or `up` runs with another
            executor.
    """
    with alone(home, "up", "`data-pipeline up`"):
        require_same_executor(home, workers)
        yield from _start_everything(home, environ, workers)


def _start_everything(home: Home, environ: Mapping[str, str], workers: Workers) -> Iterator[str | Running]:
    yield "Postgres"
    server = EmbeddedPostgres(home.postgres)
    server.start()
    server.create_database(METADATA_DATABASE, METADATA_ROLE)
    warehouse = warehouse_of(server, environ)
    migrate(warehouse.owner_url)
    forget_gone_runs(warehouse.loader_url)
    vendors = vendor_connections(environ)
    if not vendors:
        yield "the emulator of the KIS Open API, because no vendor's key is set"
        vendors = sandbox_connection(_start_emulator(home, environ), SANDBOX_RATE), None
    source, official = vendors
    port = _port(home)
    stack = Stack(home, warehouse, server.url(METADATA_DATABASE, METADATA_ROLE), source, environ, official)
    airflow = {
        **stack.airflow_environment(),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
    }
    if workers.count:
        yield "a broker of the Redis protocol"
        airflow |= workers.environment(start_broker(home, environ), stack.metadata_url)
    parts = {**COMPONENTS, **workers.parts(home)}
    yield "Airflow's database"
    migrate_airflow(home, airflow)
    if Background(home, "scheduler").pid() is None:
        forget_gone_schedulers(stack.metadata_url)
    for name, options in parts.items():
        yield f"airflow {name}"
        Background(home, name).start([airflow_command(), *([name] if name in COMPONENTS else []), *options], airflow)
    watched = [*parts, *OTHERS]
    Background(home, WATCH).start(
        [sys.executable, "-m", "data_pipeline.local.watch", str(home.root), *watched], airflow
    )
    yield "waiting until Airflow schedules"
    url = f"http://127.0.0.1:{port}"
    _require_healthy(home, [*parts], Health(url, stack.metadata_url, real_now()))
    yield Running(url, "admin", home.airflow / "simple_auth_manager_passwords.json.generated", home.logs)


def stop_everything(home: Home) -> Iterator[str]:
    """Stop each part, one by one, and yield its name when it has ended.

    Postgres runs on while another command uses it, and ends with the last of them.

    Raises:
        BusyError: Another `up` or `down` of this installation is at work.
    """
    with alone(home, "up", "`data-pipeline down`"):
        for name in (WATCH, *running_workers(home), *reversed(COMPONENTS), *OTHERS):
            if Background(home, name).stop():
                yield name
        server = EmbeddedPostgres(home.postgres)
        if server.running:
            with server:  # it may be starting or ending with another command
                server.create_database(METADATA_DATABASE, METADATA_ROLE)  # where `up` was never called there is none
                ended = end_waiting_runs(server.url(METADATA_DATABASE, METADATA_ROLE))
            yield from (f"the DAG run {run}" for run in ended)
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
    port_file = home.run / EMULATOR_PORT
    if emulator.pid() is None:
        port_file.unlink(missing_ok=True)
        options = ["--port", "0", "--port-file", str(port_file), "--rate", str(SANDBOX_RATE)]
        emulator.start([sys.executable, "-m", "data_pipeline.emulator", *options], environ)
    if not wait_until(lambda: bool(running_emulator(home)), HEALTHY_WITHIN):
        raise ConfigurationError(f"the emulator did not start; read {emulator.log_file}")
    return running_emulator(home)


def _port(home: Home) -> int:
    """Return the UI's port: the one used before while it is up, else 8080 or a free one."""
    kept = home.run / "api-server.port"
    if Background(home, "api-server").pid() is not None and kept.exists():
        return int(kept.read_text("ascii"))
    port = free_port(8080)
    kept.write_text(str(port), "ascii")
    return port


def _require_healthy(home: Home, parts: Sequence[str], health: Health) -> None:
    complaint = ""

    def healthy() -> bool:
        nonlocal complaint
        for name in parts:
            part = Background(home, name)
            if part.pid() is None:
                raise ConfigurationError(f"airflow {name} ended; read {part.log_file}")
        complaint = health.complaint()
        return not complaint

    if not wait_until(healthy, HEALTHY_WITHIN):
        raise ConfigurationError(
            f"Airflow is not healthy after {HEALTHY_WITHIN:.0f} s: {complaint}; read {home.logs}, then "
            "`data-pipeline down` and `up` again"
        )
