"""How the live service is run for good: each way ends it gently, and starts it again only where that can help."""

from __future__ import annotations

import configparser

import yaml

from data_pipeline.settings import SETTINGS
from data_pipeline.stream.service import DRAIN_S
from tests.support.project import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text("utf-8"))["services"]["airflow-stream"]
DEPLOYMENT = yaml.safe_load((ROOT / "docker" / "stream" / "deployment.yaml").read_text("utf-8"))
POD = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
UNIT = configparser.ConfigParser(strict=False, interpolation=None)
UNIT.optionxform = str  # type: ignore[assignment,method-assign]
UNIT.read(ROOT / "docker" / "stream" / "data-pipeline-stream.service", "utf-8")


def test_each_way_waits_longer_than_the_service_takes_to_end():
    """What was received is written before anybody kills it."""
    grace = (
        COMPOSE["stop_grace_period"],
        f"{POD['terminationGracePeriodSeconds']}s",
        UNIT["Service"]["TimeoutStopSec"],
    )
    assert min(int(one.rstrip("s")) for one in grace) > 2 * DRAIN_S


def test_compose_starts_it_on_request_only():
    """It is no part of the stack until its profile is named, and signals reach it and no shell."""
    assert COMPOSE["profiles"] == ["stream"]
    assert COMPOSE["command"][-1] == "exec data-pipeline stream"


def test_systemd_leaves_a_stopped_line_alone():
    """Exit code 2 asks for somebody; anything else is started again."""
    assert (UNIT["Service"]["Restart"], UNIT["Service"]["RestartPreventExitStatus"]) == ("always", "2")
    assert UNIT["Service"]["ExecStart"].endswith("/data-pipeline stream")


def test_kubernetes_runs_one_and_lets_two_overlap():
    """The lease makes that safe, as long as the shared state is one for all pods."""
    assert DEPLOYMENT["spec"]["replicas"] == 1
    assert DEPLOYMENT["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert CONTAINER["command"] == ["data-pipeline", "stream"]
    assert "COORDINATION_URL" in {one["name"] for one in CONTAINER["env"]}


def test_kubernetes_names_settings_that_there_are_and_no_secret():
    """A misspelt name would mean a default in silence."""
    for one in CONTAINER["env"]:
        assert ("value" in one) != SETTINGS[one["name"]].secret
