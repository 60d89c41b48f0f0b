"""Every command without a key, in its form for programs, on a warehouse that holds nothing yet."""

import json

import pytest

from data_pipeline.cli import _parser, main
from data_pipeline.local.parser import leaves
from tests.support.project import ROOT

FIRST, LAST = "2026-11-02", "2026-11-30"
CALENDAR = ["--source", "a notice"]
CALLS = {
    "status": (["status"], 1),
    "down": (["down"], 0),
    "migrate": (["migrate", "--dry-run"], 0),
    "quote": (["quote", "005930", "--source", "mock"], 0),
    "book": (["book", "005930", "--source", "mock"], 0),
    "bars": (["bars", "005930"], 2),
    "backfill": (["backfill", "--dataset", "trading_session", "--first", FIRST, "--dry-run"], 0),
    "coverage": (["coverage"], 1),
    "gaps": (["gaps"], 1),
    "verify": (["verify"], 0),
    "calendar show": (["calendar", "show", "2026"], 0),
    "calendar year": (["calendar", "year", "2040", "no-such-file.csv", *CALENDAR], 2),
    "calendar close": (["calendar", "close", "2027-03-03", "a closure", *CALENDAR], 0),
    "calendar open": (["calendar", "open", "2027-05-05", *CALENDAR], 0),
    "calendar late": (["calendar", "late", "2027-11-24", *CALENDAR], 0),
    "calendar undo": (["calendar", "undo", "2027-11-24"], 0),
    "airflow install": (["airflow", "install", "--dags-folder", "{folder}/dags"], 0),
    "export": (["export", "daily_bars", "--first", FIRST, "--last", LAST, "-o", "{folder}/bars.parquet"], 2),
    "archive": (["archive"], 0),
    "unarchive": (["unarchive", "minute_bar", "2026-09"], 2),
    "cache": (["cache", "clear"], 0),
    "budget": (["budget"], 0),
    "metrics": (["metrics", "--once"], 0),
    "mcp": (["mcp"], 0),
    "sql": (["sql", "SELECT 1 AS one"], 0),
    "doctor": (["doctor"], 0),
    "quarantine": (["quarantine", "list"], 0),
    "adjust": (["adjust"], 2),
    "completion": (["completion", "bash"], 0),
}
"""By command what is typed, and how it ends: 1 something is not there, 2 it cannot be done with nothing."""
ELSEWHERE = {
    "run": "tests/integration/local/test_run.py",
    "up": "tests/integration/local/test_down.py",
    "backup": "tests/integration/local/test_backup.py",
    "restore": "tests/integration/local/test_backup.py",
    "replay": "tests/unit/emulator/test_replay.py",
    "stream": "tests/unit/stream/test_service.py",
    "emulator": "tests/unit/emulator/test_process.py",
}


@pytest.fixture(scope="module")
def keyless(shared, tmp_path_factory, market_time):
    """An installation without keys on a migrated warehouse without rows, in this process; its folder."""
    folder = tmp_path_factory.mktemp("keyless")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "MARKET_DB_URL": shared.url("owner"),
            "MARKET_READER_URL": shared.url("reader"),
            "COORDINATION_URL": (folder / "coordination").as_uri(),
            "DATA_PIPELINE_HOME": str(folder),
            "MARKET_CLOCK": market_time,
        }.items():
            patch.setenv(name, value)
        yield folder


def test_no_command_is_left_out():
    """The table names each command that there is, and says where those are tested that start servers."""
    assert [path for path in ELSEWHERE.values() if not (ROOT / path).is_file()] == []
    known = {name.removeprefix("data-pipeline ") for name, _ in leaves(_parser())}
    assert known == CALLS.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("name", CALLS)
def test_without_a_key_it_prints_one_json_value(name, keyless, capfd):
    """Nothing else stands on standard output; an error is an object too."""
    words, code = CALLS[name]
    assert main([*(word.format(folder=keyless) for word in words), "--json"]) == code
    told = json.loads(capfd.readouterr().out)
    assert ("error" in told) == (code == 2)


def test_an_empty_warehouse_explains_itself(keyless, capfd):
    """Nothing is missing of nothing, which is no success for whoever waits for data: exit code 1, and what to do."""
    assert main(["coverage"]) == 1
    assert "nothing was ever loaded for these days. `data-pipeline run` loads" in " ".join(
        capfd.readouterr().out.split()
    )
    assert main(["status"]) == 1
    assert "MISSING warehouse: nothing was ever loaded" in capfd.readouterr().out


@pytest.mark.parametrize("command", ["coverage", "gaps"])
def test_a_first_day_after_the_last_final_session_is_not_called_reversed(command, keyless, capfd):
    """The clock stands on 1 December 2026; nobody named an end that the beginning could be after."""
    assert main([command, "--first", "2027-01-04"]) == 2
    assert "--first 2027-01-04 is after the last final session, 2026-12-01" in capfd.readouterr().err
    assert main([command, "--first", "2026-11-30", "--last", "2026-11-02"]) == 2
    assert "reversed" in capfd.readouterr().err


@pytest.mark.parametrize(
    "words", [["quote", "005930"], ["backfill", "--dataset", "daily_bar", "--first", FIRST]], ids=lambda words: words[0]
)
def test_a_source_that_is_none_names_those_there_are(words, keyless, capfd):
    """Before anything is asked or started."""
    assert main([*words, "--source", "foo"]) == 2
    assert "source must be one of auto, kis, krx, mock, not 'foo'" in capfd.readouterr().err
