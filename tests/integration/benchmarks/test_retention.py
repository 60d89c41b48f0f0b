"""The benchmark of years with few rows, from its command line to the JSON on its last line."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_month_goes_and_a_backup_comes_back():
    """Twenty sessions of two codes: nothing is restated or lost, and everything that was restored is as sealed."""
    command = [sys.executable, "-m", "benchmarks", "retention", "--codes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["rows"] == 20 * 2 * 381
    assert figures["verify_rows"] == figures["rows"] + 2 * 381
    wrong = ("verify_findings", "frames_differ", "drop_restatement_bytes")
    assert [figures[name] for name in wrong] == [0, 0, 0]
    assert figures["delete_restatement_bytes"] > 0
