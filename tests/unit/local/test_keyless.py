"""The source of an installation without keys: the emulator, for every command."""

from pathlib import Path

import pytest

from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.local.home import Home
from data_pipeline.local.keyless import NOWHERE, asked_emulator, is_keyless, source_variables
from data_pipeline.local.stack import vendor_connections
from data_pipeline.settings.chosen import chosen_source
from data_pipeline.sources.factory import DataSourceFactory, create_data_source
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.warehouse.locate import database_name
from data_pipeline.warehouse.process import start_of

CHOSEN = {
    "kis": {"KIS_APP_KEY": "x", "KIS_APP_SECRET": "y"},
    "kis beside krx": {"KIS_APP_KEY": "x", "KIS_APP_SECRET": "y", "KRX_API_KEY": "z"},
    "krx": {"KRX_API_KEY": "z"},
    "krx by name": {"KIS_APP_KEY": "x", "KIS_APP_SECRET": "y", "DATA_SOURCE_TYPE": "KRX"},
    "mock": {"KIS_APP_KEY": "x", "KIS_APP_SECRET": "y", "DATA_SOURCE_TYPE": "mock"},
    "": {"KIS_APP_KEY": " # nothing yet", "KRX_API_KEY": "", "DATA_SOURCE_TYPE": " "},
}
"""What chooses which source; KRX's key beside one of KIS adds the official figures and changes nothing else."""


@pytest.mark.parametrize("said", CHOSEN)
def test_every_command_and_python_choose_the_same_source(said: str):
    """The source of Python, that of the DAGs of `run` and `up`, and the database are all of one choice."""
    kind = said.partition(" ")[0]
    environ = CHOSEN[said]
    assert chosen_source(environ) == kind
    assert is_keyless(environ) == (kind == "")
    assert DataSourceFactory(environ).detect().value == (kind or "mock")
    assert database_name(environ) == ("market" if kind in ("kis", "krx") else "market_sandbox")


def test_the_dags_load_from_the_chosen_vendor():
    """With KRX's key alone from KRX, with both keys from KIS with KRX beside it, and otherwise from the emulator."""

    def connections(environ: dict[str, str]) -> list[str]:
        return [one.conn_id for one in vendor_connections(environ) or () if one]

    kis, krx = {"KIS_APP_KEY": "K" * 36, "KIS_APP_SECRET": "S" * 180}, {"KRX_API_KEY": "X" * 40}
    assert connections(krx) == ["krx_default"]
    assert connections(kis | krx) == ["kis_default", "krx_default"]
    assert connections(kis) == ["kis_default"]
    assert connections(kis | {"DATA_SOURCE_TYPE": "mock"}) == []
    assert connections({}) == []


@pytest.mark.parametrize("name", ["KIS_APP_KEY", "KIS_APP_SECRET"])
def test_half_a_key_is_an_error_everywhere(name: str):
    """It is never a reason for synthetic figures, nor for those of KRX alone."""
    environ = {name: "x", "KRX_API_KEY": "z"}
    for choose in (chosen_source, is_keyless, database_name, vendor_connections):
        with pytest.raises(ConfigurationError, match=r"is not set .* but the other half of the key is"):
            choose(environ)


def test_without_a_key_a_plan_is_made_for_the_emulator(tmp_path: Path):
    """Nothing is sent, so none is started; the source is the one whose name the rows of `run` carry."""
    home = Home(tmp_path).prepare()
    with source_variables(home, "auto", sends=False) as told, create_data_source("kis", told) as source:
        assert (source.name, source.calls_a_second) == ("kis-sandbox", 18)
    with source_variables(home, "mock", sends=False) as told:
        assert "KIS_APP_KEY" not in told


@pytest.mark.thorough
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
