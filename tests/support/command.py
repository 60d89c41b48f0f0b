"""An emulated KIS server, and the command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.sources.factory import create_data_source
from tests.support.kis_settings import RATE, kis_settings
from tests.support.project import ROOT, python_path


@pytest.fixture(scope="module")
def emulator():
    """A server on the evening of 22 September 2026."""
    with EmulatorProcess(rate=2 * RATE, now="2026-09-22T21:40:00+09:00", frozen=True) as running:
        yield running


@pytest.fixture(scope="module")
def settings(emulator, tmp_path_factory):
    """The variables that lead the command to the emulator."""
    return kis_settings(emulator, tmp_path_factory.mktemp("coordination"))


@pytest.fixture
def kis(settings):
    """The source, in this process."""
    with create_data_source("kis", settings) as source:
        yield source


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
    """The command for this test's database."""
    return Command(database, settings, tmp_path)
