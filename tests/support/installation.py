"""A new installation, and the command in it, as a user has them."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_pipeline.local.home import Home
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from tests.support.project import ROOT


@contextmanager
def new_home():
    """A new installation in a folder that any account may enter; everything of it is deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    folder.chmod(0o711)
    yield Home(folder / "home")
    EmbeddedPostgres(folder / "home" / "postgres").destroy()
    shutil.rmtree(folder)


def command_in(home, **more):
    """A function that starts `data-pipeline` on an installation and returns the process; ``more`` are settings."""
    own = {"DATA_PIPELINE_HOME": str(home.root), "XDG_STATE_HOME": str(home.root.parent / "state")}
    environ = {**os.environ, **own, "WATCH_LIST": "005930", "PYTHONUNBUFFERED": "1", **more}
    environ.pop("COORDINATION_URL", None)
    return lambda *words: subprocess.Popen(
        [sys.executable, "-m", "data_pipeline", *words],
        env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def home():
    """A new installation."""
    with new_home() as home:
        yield home


@pytest.fixture
def command(home):
    """Starts `data-pipeline` on it."""
    return command_in(home)


def ended(process):
    """Return the exit code and everything written, on one line."""
    written = " ".join("".join(process.communicate()).split())
    assert "Traceback" not in written
    return process.returncode, written
