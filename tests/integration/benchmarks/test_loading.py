"""The loading benchmark with few rows, from its command line to the JSON on its last line."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

FIGURES = {
    "rows_per_s", "ratio_to_copy", "ratio_to_flat_copy", "wal_bytes_per_row", "wal_page_images_per_row",
    "table_growth", "peak_mb",
}  # fmt: skip
NOTHING = {"inserted": 0, "updated": 0, "unchanged": 0, "outranked": 0}


@pytest.fixture(scope="module")
def report():
    """What `--rows 990` says; it is rounded up to two codes."""
    methods = ["data_pipeline", "row_by_row", "execute_values", "sqlalchemy_on_conflict", "pandas_to_sql", "copy_text"]
    chosen = [word for name in methods for word in ("--method", name)]
    command = [sys.executable, "-m", "benchmarks", "loading", "--rows", "990", "--repeats", "1", *chosen]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout.splitlines()[-1])


def test_our_counts_are_right_in_every_phase(report):
    """A thousand rows are new, or unchanged but for the ten that differ; nothing failed."""
    ours = {run["phase"]: run["counts"] for run in report["runs"] if run["method"] == "data_pipeline"}
    new = {**NOTHING, "inserted": 1000}
    assert ours == {
        "fresh": new,
        "filled": new,
        "again": {**NOTHING, "unchanged": 1000},
        "changed": {**NOTHING, "updated": 10, "unchanged": 990},
        "checked": new,
    }
    assert report["failed"] == []


def test_every_run_has_every_figure(report):
    """Each run that stores rows has all figures; the text of COPY has a rate and no log."""
    for run in report["runs"]:
        assert {"method", "phase", "table", "rows", "repeats", *FIGURES} <= set(run)
        assert run["rows"] == 1000
        assert run["rows_per_s"] > 0
        assert (run["wal_bytes_per_row"] is None) == (run["table"] == "-")
        assert (run["ratio_to_copy"] is None) == (run["method"] == "copy_text")


def test_a_blind_upsert_is_seen_in_log_and_table(report):
    """The same rows again cost execute_values over 100 bytes a row and a larger table, and ours neither."""
    again = {run["method"]: run for run in report["runs"] if run["phase"] == "again"}
    assert again["execute_values"]["wal_bytes_per_row"] > 100
    assert again["execute_values"]["table_growth"] > 1.4
    assert again["data_pipeline"]["wal_bytes_per_row"] < 100
    assert again["data_pipeline"]["table_growth"] == 1.0
