"""The values for Airflow's Helm chart and the table of settings belong together."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml

from data_pipeline.operators.defaults import TASK_DEFAULTS
from data_pipeline.settings import SETTINGS, Way
from data_pipeline.settings.values import value_of
from tests.support.project import ROOT

TEXT = (ROOT / "docker" / "helm-values.yaml").read_text("utf-8")
VALUES = yaml.safe_load(TEXT)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text("utf-8"))
ENV = {one["name"]: one["value"] for one in VALUES["env"]}
SECRETS = {one["envName"]: (one["secretName"], one["secretKey"]) for one in VALUES["secret"]}
OF_TASKS = [one for one in SETTINGS.values() if Way.CONTAINER in one.ways]
PAGE = (ROOT / "docs" / "how-to" / "run-on-kubernetes.md").read_text("utf-8")


@pytest.mark.parametrize("one", OF_TASKS, ids=lambda one: one.name)
def test_each_setting_that_a_task_needs_reaches_it(one):
    """From the Secret, from the list, or as a field of its source's connection, which is a key of that Secret."""
    if one.connection:
        assert f"AIRFLOW_CONN_{one.connection.upper()}_DEFAULT" in SECRETS
        assert one.name not in ENV
    elif one.secret:
        assert SECRETS[one.name] == ("data-pipeline", one.name)
    else:
        assert value_of(one, ENV[one.name]) == value_of(one, one.default)


def test_there_is_nothing_but_settings_and_connections():
    """A misspelt name would mean a default in silence."""
    connections = {"AIRFLOW_CONN_KIS_DEFAULT", "AIRFLOW_CONN_KRX_DEFAULT", "AIRFLOW_CONN_MARKET_DB"}
    assert set(ENV) | set(SECRETS) == {one.name for one in OF_TASKS if not one.connection} | connections


def test_the_page_makes_every_key_of_every_secret():
    """A pod whose Secret lacks a key does not start."""
    keys = {*SECRETS, "connection", "fernet-key", "api-secret-key", "jwt-secret"}
    assert {key for key in keys if f"={key}=" not in PAGE.replace("--from-literal ", "=")} == set()
    named = {VALUES[name] for name in ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName")}
    assert {name for name in named | {*VALUES["data"].values()} if f"secret generic {name} " not in PAGE} == set()


def test_airflow_is_told_what_compose_tells_it():
    """Both deployments are one product: the same version, login, masks and patience with Airflow's database."""
    told = COMPOSE["x-airflow-environment"]
    for section, options in VALUES["config"].items():
        for option, value in options.items():
            compose = told[f"AIRFLOW__{section.upper()}__{option.upper()}"]
            assert str(value).lower() == compose.replace("${AIRFLOW_WORKER_CONCURRENCY:-4}", "4").lower()
    assert COMPOSE["x-airflow"]["image"].endswith(f":{VALUES['airflowVersion']}")
    assert VALUES["executor"] == told["AIRFLOW__CORE__EXECUTOR"]


def test_pods_are_bounded_and_end_in_time():
    """No pod is root or takes memory without end, and a worker may finish its task."""
    assert VALUES["securityContexts"]["pod"]["runAsNonRoot"] is True
    parts = ("workers", "scheduler", "apiServer", "dagProcessor", "triggerer")
    assert {part for part in parts if "memory" not in VALUES[part]["resources"]["limits"]} == set()
    assert timedelta(seconds=VALUES["workers"]["terminationGracePeriodSeconds"]) > TASK_DEFAULTS["execution_timeout"]


def test_the_values_say_that_nobody_rendered_them():
    """Whoever takes them knows what was tried and what was not."""
    assert "never rendered or installed" in TEXT
    assert "could not be run" in PAGE
