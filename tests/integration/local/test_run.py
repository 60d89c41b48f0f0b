"""`make run`, twice, as a user would: through the command, Airflow, HTTP and Postgres."""

import json
import os
import re
import subprocess
import sys
from datetime import date

import pytest

from data_pipeline.local.environment import SANDBOX_KEY, SANDBOX_SECRET
from data_pipeline.local.families import Family
from data_pipeline.local.home import Home
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from tests.support.market_facts import listed
from tests.support.project import ROOT

pytestmark = pytest.mark.timeout(900)
"""Two runs of a whole day on a machine that is busy with something else."""

WATCHED = "005930,000660,069500"
NO_PROXY_THERE = "http://127.0.0.1:9"
"""What the environment names as its proxy; what runs on this machine is never asked through it."""
SESSION = date(2026, 11, 25)
"""A Wednesday; the market's clock stands on its evening."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs into one new folder: what each printed, what each left in its summary, and the folder."""
    home = tmp_path_factory.mktemp("home")
    environ = {
        **os.environ,
        "DATA_PIPELINE_HOME": str(home),
        "WATCH_LIST": WATCHED,
        "MARKET_CLOCK": f"{SESSION}T20:40+09:00",
        "HTTP_PROXY": NO_PROXY_THERE,
        "HTTPS_PROXY": NO_PROXY_THERE,
        "NO_PROXY": "",
        "no_proxy": "",
    }
    del environ["COORDINATION_URL"]
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "data_pipeline", "run"],
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found.append((done.stdout, json.loads((home / "run" / "summary.json").read_text())))
    yield home, environ, found
    EmbeddedPostgres(home / "postgres").destroy()


def rows(summary: dict, count: str) -> dict[str, int]:
    """Return one count of each load."""
    return {f"{one['dag_id']} {one['dataset']}": one[count] for one in summary["loaded"]}


def test_nothing_is_missing_after_the_first_run(runs):
    """Instruments, the whole market's bars, 100 sessions of history and the books are all there."""
    _, _, [(printed, first), _] = runs
    assert [gap["missing"] for gap in first["gaps"]] == [0, 0, 0, 0]
    loaded = rows(first, "inserted")
    assert loaded["market_reference instrument"] == loaded["daily_bars daily_bar"] == len(listed(SESSION))
    assert loaded["backfill daily_bar"] == 3 * 99  # the newest session was there already
    assert loaded["order_books order_book"] == 3
    assert "Everything expected is there" in printed


def test_the_whole_market_costs_thirty_issues_a_call(runs):
    """About 2,760 instruments are 92 or 93 calls, and the quota leaves room for little more."""
    _, _, [(_, first), _] = runs
    assert len(listed(SESSION)) / 30 <= rows(first, "requests")["daily_bars daily_bar"] <= 105


def test_the_second_run_changes_nothing(runs):
    """Every row of the first run comes again and is left as it is; the history is there and is not asked for again."""
    _, _, [(_, first), (_, second)] = runs
    assert sum(rows(second, "inserted").values()) == 0
    assert sum(rows(second, "updated").values()) == 0
    assert rows(second, "unchanged") == {
        name: count + rows(first, "unchanged")[name]
        for name, count in rows(first, "inserted").items()
        if name != "backfill daily_bar"
    }


def test_what_a_run_loaded_is_proved(runs):
    """Bars of a hundred sessions and one session's books are as they were sealed, and contradict no proof."""
    _, environ, _ = runs
    asked = [sys.executable, "-m", "data_pipeline", "verify", "--json"]
    answer = json.loads(subprocess.run(asked, env=environ, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert answer["findings"] == answer["contradictions"] == []
    assert answer["rows"] == len(listed(SESSION)) + 3 * 99 + 3


def test_rows_say_that_they_are_made_up(runs):
    """Without credentials every bar comes from the emulator and says `kis-sandbox`."""
    _, environ, _ = runs
    question = "SELECT DISTINCT source FROM daily_bar"
    asked = [sys.executable, "-m", "data_pipeline", "sql", question]
    answer = subprocess.run(asked, env=environ, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "kis-sandbox" in answer
    assert "1 row" in answer


def test_no_secret_is_written_to_a_log(runs):
    """Neither the key nor the secret stands in any log or summary."""
    home, _, _ = runs
    for file in [*home.glob("logs/**/*"), *home.glob("run/*")]:
        if file.is_file():
            text = file.read_text(errors="replace")
            assert SANDBOX_KEY not in text, file
            assert SANDBOX_SECRET not in text, file


def test_a_statement_that_writes_is_refused(runs):
    """`sql` asks with a role that can only read."""
    _, environ, _ = runs
    asked = [sys.executable, "-m", "data_pipeline", "sql", "DELETE FROM daily_bar"]
    refused = subprocess.run(asked, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "read-only" in refused.stderr


@pytest.fixture(scope="module")
def command(runs):
    """Run a command on what the runs made, without any key; its exit code and what it printed."""
    _, environ, _ = runs

    def ask(*words):
        asked = [sys.executable, "-m", "data_pipeline", *words]
        done = subprocess.run(asked, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    return ask


@pytest.mark.thorough
def test_a_plan_without_a_key_is_priced_for_the_emulator(command):
    """One instrument's 82 sessions before those of the run are a page of 100, and the mock would ask for none."""
    words = ("--dataset", "daily_bar", "--codes", "005930", "--first", "2026-03-02", "--last", "2026-06-30")
    code, printed = command("backfill", *words, "--dry-run")
    assert (code, "kis-sandbox" in printed, " 1 request" in printed) == (0, True, True), printed


@pytest.mark.slow
def test_what_a_backfill_adds_comes_from_the_source_of_the_run(command):
    """Minutes stand beside the bars of the run and are of the same market."""
    words = ("--dataset", "minute_bar", "--codes", "005930", "--first", f"{SESSION}")
    code, printed = command("backfill", *words)
    assert (code, "Everything of the range is there" in printed) == (0, True), printed
    _, printed = command("sql", "SELECT string_agg(DISTINCT source, ' and ') AS told, count(*) FROM minute_bar")
    assert "kis-sandbox" in printed
    assert "mock" not in printed
    assert "381" in printed


@pytest.mark.slow
def test_the_budget_without_a_key_is_that_of_the_emulator_that_was_asked(command):
    """A plan sends nothing; a day's 381 minutes are four pages of 120, after one call that tells the newest session."""
    words = ("--dataset", "minute_bar", "--codes", "000660", "--first", f"{SESSION}")
    assert command("backfill", *words)[0] == 0
    code, printed = command("budget")
    assert (code, "kis-sandbox" in printed) == (0, True), printed
    assert re.search(r"0\.\d\d s │ 5 │", printed), printed


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("quarantine", "list"), "0 rows in quarantine"),
        (("quarantine", "retry"), "Nothing is in quarantine."),
        (("adjust",), "0 adjustments changed"),
        (("coverage", "--dataset", "daily_bar", "--first", f"{SESSION}"), "daily_bar"),
        (("migrate",), ""),
    ],
)
def test_every_command_works_on_what_a_run_made(command, words, told):
    """Without a key, and in the database that the run filled."""
    code, printed = command(*words)
    assert code != 2, printed
    assert told in printed


def test_a_run_leaves_no_process(runs):
    """Neither Airflow nor the emulator nor Postgres, nor the processes that look after them."""
    home, _, _ = runs
    assert not EmbeddedPostgres(home / "postgres").running
    assert Family(Home(home), "run").members() == []
