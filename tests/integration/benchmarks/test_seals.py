"""The seals benchmark with few rows, from its command line to the JSON on its last line."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_every_figure_is_there_and_every_seal_fits():
    """A thousand bars are loaded with and without seals and verified; no seal differs, and each figure is a number."""
    command = [sys.executable, "-m", "benchmarks", "seals", "--rows", "990", "--repeats", "1", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["rows"], figures["findings"]) == (1000, 0)
    assert min(figures[name] for name in figures if name.endswith("_per_s")) > 0
    assert {"seal_share", "seal_share_cpu", "verify_to_sha256"} <= set(figures)
    assert 0 < min(figures[f"proof_share_{shape}"] for shape in ("minute_bar", "minute_bar_again", "daily_bar")) < 1
