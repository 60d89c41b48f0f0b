"""The exchange's calendar against answers written by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.exceptions import CalendarRangeError, ConfigurationError
from data_pipeline.market.calendar_facts import read_facts
from data_pipeline.market.once_a_day import OnceADay
from data_pipeline.market.trading_calendar import DATA_FILE, SEOUL, TradingCalendar, krx_calendar
from tests.support.project import SAMPLES

CLOSURE_LIST = SAMPLES / "krx" / "closures.json"

# Counted with exchange_calendars 4.13.2 (2001 to 2025); 261 weekdays less 17 and 16 closures (2026, 2027), 260 less 18
# (2028) and 261 less 17 (2040).
SESSIONS_A_YEAR = {
    2001: 246, 2002: 244, 2003: 247, 2004: 249, 2005: 249, 2006: 247, 2007: 246, 2008: 248, 2009: 253,
    2010: 251, 2011: 248, 2012: 248, 2013: 247, 2014: 245, 2015: 248, 2016: 246, 2017: 243, 2018: 244,
    2019: 246, 2020: 248, 2021: 248, 2022: 246, 2023: 245, 2024: 244, 2025: 242, 2026: 244, 2027: 245, 2028: 242,
    2040: 244,
}  # fmt: skip

calendar = krx_calendar()
covered_days = st.dates(date(2001, 1, 10), date(2040, 12, 20))


def seoul(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """A moment in Seoul."""
    return datetime(year, month, day, hour, minute, second, tzinfo=SEOUL)


@pytest.mark.parametrize(
    "day",
    [
        date(2024, 10, 1),  # Armed Forces Day, once
        date(2025, 1, 27),  # temporary holiday before Seollal
        date(2025, 6, 3),  # presidential election
        date(2026, 6, 3),  # local elections
        date(2026, 7, 17),  # Constitution Day, a holiday again
        date(2024, 12, 31),  # the exchange's own closing at the year's end
        date(2016, 12, 30),  # the same, when 12-31 is a Saturday
        date(2026, 11, 21),  # a Saturday
        date(2027, 5, 3),  # substitute of Labor Day
        date(2027, 7, 19),  # substitute of Constitution Day
        date(2002, 7, 1),  # after the World Cup, once
        date(2005, 4, 5),  # Arbor Day, for the last time
        date(2007, 7, 17),  # Constitution Day, for the last time before 2026
        date(2007, 12, 19),  # presidential election
        date(2009, 10, 2),  # the day before a Chuseok that fell on a Saturday
    ],
)
def test_closed_day(day: date) -> None:
    """The market does not trade on holidays, elections, the last weekday of the year and weekends."""
    assert not calendar.is_session(day)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 7, 16),
        date(2024, 9, 30),
        date(2026, 11, 19),
        date(2026, 12, 30),
        date(2015, 7, 17),
        date(2006, 4, 5),
        date(2008, 7, 17),
    ],
)
def test_open_day(day: date) -> None:
    """Days beside holidays, examination days, and Constitution Day before it became a holiday again are sessions."""
    assert calendar.is_session(day)


@pytest.mark.parametrize(("year", "count"), SESSIONS_A_YEAR.items())
def test_sessions_of_a_year(year: int, count: int) -> None:
    """Each year has the number of sessions that independent sources count."""
    assert len(calendar.sessions(date(year, 1, 1), date(year, 12, 31))) == count


def test_published_closures() -> None:
    """From 2016 to 2026 the closed weekdays are those that the exchange published, no more and no fewer."""
    published = {
        date.fromisoformat(f"{year}-{day}")
        for year, days in json.loads(CLOSURE_LIST.read_text(encoding="utf-8")).items()
        for day in days.split()
    }
    first = date(2016, 1, 1)
    days = [first + timedelta(days=number) for number in range((date(2026, 12, 31) - first).days + 1)]
    assert {day for day in days if day.weekday() < 5 and not calendar.is_session(day)} == published


@pytest.mark.parametrize(
    ("session", "opens", "closes"),
    [
        (date(2026, 11, 20), time(9), time(15, 30)),
        (date(2026, 11, 19), time(10), time(16, 30)),  # college entrance examination
        (date(2021, 11, 18), time(10), time(16, 30)),
        (date(2026, 1, 2), time(10), time(15, 30)),  # first session of the year
        (date(2024, 1, 2), time(10), time(15, 30)),
        (date(2016, 7, 29), time(9), time(15)),  # the last session that ended at 15:00
        (date(2016, 8, 1), time(9), time(15, 30)),
        (date(2015, 11, 12), time(10), time(16)),
        (date(2001, 1, 2), time(10), time(15)),  # first session of the first year
        (date(2001, 9, 11), time(9), time(15)),
        (date(2001, 9, 12), time(12), time(15)),  # after the attacks in the United States
        (date(2005, 11, 23), time(10), time(16)),  # an examination moved from Thursday for the APEC summit
    ],
)
def test_hours(session: date, opens: time, closes: time) -> None:
    """Sessions open and close at the published times of Seoul."""
    assert calendar.open_at(session) == datetime.combine(session, opens, SEOUL)
    assert calendar.close_at(session) == datetime.combine(session, closes, SEOUL)


def test_final_hour() -> None:
    """A day is final at 18:00, and since the after-market began on 2026-09-14 at 20:00."""
    assert calendar.final_at(date(2026, 9, 11)) == seoul(2026, 9, 11, 18)
    assert calendar.final_at(date(2026, 9, 14)) == seoul(2026, 9, 14, 20)


def test_after_market() -> None:
    """The exchange's after-market is open from 16:00 to 20:00 since 2026-09-14; before there was none."""
    assert calendar.after_market(date(2026, 9, 14)) == (seoul(2026, 9, 14, 16), seoul(2026, 9, 14, 20))
    assert calendar.after_market(date(2026, 9, 11)) is None


def test_nextrade() -> None:
    """Nextrade trades before, beside and after the exchange since 2025-03-04."""
    assert calendar.nxt_hours(date(2025, 2, 28)) == {}
    assert calendar.nxt_hours(date(2025, 3, 4)) == {
        "pre_market": (seoul(2025, 3, 4, 8), seoul(2025, 3, 4, 8, 50)),
        "main_market": (seoul(2025, 3, 4, 9, 0, 30), seoul(2025, 3, 4, 15, 20)),
        "closing_price": (seoul(2025, 3, 4, 15, 30), seoul(2025, 3, 4, 16)),
        "after_market": (seoul(2025, 3, 4, 15, 40), seoul(2025, 3, 4, 20)),
    }


@pytest.mark.parametrize("day", [date(2025, 11, 13), date(2026, 1, 2), date(2026, 11, 19)])
def test_hours_that_nobody_published(day: date) -> None:
    """How the other markets move on a day of special hours is not known, so there is an error and no guess."""
    with pytest.raises(CalendarRangeError, match=str(day)):
        calendar.nxt_hours(day)


def test_after_market_of_an_examination_day() -> None:
    """An after-market that begins at 16:00 would begin before the close of 16:30."""
    with pytest.raises(CalendarRangeError, match="2026-11-19"):
        calendar.after_market(date(2026, 11, 19))
    assert calendar.after_market(date(2026, 1, 2)) is None


def test_importing_it_brings_in_nothing_slow() -> None:
    """Neither `requests`, which the errors need, nor pandas nor Airflow is imported to know a session."""
    code = "import sys, data_pipeline.market.trading_calendar as c; c.krx_calendar(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"requests", "pandas", "airflow", "exchange_calendars", "rich"} & set(loaded)


def test_hours_of_a_closed_day() -> None:
    """Asking for the hours of a day that is not a session is an error that names the day."""
    with pytest.raises(CalendarRangeError, match="2026-06-03"):
        calendar.open_at(date(2026, 6, 3))


def test_neighbours() -> None:
    """The session before and after a day skip closures, and never answer with the day itself."""
    assert calendar.previous_session(date(2026, 9, 28)) == date(2026, 9, 23)
    assert calendar.next_session(date(2026, 9, 23)) == date(2026, 9, 28)
    assert calendar.next_session(date(2026, 12, 30)) == date(2027, 1, 4)


def test_range_includes_both_ends() -> None:
    """A range of sessions holds its first and last day when they are sessions."""
    assert calendar.sessions(date(2026, 7, 16), date(2026, 7, 20)) == [date(2026, 7, 16), date(2026, 7, 20)]
    assert calendar.sessions(date(2026, 11, 21), date(2026, 11, 22)) == []


@pytest.mark.parametrize(
    ("now", "session"),
    [
        (seoul(2026, 11, 20, 19, 59, 59), date(2026, 11, 19)),
        (seoul(2026, 11, 20, 20), date(2026, 11, 20)),
        (seoul(2026, 11, 22, 12), date(2026, 11, 20)),  # a Sunday
        (seoul(2026, 9, 11, 18), date(2026, 9, 11)),
        (datetime(2026, 11, 20, 11, 0, tzinfo=timezone.utc), date(2026, 11, 20)),
    ],
)
def test_last_final_session(now: datetime, session: date) -> None:
    """The last final session is the newest whose figures no longer change."""
    assert calendar.last_final_session(now) == session


@pytest.mark.parametrize(
    ("now", "session"),
    [
        (seoul(2026, 11, 20, 7, 59, 59), date(2026, 11, 19)),
        (seoul(2026, 11, 20, 8), date(2026, 11, 20)),
        (seoul(2026, 11, 23, 3), date(2026, 11, 20)),
        (seoul(2026, 6, 3, 12), date(2026, 6, 2)),
    ],
)
def test_quoted_session(now: datetime, session: date) -> None:
    """Quotes belong to the day from 08:00 of a session on, and to the session before until then."""
    assert calendar.quoted_session(now) == session


def test_naive_moment() -> None:
    """A moment without a zone is refused."""
    with pytest.raises(ValueError, match="aware"):
        calendar.quoted_session(datetime(2026, 11, 20, 12))


@pytest.mark.parametrize("day", [date(2000, 12, 31), date(2041, 1, 1)])
def test_year_not_covered(day: date) -> None:
    """A year without data is an error, not a year without holidays."""
    with pytest.raises(CalendarRangeError, match=str(day.year)):
        calendar.is_session(day)


def test_edges() -> None:
    """There is no session before the first or after the last one that is known."""
    with pytest.raises(CalendarRangeError, match="begins"):
        calendar.previous_session(date(2001, 1, 2))
    with pytest.raises(CalendarRangeError, match="ends"):
        calendar.next_session(date(2040, 12, 28))


def test_the_last_session_is_followed_by_a_new_year() -> None:
    """The market opens again on the first weekday after New Year's Day, although that year is not covered."""
    assert calendar.opens_again_on(date(2040, 12, 28)) == date(2041, 1, 2)
    assert calendar.opens_again_on(date(2040, 12, 31)) == date(2041, 1, 2)
    assert calendar.opens_again_on(date(2026, 12, 30)) == date(2027, 1, 4)
    with pytest.raises(CalendarRangeError, match="2041"):
        calendar.opens_again_on(date(2041, 1, 1))


def test_provisional_years() -> None:
    """The years that the exchange has not published say so."""
    assert calendar.provisional_years == set(range(2027, 2041))


def test_who_asks_about_a_provisional_year_is_told() -> None:
    """Each answer about one of its days is told, a range and a published year are not."""
    told: list[int] = []
    watched = TradingCalendar(facts(), told.append)
    watched.sessions(date(2026, 1, 1), date(2028, 12, 31))
    watched.is_session(date(2026, 12, 30))
    assert told == []
    watched.is_session(date(2027, 3, 2))
    watched.next_session(date(2027, 12, 30))
    watched.previous_session(date(2029, 1, 1))
    watched.last_final_session(seoul(2030, 1, 2, 21))
    assert list(dict.fromkeys(told)) == [2027, 2028, 2030]


def test_a_thing_is_said_once_a_day() -> None:
    """Not again within 24 hours, then again; another thing has a day of its own."""
    now = [1000.0]
    due = OnceADay(lambda: now[0])
    assert [due(2027), due(2027), due(2028)] == [True, False, True]
    now[0] += 86_399
    assert not due(2027)
    now[0] += 1
    assert due(2027)


@pytest.mark.thorough
@given(covered_days)
def test_neighbours_undo_each_other(day: date) -> None:
    """From any day, the session after the session before is the first session not before that day."""
    after = calendar.next_session(calendar.previous_session(day))
    assert after == (day if calendar.is_session(day) else calendar.next_session(day))


@given(covered_days)
def test_final_after_close(day: date) -> None:
    """Every session opens before it closes and closes before it is final, all on its own day."""
    session = calendar.next_session(day)
    times = [calendar.open_at(session), calendar.close_at(session), calendar.final_at(session)]
    assert times == sorted(set(times))
    assert {moment.date() for moment in times} == {session}


def facts() -> dict[str, Any]:
    """The data file as shipped."""
    parsed: dict[str, Any] = json.loads(DATA_FILE.read_text(encoding="utf-8"))
    return parsed


def test_missing_file(tmp_path: Path) -> None:
    """Without its data file there is no calendar."""
    with pytest.raises(ConfigurationError, match=r"absent\.json"):
        read_facts(tmp_path / "absent.json")


def test_broken_file(tmp_path: Path) -> None:
    """A data file that is not JSON stops with the file's name."""
    path = tmp_path / "broken.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"broken\.json"):
        read_facts(path)


@pytest.mark.parametrize(
    "key",
    ["closures", "provisional", "late_days", "other_opens", "regular_close", "day_is_final_at", "after_market", "nxt"],
)
def test_missing_fact(key: str) -> None:
    """A data file without one of its parts stops."""
    broken = facts()
    del broken[key]
    with pytest.raises(ConfigurationError, match="unusable"):
        TradingCalendar(broken)


@pytest.mark.parametrize(
    "closures",
    [
        {},
        {"2024": {}, "2026": {}},  # a year is missing
        {"2026": {"02-30": "no such day"}},
        {"2026": {"11-21": "a Saturday"}},
        {"2026": ["01-01"]},
        None,
    ],
)
def test_unusable_closures(closures: object) -> None:
    """Closures with a gap, an impossible day or a weekend stop instead of giving wrong sessions."""
    with pytest.raises(ConfigurationError, match="unusable"):
        TradingCalendar({**facts(), "closures": closures})


@pytest.mark.parametrize(
    "hours",
    [
        {"after_market": {"2026-09-14": ["20:00", "16:00"]}},
        {"after_market": {"2026-09-14": ["16:00"]}},
        {"nxt": {"2025-03-04": {"pre_market": ["8", "9"]}}},
        {"regular_close": {"2016-08-01": "15:30"}},  # nothing is said of 2001
    ],
)
def test_unusable_hours(hours: dict[str, Any]) -> None:
    """Hours that end before they begin, or that do not reach back to the first year, stop."""
    with pytest.raises(ConfigurationError, match="unusable"):
        TradingCalendar({**facts(), **hours})
