"""`data-pipeline run` with KRX's key alone, against the emulated KRX."""

import json
import os
import subprocess
import sys

import pytest

from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from tests.support.project import ROOT

WATCHED = "005930,000660"
"""Two instruments of KOSPI: one call a session."""
MORNING = "2026-11-26T08:40"
"""A Thursday, on which KRX has published Wednesday the 25th."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """What the command does in a new folder, where KRX's key is the only one."""
    home = tmp_path_factory.mktemp("home")
    with EmulatorProcess(now=MORNING, frozen=True) as emulator:
        own = {
            "DATA_PIPELINE_HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "WATCH_LIST": WATCHED,
            "MARKET_CLOCK": f"{MORNING}+09:00", "KRX_API_KEY": "X" * 40, "KRX_API_BASE_URL": emulator.url,
        }  # fmt: skip
        environ = {**os.environ, **own}
        environ.pop("COORDINATION_URL", None)

        def command(*words):
            return subprocess.run(
                [sys.executable, "-m", "data_pipeline", *words],
                env=environ, cwd=ROOT, capture_output=True, text=True, check=False,
            )  # fmt: skip

        yield home, command, emulator
    EmbeddedPostgres(home / "postgres").destroy()


def test_a_krx_key_alone_loads_what_krx_has_and_makes_nothing_up(installation):
    """`run` loads official bars and says what only KIS has; `backfill` and `sql` ask the same source and database."""
    home, command, emulator = installation
    done = command("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Session 2026-11-25 (Wed) from Korea Exchange" in done.stdout
    assert "There is no KIS key, so order books, minutes and present prices are left out" in done.stdout
    summary = json.loads((home / "run" / "summary.json").read_text())
    assert {gap["what"]: gap["missing"] for gap in summary["gaps"]} == {
        "instruments": 0, "the session's bars": 0, "history": 0,
    }  # fmt: skip
    assert {one["source"] for one in summary["loaded"]} == {"krx-sandbox"}
    assert not emulator.requests(path="tokenP")  # KIS was not asked for anything

    history = ("--first", "2026-11-02", "--last", "2026-11-25")
    again = command("backfill", "--dataset", "daily_bar", "--codes", WATCHED, *history, "--dry-run")
    assert again.returncode == 0, again.stdout + again.stderr
    asked = command("sql", "--csv", "SELECT DISTINCT current_database(), source, count(*) OVER () FROM daily_bar")
    assert asked.stdout.splitlines()[1].startswith("market,krx-sandbox,"), asked.stdout + asked.stderr
    minutes = command("backfill", "--dataset", "minute_bar", "--codes", "005930", "--first", "2026-11-25")
    assert (minutes.returncode, "UnsupportedDatasetError" in minutes.stderr) == (2, True), minutes.stdout
