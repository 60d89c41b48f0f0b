"""The table of figures, its page, the alert rules and the code speak of the same figures."""

from __future__ import annotations

import re

import pytest
import yaml

from data_pipeline.client.meter import FIGURES
from data_pipeline.datasets.findings import CHECKS
from data_pipeline.metrics.table import METRICS, PREFIX, Metric
from tests.support.project import ROOT
from tools import dashboards
from tools.metrics_page import lines

CODE = [*(ROOT / "data_pipeline" / "metrics").glob("*.py")]


def test_every_figure_is_on_its_page() -> None:
    """`python -m tools.metrics_page > docs/reference/metrics.md` was run after the last change of the table."""
    assert (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8") == "\n".join(lines()) + "\n"


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_it_is_named_as_prometheus_wants_it(metric: Metric) -> None:
    """What counts ends with total, what is a time with seconds, and no label names an instrument."""
    assert re.fullmatch(r"[a-z_]+", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert ("seconds" in metric.unit.split()) == metric.name.endswith("_seconds")
    assert {*metric.labels} <= {"dataset", "reason", "budget", "key", "source"}


def test_each_figure_is_read_somewhere() -> None:
    """A row of the table that nobody fills is no figure, and one without a row cannot be exported."""
    read = {name for path in CODE for name in re.findall(r'Sample\(\s*"(\w+)"', path.read_text("utf-8"))} | {
        "warehouse_up",
        "shared_state_up",
    }
    assert read == {*METRICS}


def test_rules_ask_for_figures_that_there_are() -> None:
    """A mistyped name would be a rule that never fires."""
    rules = (ROOT / "docker" / "prometheus" / "rules.yaml").read_text("utf-8")
    expressions = " ".join(re.findall(r"expr: (.*)", rules))
    asked = set(re.findall(rf"{PREFIX}\w+", expressions))
    assert asked
    assert asked <= {one.full_name for one in METRICS.values()}


def test_the_names_of_checks_are_those_that_are_found() -> None:
    """A check that is not among them would be counted as unreadable."""
    rooms = (ROOT / "data_pipeline" / "datasets", ROOT / "data_pipeline" / "loading")
    files = [path for room in rooms for path in room.rglob("*.py")]
    found = {name for path in files for name in re.findall(r'Finding\(\s*"(\w+)"', path.read_text("utf-8"))}
    assert found == {*CHECKS}


def test_dashboards_ask_for_figures_that_there_are() -> None:
    """Each expression names a figure of the exporter, with labels that it has."""
    panels = dashboards.dashboard("operations")["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(asked) == len(dashboards.OPERATIONS)
    for expression in asked:
        figures = {one.full_name: one for one in METRICS.values()}
        named = re.findall(rf"{PREFIX}\w+", expression)
        assert named
        assert {*named} <= {*figures}
        grouped = re.findall(r"by \(([\w, ]+)\)", expression)
        labels = {*re.findall(r"(\w+)=~", expression), *", ".join(grouped).split(", ")} - {""}
        assert all(labels <= {*figures[name].labels} for name in named)


@pytest.mark.parametrize("name", ["operations", "market-data"])
def test_a_dashboard_is_as_its_declaration(name: str) -> None:
    """`python -m tools.dashboards` was run after the last change."""
    assert (dashboards.FOLDER / f"{name}.json").read_text("utf-8") == dashboards.text(name)


def test_dashboards_know_their_sources() -> None:
    """The names by which they ask are those that are provisioned, and no password stands in the file."""
    folder = ROOT / "docker" / "grafana" / "provisioning" / "datasources"
    text = (folder / "datasources.yaml").read_text("utf-8")
    found = {(one["type"], one["uid"]) for one in yaml.safe_load(text)["datasources"]}
    assert found == {(one["type"], one["uid"]) for one in (dashboards.PROMETHEUS, dashboards.MARKET)}
    assert re.findall(r"password: (.*)", text) == ["$MARKET_READER_PASSWORD"]


def test_figures_of_running_work_are_named_alike() -> None:
    """Lower case and no unit in the name: Airflow's backends add their own endings."""
    for one in FIGURES:
        assert re.fullmatch(r"[a-z_]+", one.name)
        assert not one.name.endswith(("_total", "_seconds"))
