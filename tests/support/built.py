"""The wheel as it is built, and as pip leaves it in a folder, without a clone beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.wheel import build

LEFT_OUT = ("PYTHONPATH", "XDG_STATE_HOME", "DATA_PIPELINE_HOME", "COORDINATION_URL", "MARKET_CLOCK", "DAGS_FOLDER")


@dataclass(frozen=True)
class Built:
    """Both files."""

    source: Path
    wheel: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Both files, built once."""
    return Built(*build(tmp_path_factory.mktemp("dist")))


@dataclass(frozen=True)
class Unpacked:
    """The wheel's files on the path, before this environment's own package."""

    site: Path
    home: Path

    def environment(self, **more):
        """Nothing of the clone or of the tests, in a home that is empty."""
        kept = {name: value for name, value in os.environ.items() if not name.endswith(LEFT_OUT)}
        own = {"PYTHONPATH": str(self.site), "HOME": str(self.home), "AIRFLOW_HOME": str(self.home / "airflow")}
        return {**kept, **own, "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1", **more}

    def python(self, *arguments, **more):
        """Run Python in the empty home and return what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.home, env=self.environment(**more), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def unpacked(built, tmp_path_factory):
    """The wheel unpacked, which is what installing it does to a folder."""
    site, home = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("home")
    with zipfile.ZipFile(built.wheel) as archive:
        archive.extractall(site)
    return Unpacked(site, home)
