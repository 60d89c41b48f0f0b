"""The files that a deployment starts from: .env.example and docker-compose.yaml belong together."""

from __future__ import annotations

import io
import re

import pytest
import yaml
from dotenv import dotenv_values

from data_pipeline.market.watch_list import watch_list
from data_pipeline.sources.kis.settings import KisSettings
from tests.support.project import ROOT

EXAMPLE = dotenv_values(ROOT / ".env.example")
COMPOSE = (ROOT / "docker-compose.yaml").read_text("utf-8")
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
    """What must be secret has no value in the example, and compose refuses to start without it."""
    required = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE))
    assert required >= {"POSTGRES_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET"}
    assert {EXAMPLE[name] for name in required} == {""}


@pytest.mark.parametrize("name", ["postgres", "airflow-apiserver"])
def test_ports_are_open_to_this_machine_only(name):
    """A database or a UI on every interface would be open to the network."""
    ports = yaml.safe_load(COMPOSE)["services"][name]["ports"]
    assert all(port.startswith("127.0.0.1:") for port in ports)
