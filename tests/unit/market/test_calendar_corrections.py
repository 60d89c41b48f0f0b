"""Corrections of the trading calendar: entered by the command, seen by everything at its next look, taken back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

import pendulum
import pytest
from airflow.timetables.base import DataInterval, TimeRestriction

from data_pipeline.cli import main
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.local.plan import make_plan
from data_pipeline.market.calendar_changes import CorrectionsFile
from data_pipeline.market.state_folder import corrections_path
from data_pipeline.market.trading_calendar import DATA_FILE, SEOUL, krx_calendar
from data_pipeline.timetables import KrxSessionTimetable

ENTRY = {"about": "2028-03-03", "kind": "open", "source": "x", "entered_by": "command", "entered_at": "2027-12-30"}
SHIPPED = DATA_FILE.read_bytes()
NOW = datetime(2027, 12, 30, 20, 40, tzinfo=SEOUL)
FRIDAY, MONDAY, TUESDAY = date(2028, 3, 3), date(2028, 3, 6), date(2028, 3, 7)
"""Ordinary sessions of a provisional year."""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where corrections are kept, at a moment at which 2028 lies ahead; the shipped file never changes."""
    path = tmp_path / "state" / "calendar.json"
    monkeypatch.setenv("CALENDAR_CORRECTIONS", str(path))
    monkeypatch.setenv("MARKET_CLOCK", "2027-12-30T20:40")
    yield path
    assert DATA_FILE.read_bytes() == SHIPPED


def run(*words: object) -> int:
    """Type `data-pipeline calendar ...`."""
    return main(["calendar", *map(str, words)])


def following(day: date) -> date:
    """The session whose run a timetable makes after that of a day."""
    timetable = KrxSessionTimetable(time(20, 30), clock=lambda: pendulum.instance(NOW))
    start = pendulum.instance(datetime.combine(day, time.min, SEOUL))
    info = timetable.next_dagrun_info(
        last_automated_data_interval=DataInterval(start, start.add(days=1)),
        restriction=TimeRestriction(None, None, catchup=True),
    )
    assert info is not None
    return date.fromisoformat(info.data_interval.start.in_timezone("Asia/Seoul").to_date_string())


def test_a_closed_day_counts_at_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Calendar and timetables of a running process follow, the file says where it was read, and undo takes it back."""
    assert following(date(2028, 3, 2)) == FRIDAY
    assert run("close", FRIDAY, "Temporary holiday", "--source", "notice of 2028-01-15") == 0
    assert not krx_calendar().is_session(FRIDAY)
    assert following(date(2028, 3, 2)) == MONDAY
    assert "2028-03-03 closed from now on" in capsys.readouterr().out
    (entry,) = json.loads(file.read_text("utf-8"))["corrections"]
    assert (entry["source"], entry["entered_by"], entry["entered_at"][:10]) == (
        "notice of 2028-01-15", "command", "2027-12-30",
    )  # fmt: skip
    assert run("undo", FRIDAY) == 0
    assert "2028-03-03 open from now on" in capsys.readouterr().out
    assert following(date(2028, 3, 2)) == FRIDAY


@pytest.mark.thorough
def test_the_other_corrections(tmp_path: Path) -> None:
    """A cancelled holiday opens a day, an examination delays one, a published list ends a provisional year."""
    assert run("open", "2028-05-02", "--source", "notice") == 0
    assert run("late", "2028-11-16", "--source", "ministry") == 0
    assert krx_calendar().is_session(date(2028, 5, 2))
    assert krx_calendar().open_at(date(2028, 11, 16)).hour == 10
    listed = tmp_path / "2028.csv"
    names = json.loads(SHIPPED)["closures"]["2028"]
    listed.write_text("".join(f"2028-{day},{name}\n" for day, name in names.items() if day != "10-05"), "utf-8")
    assert run("year", 2028, listed, "--source", "published") == 0
    assert krx_calendar().is_session(date(2028, 10, 5))
    assert 2028 not in krx_calendar().provisional_years
    assert run("undo", 2028) == 0
    assert 2028 in krx_calendar().provisional_years
    assert krx_calendar().is_session(date(2028, 5, 2))


def test_a_year_beyond_the_calendar(tmp_path: Path) -> None:
    """The year after the last one can be added, so that nobody waits for a release."""
    days = ["01-01", "02-01", "02-04", "03-01", "05-01", "05-06", "05-07", "06-06", "07-17", "09-10", "12-25", "12-31"]
    listed = tmp_path / "2041.csv"
    listed.write_text("".join(f"2041-{day},closed\n" for day in days), "utf-8")
    assert run("year", 2041, listed, "--source", "published") == 0
    assert krx_calendar().last_day == date(2041, 12, 31)
    assert krx_calendar().next_session(date(2040, 12, 28)) == date(2041, 1, 2)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["close", "2028-03-04", "a Saturday", "--source", "x"], "weekend"),
        (["close", "2028-05-02", "again", "--source", "x"], "closed already"),
        (["close", "2041-03-04", "beyond", "--source", "x"], "does not cover 2041"),
        (["close", "2028-03-03", " ", "--source", "x"], "say why 2028-03-03 is closed"),
        (["close", "2028-03-03", "holiday", "--source", " "], "where the fact was read"),
        (["open", "2028-03-03", "--source", "x"], "not among the closed days"),
        (["open", "2028-12-29", "--source", "x"], "the exchange always closes it"),
        (["late", "2028-05-02", "--source", "x"], "not a session"),
        (["late", "2041-11-15", "--source", "x"], "does not cover 2041"),
        (["close", "2027-12-29", "in the past", "--source", "x"], "2027-12-29 is not ahead"),
        (["undo", "2028-03-03"], "no correction about 2028-03-03"),
    ],
)
def test_what_cannot_be_right_is_refused(
    file: Path, words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence says why, and nothing is written; a day that is not ahead is closed only if the warehouse agrees."""
    assert run(*words) == 2
    assert reason in capsys.readouterr().err.replace("\n", " ")
    assert not file.exists()


def test_show_says_what_was_corrected(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The year as it counts, each correction with its source, and where they are kept."""
    run("close", FRIDAY, "Temporary holiday", "--source", "notice of 2028-01-15")
    capsys.readouterr()
    assert run("show", 2028) == 0
    printed = capsys.readouterr().out
    assert "2028: 241 sessions, provisional" in printed
    assert "2028-03-03 closed  Temporary holiday" in printed
    assert "corrected, 2028-03-03 closed (command, 2027-12-30T" in printed  # the clock has run on since another file
    assert f"Corrections are kept in {file}" in printed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"corrections": []}',
        '{"corrections": [{"about": "2028-03-03"}], "disbelieved": []}',
        json.dumps({"corrections": [{**ENTRY, "about": "2028-3-3"}], "disbelieved": []}),
        json.dumps({"corrections": [{**ENTRY, "kind": "opened"}], "disbelieved": []}),
    ],
)
def test_damaged_corrections_stop(file: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They are never taken for none: an error names the file, timetables make no run, and no change starts from it."""
    file.parent.mkdir()
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=r"calendar\.json cannot be used"):
        krx_calendar()
    timetable = KrxSessionTimetable(time(20, 30), clock=lambda: pendulum.instance(NOW))
    restriction = TimeRestriction(None, None, catchup=False)
    assert timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction) is None
    assert run("close", FRIDAY, "holiday", "--source", "x") == 2
    assert "cannot be used" in capsys.readouterr().err.replace("\n", " ")
    assert file.read_text("utf-8") == text


def test_a_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the file and the variable that moves it."""
    monkeypatch.setenv("CALENDAR_CORRECTIONS", "/proc/nowhere/calendar.json")
    assert run("close", FRIDAY, "holiday", "--source", "x") == 2
    assert "Name another file with CALENDAR_CORRECTIONS" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        (
            {"CALENDAR_CORRECTIONS": "/srv/calendar.json", "COORDINATION_URL": "file:///run/shared"},
            "/srv/calendar.json",
        ),
        ({"COORDINATION_URL": "file:///run/shared", "HOME": "/home/u"}, "/run/shared/calendar.json"),
        (
            {"COORDINATION_URL": "redis://:secret@redis:6379/1", "XDG_STATE_HOME": "/var/state"},
            "/var/state/data-pipeline/coordination/calendar.json",
        ),
        ({"HOME": "/home/u"}, "/home/u/.local/state/data-pipeline/coordination/calendar.json"),
    ],
)
def test_where_they_are_kept(environ: dict[str, str], path: str) -> None:
    """Where the variable says, else beside the shared state, else where that is by default."""
    assert str(corrections_path(environ)) == path


def answered(file: Path, answers: dict[date, bool]) -> list[date]:
    """Let a source's answers in, as the calendar check does."""
    return CorrectionsFile(file, NOW, lambda _: None).follow(answers, "a source")


def test_an_answer_corrects_provisional_years_only(file: Path) -> None:
    """Of 2026, which is published, and of weekends, nothing changes; what is right already is not entered."""
    answers = {date(2026, 12, 30): False, FRIDAY: False, date(2028, 3, 4): True, MONDAY: True, date(2028, 5, 2): True}
    assert answered(file, answers) == [FRIDAY, date(2028, 5, 2)]
    assert not krx_calendar().is_session(FRIDAY)
    assert krx_calendar().is_session(date(2028, 5, 2))
    assert krx_calendar().is_session(date(2026, 12, 30))


def test_an_answer_ends_with_the_published_list(file: Path, tmp_path: Path) -> None:
    """When the exchange has published the year, its list counts and not what was answered before."""
    answered(file, {FRIDAY: False})
    listed = tmp_path / "2028.csv"
    listed.write_text("".join(f"2028-{day},{name}\n" for day, name in json.loads(SHIPPED)["closures"]["2028"].items()))
    assert run("year", 2028, listed, "--source", "published") == 0
    assert krx_calendar().is_session(FRIDAY)
    assert answered(file, {FRIDAY: False}) == []


def test_an_answer_ends_with_a_release_that_has_the_year(file: Path, tmp_path: Path) -> None:
    """A package that ships the published year is right against what was answered before, and a person against both."""
    answered(file, {FRIDAY: False})
    run("close", MONDAY, "Temporary holiday", "--source", "notice")
    facts = json.loads(SHIPPED)
    facts["provisional"].remove(2028)
    release = tmp_path / "release.json"
    release.write_text(json.dumps(facts), "utf-8")
    closures = CorrectionsFile(file, NOW, lambda _: None, release).facts()["closures"]["2028"]
    assert "03-03" not in closures
    assert closures["03-06"] == "Temporary holiday"


def test_an_answer_that_was_taken_back_does_not_come_again(file: Path) -> None:
    """A person has the last word."""
    answered(file, {FRIDAY: False})
    assert run("undo", FRIDAY) == 0
    assert answered(file, {FRIDAY: False, MONDAY: False}) == [MONDAY]
    assert krx_calendar().is_session(FRIDAY)


def test_an_answer_with_many_differences_is_not_believed(file: Path) -> None:
    """A server that calls everything closed closes nothing."""
    week = {date(2028, 3, day): False for day in (6, 7, 8, 9)}
    with pytest.raises(ConfigurationError, match="4 days"):
        answered(file, week)
    assert not file.exists()


@pytest.mark.thorough
def test_a_provisional_year_warns_once_a_day() -> None:
    """However often it is used, also when the calendar is read anew, one process warns once, and says what to do."""
    program = f"""
from datetime import date
from data_pipeline.cli import main
from data_pipeline.trading_calendar import krx_calendar
for day in ("{MONDAY}", "{TUESDAY}"):
    for _ in range(3):
        krx_calendar().is_session(date(2039, 3, 4))
    assert main(["calendar", "close", day, "holiday", "--source", "x"]) == 0
krx_calendar().is_session(date(2039, 3, 4))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    (message,) = [line for line in done.stderr.splitlines() if "of 2039 is provisional" in line]
    assert "data-pipeline calendar year 2039 FILE" in message


def test_the_plan_follows() -> None:
    """`make run` loads the session before a day that was closed."""
    evening = datetime(2028, 3, 3, 21, 0, tzinfo=SEOUL)
    assert make_plan(evening, "", {}).session == FRIDAY
    run("close", FRIDAY, "Temporary holiday", "--source", "notice")
    assert make_plan(evening, "", {}).session == date(2028, 3, 2)
