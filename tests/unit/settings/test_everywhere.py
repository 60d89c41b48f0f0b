"""Every setting reaches whoever reads it, in every way of running."""

from __future__ import annotations

import json
import re
import runpy
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from dotenv import dotenv_values

from data_pipeline.datasets.findings import Thresholds
from data_pipeline.hooks.kis import KISHook
from data_pipeline.hooks.krx import KRXHook
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.local.environment import airflow_environment, official_connection
from data_pipeline.local.home import Home
from data_pipeline.local.run import dag_environment
from data_pipeline.local.stack import kis_connection
from data_pipeline.settings import SETTINGS, Way, value
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.settings import KrxSettings
from tests.support.project import ROOT

KEYS = {"KIS_APP_KEY": "K" * 36, "KIS_APP_SECRET": "S" * 180, "KRX_API_KEY": "X" * 40}
IMAGES = ("AIRFLOW", "POSTGRES", "REDIS", "PROMETHEUS", "GRAFANA")
SAMPLES = KEYS | {
    "DATA_SOURCE_TYPE": "krx",
    "KIS_APP_KEY_2": "L" * 36,
    "KIS_APP_SECRET_2": "T" * 180,
    "KIS_ACCOUNT_NUMBER": "12345678-01",
    "KIS_USE_VIRTUAL_SERVER": "false",
    "KIS_API_BASE_URL_REAL": "http://127.0.0.1:1",
    "KIS_API_BASE_URL_VIRTUAL": "http://127.0.0.1:2",
    "KIS_MASTER_BASE_URL": "http://127.0.0.1:3",
    "KIS_WEBSOCKET_URL": "ws://127.0.0.1:5",
    "KIS_WEBSOCKET_LIMIT": "20",
    "KIS_ALLOWED_HOSTS": "emulator.example:8000",
    "KIS_API_RATE_LIMIT": "3.5",
    "KIS_API_RATE_LIMIT_PER_MINUTE": "200",
    "KIS_API_LEDGER_RATE_LIMIT": "2",
    "KIS_API_QUEUE_TIMEOUT": "11",
    "KIS_API_CIRCUIT_BREAKER_THRESHOLD": "7",
    "KIS_API_CIRCUIT_BREAKER_TIMEOUT": "13",
    "KIS_CACHE_TTL_PRICE": "17",
    "KIS_CACHE_TTL_ORDERBOOK": "18",
    "KIS_CACHE_TTL_CHART": "19",
    "KIS_CACHE_TTL_STOCK_INFO": "21",
    "KIS_BARS_INCLUDE_AFTER_MARKET": "false",
    "KRX_API_BASE_URL": "http://127.0.0.1:4",
    "KRX_API_DAILY_LIMIT": "500",
    "MARKET_DB_URL": "postgresql://loader:pw@db.example:5433/mine?sslmode=require",
    "MARKET_READER_URL": "postgresql://reader:pw@db.example:5433/mine",
    "COORDINATION_URL": "file:///srv/shared",
    "CACHE_URL": "redis://:pw@cache.example:6379/2",
    "MARKET_CLOCK": "2027-06-15T20:40@2026-11-29T00:00:00+00:00",
    "CALENDAR_CORRECTIONS": "/srv/shared/calendar.json",
    "ARCHIVE_FOLDER": "/srv/archive",
    "KEEP_MINUTE_BAR_MONTHS": "24",
    "KEEP_PRICE_SNAPSHOT_MONTHS": "3",
    "KEEP_ORDER_BOOK_MONTHS": "6",
    "KEEP_TRADE_MONTHS": "2",
    "DATA_PIPELINE_HOME": "/srv/home",
    "DATA_SOURCE_CONN_ID": "mock_default",
    "WATCH_LIST": "005930",
    "STREAM_KINDS": "trade,market_operation",
    "STREAM_VENUES": "KRX,NXT",
    "UNIVERSE": "watch_list",
    "ALERT_CALLBACK": "mine.alerts.to_chat",
    "TASK_RETRIES": "2",
    "FETCH_THREADS": "3",
    **{f"CHECK_{one.name.upper()}": "1" for one in fields(Thresholds)},
    "SECRETS_FOLDER": "/srv/secrets",
    "POSTGRES_PASSWORD": "a",
    "AIRFLOW_DB_PASSWORD": "j",
    "MARKET_DB_PASSWORD": "b",
    "MARKET_LOADER_PASSWORD": "c",
    "MARKET_READER_PASSWORD": "d",
    "REDIS_PASSWORD": "e",
    "AIRFLOW_ADMIN_USER": "somebody",
    "AIRFLOW_ADMIN_PASSWORD": "f",
    "AIRFLOW_FERNET_KEY": "g",
    "AIRFLOW_JWT_SECRET": "h",
    "AIRFLOW_API_SECRET_KEY": "i",
    **{f"{image}_DIGEST": f"@sha256:{'0' * 64}" for image in IMAGES},
    "AIRFLOW_PORT": "8090",
    "GRAFANA_PORT": "3001",
    "POSTGRES_PORT": "5439",
    "AIRFLOW_UID": "1000",
    "AIRFLOW_WORKER_CONCURRENCY": "9",
}
"""A value of each setting that is not its default."""

COMPOSE = (ROOT / "docker-compose.yaml").read_text("utf-8")
SERVICES = yaml.safe_load(COMPOSE)["services"]
FILLED = runpy.run_path(str(ROOT / "docker" / "with_secrets.py"))["with_secrets"]
DRAWN = {name: SAMPLES[name] for name, one in SETTINGS.items() if Way.COMPOSE in one.ways and one.secret}
"""The secrets that are never empty."""
OF_TASKS = [name for name, one in SETTINGS.items() if one.connection in ("kis", "krx")]
OF_STACK = [name for name, one in SETTINGS.items() if Way.STACK in one.ways and name != "MARKET_CLOCK"]
OF_CONTAINERS = [name for name, one in SETTINGS.items() if Way.CONTAINER in one.ways]


def interpolated(text, environ):
    """What compose makes of a text: `${A}`, `${A-default}`, `${A:-default}` and `${A:?error}`, one in another."""
    pattern = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)(?:(:?[-?])([^${}]*))?\}")

    def filled(found):
        name, how, otherwise = found.groups()
        given = environ.get(name)
        unset = given is None or (given == "" and bool(how) and how.startswith(":"))
        assert not (unset and how and how.endswith("?")), f"{name}: {otherwise}"
        return (otherwise or "") if unset else given

    while (changed := pattern.sub(filled, text)) != text:
        text = changed
    return text


def containers(environ):
    """The environment of whatever runs in each of compose's services of Airflow, its secrets read from files."""
    told = {}
    for service, one in SERVICES.items():
        if service.startswith("airflow-"):
            with TemporaryDirectory() as folder:
                for name in one["secrets"]:
                    Path(folder, name).write_text((DRAWN | environ).get(name, "") + "\n", "utf-8")
                defined = {name: interpolated(text, environ) for name, text in one["environment"].items()}
                told[service] = FILLED({name: text.replace("$$", "$") for name, text in defined.items()}, Path(folder))
    return told


def children(folder, environ):
    """The environment of each Airflow process of `run` and `up`."""
    urls = ("postgresql://a@h/airflow", environ.get("MARKET_DB_URL", "postgresql://b@h/market"))
    told = airflow_environment(
        Home(folder).prepare(), *urls, kis_connection(environ), environ, official_connection(environ)
    )
    return {"run": dag_environment(told), "up": told}


def given(*names):
    """The settings of these names, with what has to stand beside them."""
    both = {"KIS_APP_KEY_2", "KIS_APP_SECRET_2"} if {"KIS_APP_KEY_2", "KIS_APP_SECRET_2"} & {*names} else set()
    virtual = {"KIS_USE_VIRTUAL_SERVER": "false"} if "KIS_API_BASE_URL_REAL" in names else {}
    return KEYS | virtual | {name: SAMPLES[name] for name in {*names} | both}


def test_each_setting_has_a_sample():
    """A new setting is walked too."""
    assert set(SAMPLES) == set(SETTINGS)
    assert [name for name, sample in SAMPLES.items() if SETTINGS[name].default == sample] == []


@pytest.mark.thorough
@pytest.mark.parametrize("name", OF_TASKS)
@pytest.mark.parametrize("way", ["run", "up", "airflow-worker", "airflow-scheduler"])
def test_a_task_asks_the_source_that_the_environment_describes(name, way, environment, tmp_path):
    """The connections of `run`, of `up` and of the containers say what the command reads from the variables."""
    environ = given(name)
    told = (containers if way.startswith("airflow") else lambda one: children(tmp_path, one))(environ)[way]
    environment(**{key: text for key, text in told.items() if key.startswith("AIRFLOW_CONN_")})
    environment(COORDINATION_URL="")
    if SETTINGS[name].connection == "kis":
        assert KISHook().settings() == KisSettings.from_env(environ)
        assert KisSettings.from_env(environ) != KisSettings.from_env(KEYS) or name in KEYS or name.endswith("VIRTUAL")
    else:
        assert KRXHook().settings() == KrxSettings.from_env(environ)


@pytest.mark.thorough
@pytest.mark.parametrize("name", OF_STACK)
def test_the_processes_of_run_and_up_have_every_variable(name, tmp_path):
    """Whatever a task reads from its environment is there."""
    for told in children(tmp_path, given(name)).values():
        assert told[name] == SAMPLES[name]


@pytest.mark.thorough
@pytest.mark.parametrize("name", OF_CONTAINERS)
def test_every_container_has_every_variable(name):
    """So the command and Python mean the same there as outside; only what starts once has no secret of a source."""
    for service, told in containers(given(name)).items():
        if service != "airflow-init" or not SETTINGS[name].secret:
            assert told[name] == SAMPLES[name]


def test_what_starts_once_migrates_as_the_owner_and_has_no_key():
    """Whatever else a user names, and nobody but it has the owner's password."""
    told = containers(SAMPLES)
    assert told["airflow-init"]["MARKET_DB_URL"] == "postgresql://market_owner:b@postgres:5432/market"
    assert "K" * 36 not in str(told["airflow-init"])
    assert [service for service, one in told.items() if "MARKET_DB_PASSWORD" in one] == ["airflow-init"]


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name, one in SETTINGS.items() if one.secret])
def test_no_secret_stands_in_the_definition_of_a_container(name):
    """`docker inspect` and `docker compose config` would show it; `.env` is not even asked for one."""
    assert not re.search(rf"(?<!\$)\$\{{{name}\b", COMPOSE)
    assert yaml.safe_load(COMPOSE)["secrets"][name] == {"file": f"${{SECRETS_FOLDER:-./secrets}}/{name}"}


def test_an_untouched_copy_of_the_example_means_the_defaults(environment):
    """Line by line, for the command, for tasks in containers, and for whoever copies nothing."""
    example = {name: text or "" for name, text in dotenv_values(ROOT / ".env.example").items()}
    assert {name: value(example, name) for name in SETTINGS} == {name: value({}, name) for name in SETTINGS}
    assert KisSettings.from_env(example | KEYS) == KisSettings.from_env(KEYS)
    worker = containers({**example, **KEYS, **DRAWN})["airflow-worker"]
    environment(AIRFLOW_CONN_KIS_DEFAULT=worker["AIRFLOW_CONN_KIS_DEFAULT"], COORDINATION_URL="")
    assert KISHook().settings() == KisSettings.from_env(KEYS)


def test_the_containers_share_their_own_warehouse_unless_another_is_named(environment):
    """Tasks load as the loader and the command reads as the reader; a warehouse of the user's own replaces both."""
    worker = containers({})["airflow-worker"]
    assert worker["MARKET_READER_URL"] == "postgresql://market_reader:d@postgres:5432/market"
    environment(AIRFLOW_CONN_MARKET_DB=worker["AIRFLOW_CONN_MARKET_DB"])
    assert "host=postgres" in WarehouseHook().get_uri()
    own = {"MARKET_DB_URL": SAMPLES["MARKET_DB_URL"]}
    assert containers(own)["airflow-worker"]["MARKET_READER_URL"] == own["MARKET_DB_URL"]
    environment(AIRFLOW_CONN_MARKET_DB=containers(own)["airflow-worker"]["AIRFLOW_CONN_MARKET_DB"])
    assert {"host=db.example", "sslmode=require"} <= {*re.split(r"[?&]", WarehouseHook().get_uri())}


def test_compose_reads_every_setting_of_its_own():
    """None of the last section is left without an effect."""
    read = set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", COMPOSE))
    assert {name for name, one in SETTINGS.items() if Way.COMPOSE in one.ways and not one.secret} <= read
    mounted = {name for one in SERVICES.values() for name in one.get("secrets", ())}
    assert mounted == set(yaml.safe_load(COMPOSE)["secrets"]) > set(DRAWN)
    assert {re.sub(r"_[3-9]$", "_2", name) for name in read} <= set(SETTINGS)


def test_one_retry_in_run_unless_a_number_is_named():
    """`run` stays short for whoever named none."""
    assert dag_environment({"TASK_RETRIES": ""})["TASK_RETRIES"] == "1"
    assert dag_environment({"TASK_RETRIES": "3"})["TASK_RETRIES"] == "3"


def test_python_defaults_are_those_of_the_table():
    """A default stands in one place, or is held to it."""
    checks = {f"CHECK_{name.upper()}": limit for name, limit in asdict(Thresholds()).items()}
    assert checks == {name: value({}, name) for name in SETTINGS if name.startswith("CHECK_")}
    kis, krx = KisSettings("k", "s"), KrxSettings("k")
    assert (kis.queue_timeout, kis.breaker_threshold, kis.breaker_timeout, krx.daily_limit) == (30.0, 5, 60.0, 10_000)
    assert json.loads(json.dumps(kis_connection(KEYS).extra))["use_virtual_server"] is True
