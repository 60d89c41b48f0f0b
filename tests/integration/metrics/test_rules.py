"""The alert rules, tried by Prometheus's own tool in simulated time."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.project import ROOT

RULES = ROOT / "docker" / "prometheus" / "rules.yaml"
TRIALS = Path(__file__).with_name("rules.test.yaml")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed: apt-get install prometheus")
def test_each_alert_fires_when_it_must_and_clears():
    """The trials say from when on each stands, and that it is gone after healing."""
    tried = subprocess.run(["promtool", "test", "rules", str(TRIALS)], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stdout + tried.stderr


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed: apt-get install prometheus")
def test_prometheus_takes_its_configuration():
    """That of the compose profile, with the rules beside it."""
    config = str(ROOT / "docker" / "prometheus" / "prometheus.yaml")
    checked = subprocess.run(["promtool", "check", "config", config], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "5 rules found" in checked.stdout


def test_each_alert_has_trials_of_firing_and_of_silence():
    """A rule that is added without both is named."""
    rules = {one["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for one in group["rules"]}
    trials = [one for test in yaml.safe_load(TRIALS.read_text())["tests"] for one in test["alert_rule_test"]]
    assert {one["alertname"] for one in trials if one["exp_alerts"]} == rules
    last = {one["alertname"]: one["exp_alerts"] for one in trials}
    assert last == {name: [] for name in rules}
