"""Bringing the calendar's file up to date, by the command that users type."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from data_pipeline.cli import main
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.calendar_facts import read_facts
from data_pipeline.market.calendar_file import as_text, check_facts
from data_pipeline.market.trading_calendar import DATA_FILE, TradingCalendar

YEAR_2028 = """일자 및 요일,요일구분,비고
2028-01-26(수),수요일,설날
2028-01-27(목),목요일,설날
2028-01-28(금),금요일,설날
2028-03-01(수),수요일,삼일절
2028-04-12(수),수요일,국회의원선거일
2028-05-01(월),월요일,근로자의날
2028-05-02(화),화요일,부처님오신날
2028-05-05(금),금요일,어린이날
2028-06-06(화),화요일,현충일
2028-12-29(금),금요일,연말휴장일
"""
"""Ten closed days of 2028, in the form of the exchange's own list."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A copy of the shipped calendar that ends with 2027, the one year in it that is not published."""
    facts = read_facts(DATA_FILE)
    facts["closures"] = {year: days for year, days in facts["closures"].items() if year <= "2027"}
    facts["provisional"] = [2027]
    path = tmp_path / "sessions.json"
    path.write_text(as_text(facts), "utf-8")
    return path


@pytest.fixture
def closures(tmp_path: Path) -> Path:
    """The list of a year that the calendar does not cover yet."""
    path = tmp_path / "closed.csv"
    path.write_text(YEAR_2028, "cp949")
    return path


def run(*words: object) -> int:
    """Type `data-pipeline calendar ...`."""
    return main(["calendar", *map(str, words)])


def test_the_shipped_file_passes_its_own_check() -> None:
    """It stands as the command would write it, so that a change shows as a change of its lines alone."""
    facts = read_facts(DATA_FILE)
    check_facts(facts)
    assert as_text(facts) == DATA_FILE.read_text("utf-8")


def test_a_new_year(file: Path, closures: Path) -> None:
    """The exchange's list of the next year makes it known; its source is kept beside it and it is not provisional."""
    assert run("year", 2028, closures, "--source", "list of the exchange, 2027-12-20", "--file", file) == 0
    calendar = TradingCalendar(read_facts(file))
    assert calendar.last_day == date(2028, 12, 31)
    assert not calendar.is_session(date(2028, 4, 12))
    assert calendar.is_session(date(2028, 12, 28))
    assert calendar.provisional_years == {2027}
    facts = json.loads(file.read_text("utf-8"))
    assert facts["closures"]["2028"]["01-26"] == "설날"
    assert facts["source"]["2028"] == "list of the exchange, 2027-12-20"
    assert facts["source"]["2016-2026"]


def test_a_published_list_ends_a_provisional_year(file: Path, tmp_path: Path) -> None:
    """The same closures, now published: only the provisional mark and the source change."""
    shipped = read_facts(file)["closures"]["2027"]
    listed = tmp_path / "2027.csv"
    listed.write_text("\n".join(f"2027{day.replace('-', '')},{name}" for day, name in shipped.items()), "utf-8")
    assert run("year", 2027, listed, "--source", "published", "--file", file) == 0
    facts = read_facts(file)
    assert facts["closures"]["2027"] == shipped
    assert facts["provisional"] == []
    assert facts["source"]["2027"] == "published"


def test_single_days(file: Path) -> None:
    """An election closes a day, a cancelled holiday opens one, an examination delays one."""
    assert run("close", "2027-03-03", "Presidential election", "--source", "notice A", "--file", file) == 0
    assert run("open", "2027-05-03", "--source", "notice B", "--file", file) == 0
    assert run("late", "2027-06-10", "--source", "notice C", "--file", file) == 0
    calendar = TradingCalendar(read_facts(file))
    assert not calendar.is_session(date(2027, 3, 3))
    assert calendar.is_session(date(2027, 5, 3))
    assert calendar.open_at(date(2027, 6, 10)).hour == 10
    source = read_facts(file)["source"]
    assert (source["2027-03-03"], source["2027-05-03"], source["2027-06-10 late"]) == (
        "notice A",
        "notice B",
        "notice C",
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["close", "2027-03-06", "a Saturday"], "weekend"),
        (["close", "2026-12-25", "Christmas"], "closed already"),
        (["close", "2028-03-03", "a year ahead"], "does not cover 2028"),
        (["open", "2027-03-03"], "not among the closed days"),
        (["open", "2026-12-31"], "the exchange always closes it"),
        (["late", "2026-12-25"], "not a session"),
    ],
    ids=["weekend", "closed", "uncovered", "open", "year's end", "late holiday"],
)
def test_a_broken_file_is_refused(
    file: Path, words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Facts that cannot be right are named, and the old file stays as it is."""
    before = file.read_bytes()
    assert run(*words, "--source", "x", "--file", file) == 2
    assert reason in capsys.readouterr().err
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("year", "text", "reason"),
    [
        (2028, "2028-01-26,Seollal\n", "1 closed weekdays"),
        (2028, YEAR_2028.replace("2028-12-29(금),금요일,연말휴장일\n", "2028-10-03(화),화요일,개천절\n"), "2028-12-29"),
        (2028, YEAR_2028.replace("2028-06-06", "2029-06-06"), "not a day of 2028"),
        (2028, YEAR_2028.replace("2028-06-06", "2028-06-31"), "not a day"),
        (2028, "2028-01-26\n", "why 2028-01-26 is closed"),
        (2028, "no days at all\n", "0 closed weekdays"),
        (2029, YEAR_2028.replace("2028-", "2029-"), "closures on a weekend"),
        (2030, YEAR_2028.replace("2028-", "2030-").replace("2030-01-26", "2030-01-25"), "unusable"),
    ],
    ids=["too few", "no year's end", "other year", "no such day", "no name", "empty", "weekend", "gap"],
)
def test_a_broken_list_is_refused(
    file: Path, closures: Path, year: int, text: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list that is not a year's whole list leaves the old file as it is."""
    closures.write_text(text, "utf-8")
    before = file.read_bytes()
    assert run("year", year, closures, "--source", "x", "--file", file) == 2
    assert reason in capsys.readouterr().err.replace("\n", " ")
    assert file.read_bytes() == before


def test_an_odd_opening_is_of_a_session() -> None:
    """An opening that follows no rule, noted under a closed day, is refused."""
    with pytest.raises(ConfigurationError, match="2001-12-25"):
        check_facts({**read_facts(DATA_FILE), "other_opens": {"2001-12-25": "12:00"}})


def test_a_fact_needs_a_source(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word on where it was read, nothing is written."""
    assert run("close", "2027-03-03", "election", "--source", " ", "--file", file) == 2
    assert "where the fact was read" in capsys.readouterr().err
    assert not read_facts(file)["source"].get("2027-03-03")


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    """A year's closed days, special hours and sources, and the number of its sessions."""
    assert run("show", 2026) == 0
    printed = capsys.readouterr().out
    assert "2026: 244 sessions" in printed
    assert "2026-07-17 closed  Constitution Day" in printed
    assert "2026-11-19 10:00 to 16:30" in printed
    assert "read 2026-08-22" in printed


def test_a_damaged_file_stops(file: Path) -> None:
    """A change never starts from a file that is broken already."""
    facts = read_facts(file)
    facts["late_days"].append("2026-12-25")
    with pytest.raises(ConfigurationError, match="not a session"):
        check_facts(facts)
