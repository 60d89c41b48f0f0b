"""Where the migrations, the DAGs and the plugin are found, and what is kept outside the package."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.state_folder import installation_folder, settings_file
from data_pipeline.shipped import PROJECT, shipped
from tests.support.project import ROOT


@pytest.mark.parametrize("name", ["sql", "dags", "plugins"])
def test_a_clone_has_its_one_copy_in_its_top_level(name):
    """An edit there counts at once."""
    assert PROJECT == ROOT
    assert shipped(name) == ROOT / name


def test_the_plugin_is_found_by_its_entry_point():
    """Airflow finds it without a file in its plugins folder."""
    (entry,) = entry_points(group="airflow.plugins", name="data_pipeline")
    assert entry.load().name == "data_pipeline"
    assert importlib.import_module(entry.value.split(":")[0]).__file__ == str(ROOT / "plugins/data_pipeline_plugin.py")


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/h"}, "/h/.local/state/data-pipeline/home"),
        ({"HOME": "/h", "XDG_STATE_HOME": "/x"}, "/x/data-pipeline/home"),
        ({"HOME": "/h", "XDG_STATE_HOME": "relative"}, "/h/.local/state/data-pipeline/home"),
        ({"HOME": "/h", "DATA_PIPELINE_HOME": "/d"}, "/d"),
    ],
)
def test_an_installed_package_keeps_its_state_with_the_user(environ, folder):
    """Never beside its code, which an upgrade replaces and which others may own."""
    assert str(installation_folder(environ, None)) == folder


def test_a_clone_keeps_its_state_in_itself(tmp_path):
    """Each clone has its own."""
    assert installation_folder({"HOME": "/h"}, tmp_path) == tmp_path / ".local"


def test_without_a_home_directory_the_message_names_the_settings():
    """A service account that has none is told which two variables help."""
    with pytest.raises(ConfigurationError, match="COORDINATION_URL to file:///absolute/directory, and DATA_PIPELINE_"):
        installation_folder({"HOME": "relative"}, None)


def test_settings_are_read_from_the_clone_or_else_from_the_current_folder(tmp_path, monkeypatch):
    """A package that was installed from a wheel has no top level."""
    monkeypatch.chdir(tmp_path)
    assert settings_file(ROOT) == ROOT / ".env"
    assert settings_file(None) == tmp_path / ".env"
