"""Celery beside `up`: what Airflow is told, and a broker that only this installation can enter."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import redis

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.hooks import celery_config
from data_pipeline.local.celery import (
    BROKER,
    MOST_WORKERS,
    Workers,
    require_same_executor,
    running_workers,
    start_broker,
    workers_of,
)
from data_pipeline.local.home import Home
from data_pipeline.local.processes import Background
from data_pipeline.warehouse.process import start_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An installation."""
    return Home(tmp_path / "home").prepare()


def running(home: Home, *names: str) -> None:
    """Let parts look as if this process were each of them."""
    for name in names:
        Background(home, name).pid_file.write_text(f"{os.getpid()} {start_of(os.getpid())}", "ascii")


def test_without_workers_airflow_is_told_nothing(home: Home) -> None:
    """The scheduler runs the tasks, and nobody needs Celery."""
    assert workers_of("local", 3) == Workers() == Workers(0)
    assert Workers().environment("redis://broker", "postgresql://airflow") == {}
    assert Workers().parts(home) == {}


def test_what_airflow_is_told(home: Home) -> None:
    """All tasks of all workers at once, one broker, and a patience that outlasts a broker that is away for minutes."""
    workers = workers_of("celery", 3)
    told = workers.environment("redis://:secret@127.0.0.1:1/0", "postgresql://airflow:word@127.0.0.1/airflow")
    assert told["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert told["AIRFLOW__CORE__PARALLELISM"] == "6"
    assert told["AIRFLOW__CELERY__RESULT_BACKEND"].startswith("db+postgresql+psycopg2://airflow:")
    tries, seconds = (
        float(told[f"AIRFLOW__CELERY__{name}"]) for name in ("TASK_PUBLISH_MAX_RETRIES", "OPERATION_TIMEOUT")
    )
    assert tries * seconds >= 120
    assert list(workers.parts(home)) == ["worker-1", "worker-2", "worker-3"]


def test_no_secret_shows_in_what_airflow_is_told() -> None:
    """The broker's password and the database's are hidden from whoever prints it."""
    told = Workers(1).environment("redis://:s3cret@127.0.0.1:1/0", "postgresql://airflow:w0rd@127.0.0.1/airflow")
    assert "s3cret" not in repr(told)
    assert "w0rd" not in repr(told)


def test_celery_tries_longer_than_airflow_waits() -> None:
    """Airflow takes the end of its own wait for "not sent yet", and any error of Celery for the task's failure."""
    policy = celery_config.CELERY_CONFIG["task_publish_retry_policy"]
    assert policy["max_retries"] * policy["interval_max"] > celery_config.SEND_S
    assert celery_config.CELERY_CONFIG.items() >= celery_config.PATIENCE.items()
    assert not hasattr(celery_config, "ANYTHING_ELSE")


@pytest.mark.parametrize("count", [0, -1, MOST_WORKERS + 1])
def test_so_many_workers_are_refused(count: int) -> None:
    """One sentence says how many it takes."""
    with pytest.raises(ConfigurationError, match=f"--workers takes 1 to 32, not {count}"):
        workers_of("celery", count)


def test_workers_are_known_by_their_files(home: Home) -> None:
    """In order of their numbers; a file of Celery's own is none of them."""
    running(home, "worker-10", "worker-2", "scheduler")
    (home.run / "worker-2.celery.pid").write_text("1")
    assert running_workers(home) == ["worker-2", "worker-10"]


def test_the_executor_is_not_changed_under_a_running_airflow(home: Home) -> None:
    """What runs is named, and the way to change it."""
    require_same_executor(home, Workers(3))
    running(home, "scheduler")
    with pytest.raises(ConfigurationError, match="runs with the LocalExecutor: `data-pipeline down` first"):
        require_same_executor(home, Workers(3))
    running(home, "worker-1", "worker-2", "worker-3")
    require_same_executor(home, Workers(3))
    with pytest.raises(ConfigurationError, match="CeleryExecutor and 3 workers"):
        require_same_executor(home, Workers())


@pytest.mark.thorough
def test_the_broker_is_of_this_installation_alone(home: Home) -> None:
    """It listens on the loopback only, wants its password, and comes back on the same port with what it held."""
    part = Background(home, BROKER)
    try:
        url = start_broker(home, os.environ)
        with redis.Redis.from_url(url) as inside:
            inside.set("task", "held")
        port = redis.connection.parse_url(url)["port"]
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.get("task")
        assert (home.root / BROKER / "server.conf").stat().st_mode & 0o077 == 0
        part.stop()
        assert start_broker(home, os.environ) == url
        with redis.Redis.from_url(url) as inside:
            assert inside.get("task") == b"held"
        with socket.socket() as probe, pytest.raises(OSError, match="in use"):
            probe.bind(("127.0.0.1", port))
    finally:
        part.stop()
