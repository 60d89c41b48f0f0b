"""The tool that runs all tests on another date."""

import os
import subprocess
import sys

import pytest

from tests.support.project import ROOT

pytestmark = pytest.mark.thorough

SHIFT = ROOT / "tests" / "shift"
TELLS = """
import subprocess, sys, time
from datetime import datetime
import time_machine
if not sys.argv[1:]:
    subprocess.run([sys.executable, __file__, "child"], check=True)
shifted = time_machine.escape_hatch.is_travelling()
real = time_machine.escape_hatch.time.time if shifted else time.time
print(round((time.time() - real()) / 3600), round((datetime.now().timestamp() - real()) / 3600))
began = time.time()
time.sleep(0.05)
print(time.time() - began > 0.04)
"""


def told(tmp_path, **more):
    """Return what a process and its child say: hours ahead by two clocks, and whether time runs on as it does."""
    script = tmp_path / "tells.py"
    script.write_text(TELLS)
    kept = {name: value for name, value in os.environ.items() if name != "SHIFT_DAYS"}
    environ = {**kept, "PYTHONPATH": str(SHIFT), **more}
    done = subprocess.run([sys.executable, script], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_every_python_process_is_shifted(tmp_path):
    """Four hundred days ahead, or back, in a process and in its child, and time runs on."""
    assert told(tmp_path, SHIFT_DAYS="400") == 2 * ["9600", "9600", "True"]
    assert told(tmp_path, SHIFT_DAYS="-30.5") == 2 * ["-732", "-732", "True"]


def test_without_days_nothing_is_shifted(tmp_path):
    """The folder alone changes nothing."""
    assert told(tmp_path) == 2 * ["0", "0", "True"]
