"""An emulated KIS server, a warehouse that knows its instruments, and the command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.market.window import Window
from data_pipeline.sources.factory import create_data_source
from tests.support.project import ROOT, python_path

TUESDAY = date(2026, 9, 22)
RATE = 100


@pytest.fixture(scope="module")
def emulator():
    """A server on the evening of 22 September 2026."""
    with EmulatorProcess(rate=2 * RATE, now="2026-09-22T21:40:00+09:00", frozen=True) as running:
        yield running


@pytest.fixture(scope="module")
def settings(emulator, tmp_path_factory):
    """The variables that lead the command to the emulator."""
    folder = tmp_path_factory.mktemp("coordination")
    return {
        "KIS_APP_KEY": APP_KEY,
        "KIS_APP_SECRET": APP_SECRET,
        "KIS_API_BASE_URL_REAL": emulator.url,
        "KIS_MASTER_BASE_URL": emulator.url,
        "KIS_USE_VIRTUAL_SERVER": "false",
        "KIS_API_RATE_LIMIT": str(RATE),
        "COORDINATION_URL": folder.as_uri(),
    }


@pytest.fixture
def kis(settings):
    """The source, in this process."""
    with create_data_source("kis", settings) as source:
        yield source


def load_instruments(connection, source):
    """Load the list of instruments."""
    load_window(connection, source, DATASETS["instrument"], Window((), TUESDAY, TUESDAY), Run())


class Command:
    """`data-pipeline` against one database."""

    def __init__(self, database, settings, folder):
        self.database = database
        own = {"MARKET_DB_URL": database.url("owner"), "DATA_PIPELINE_HOME": str(folder)}
        self.environment = {
            **os.environ,
            **settings,
            **own,
            "PYTHONPATH": python_path(),
            "COLUMNS": "200",
            "FETCH_THREADS": "2",
        }

    def start(self, *words):
        """Start it; its output comes together."""
        return subprocess.Popen(
            [sys.executable, "-m", "data_pipeline", *words],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, *words):
        """Run it to its end; return its exit code and what it wrote."""
        process = self.start(*words)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def digest(self):
        """The sha256 of every daily bar, in order."""
        return self.database.digest()


@pytest.fixture
def command(database, settings, tmp_path):
    """The command for this test's database, which lists the instruments of the emulator."""
    with create_data_source("kis", settings) as source, database.connect("owner") as connection:
        load_instruments(connection, source)
    return Command(database, settings, tmp_path)
