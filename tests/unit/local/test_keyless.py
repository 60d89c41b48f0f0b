"""The source of an installation without keys: the emulator, for every command."""

from pathlib import Path

import pytest

from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.local.home import Home
from data_pipeline.local.keyless import NOWHERE, asked_emulator, is_keyless, source_variables
from data_pipeline.sources.factory import create_data_source
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.warehouse.process import start_of


@pytest.mark.parametrize("name", ["DATA_SOURCE_TYPE", "KIS_APP_KEY", "KIS_APP_SECRET", "KRX_API_KEY"])
def test_whoever_names_a_source_or_a_key_has_chosen(name: str):
    """Half of a key too, which is an error and never a reason for synthetic figures."""
    assert is_keyless({name: " # nothing yet"})
    assert not is_keyless({name: "x"})


def test_without_a_key_a_plan_is_made_for_the_emulator(tmp_path: Path):
    """Nothing is sent, so none is started; the source is the one whose name the rows of `run` carry."""
    home = Home(tmp_path).prepare()
    with source_variables(home, "auto", sends=False) as told, create_data_source("kis", told) as source:
        assert (source.name, source.calls_a_second) == ("kis-sandbox", 18)
    with source_variables(home, "mock", sends=False) as told:
        assert "KIS_APP_KEY" not in told


def test_the_emulator_of_up_is_asked_while_it_runs(tmp_path: Path):
    """Its address stands in the folder of the installation, and its process is known."""
    home = Home(tmp_path).prepare()
    with EmulatorProcess(now="2026-11-20T20:30", frozen=True) as running:
        (home.run / "emulator.pid").write_text(f"{running.pid} {start_of(running.pid)}")
        (home.run / "emulator.port").write_text(running.url.rpartition(":")[2])
        with source_variables(home, "auto", sends=True) as told:
            assert KisSettings.from_env(told).base_url == running.url


def test_the_budget_is_that_of_the_emulator_that_was_asked_last(tmp_path: Path):
    """Each emulator counts for itself, as each of KIS's servers does."""
    home = Home(tmp_path).prepare()
    assert asked_emulator(home) == NOWHERE
    home.emulator_address.write_text("http://127.0.0.1:2")
    assert asked_emulator(home) == "http://127.0.0.1:2"
