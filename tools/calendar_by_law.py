"""Works out the closed days of years that the exchange has not published, by law, for the calendar's file.

    python -m tools.calendar_by_law 2027 2040

What no law fixes is not guessed: by-elections and elections after a vacancy, temporary holidays, and the days of the
entrance examination. Lunar dates come from korean-lunar-calendar, which follows the tables of the Korea Astronomy and
Space Science Institute (KASI).

Sources, read 2026-11-29: Act on Public Holidays (공휴일에 관한 법률, as amended in February 2026) with articles 2 and 3
of the Regulation on Public Holidays (관공서의 공휴일에 관한 규정); article 34 of the Public Official Election Act
(공직선거법) with article 8 of its rule (공직선거관리규칙); article 5 of the exchange's business regulations, by which
it is closed on public holidays and Labor Day; and the closing of each year's last weekday since 2001.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from korean_lunar_calendar import KoreanLunarCalendar

from data_pipeline.market.calendar_corrections import Facts
from data_pipeline.market.calendar_facts import read_facts
from data_pipeline.market.calendar_file import write_facts
from data_pipeline.market.trading_calendar import DATA_FILE

SATURDAY, SUNDAY = 5, 6
NEVER = 9999

SOURCE = (
    "worked out by tools/calendar_by_law.py from the Act on Public Holidays as amended in 2026, article 34 of the "
    "Public Official Election Act and the closing at the year's end, lunar dates by KASI's tables, read 2026-11-29; "
    "elections after a vacancy, temporary holidays and days of the entrance examination cannot be known"
)


class Holiday(NamedTuple):
    """One public holiday, and since when it gets a substitute (대체공휴일)."""

    day: date
    name: str
    substituted_since: int
    on_saturday: bool = True
    """Whether a Saturday counts as a clash too; for Seollal and Chuseok only a Sunday does."""


def holidays_of(year: int) -> list[Holiday]:
    """Return the public holidays of a year, by day, with Labor Day, on which the exchange was closed before it was one.

    New Year's Day and Memorial Day have no substitute. Constitution Day was no holiday from 2008 to 2025. National
    days are substituted since August 2021, Buddha's Birthday and Christmas since May 2023.
    """
    fixed = [
        Holiday(date(year, 1, 1), "New Year's Day", NEVER),
        Holiday(date(year, 3, 1), "Independence Day", 2022),
        Holiday(date(year, 5, 1), "Labor Day", 2026),
        Holiday(date(year, 5, 5), "Children's Day", 2014),
        Holiday(date(year, 6, 6), "Memorial Day", NEVER),
        Holiday(date(year, 8, 15), "Liberation Day", 2021),
        Holiday(date(year, 10, 3), "Foundation Day", 2021),
        Holiday(date(year, 10, 9), "Hangul Day", 2021),
        Holiday(date(year, 12, 25), "Christmas", 2023),
        Holiday(from_lunar(year, 4, 8), "Buddha's Birthday", 2023),
    ]
    if year >= 2026:
        fixed.append(Holiday(date(year, 7, 17), "Constitution Day", 2026))
    for name, day in (("Seollal", from_lunar(year, 1, 1)), ("Chuseok", from_lunar(year, 8, 15))):
        fixed += [Holiday(day + timedelta(days=offset), name, 2014, on_saturday=False) for offset in (-1, 0, 1)]
    return sorted(fixed)


def substitutes(holidays: list[Holiday]) -> dict[date, str]:
    """Return the substitute holidays of one year.

    A holiday that falls on a Sunday (or Saturday, where that counts) or on the day of another one is followed by a free
    day: the first weekday after it that is neither a holiday nor another's substitute. Two on one weekday give one.

    Raises:
        ValueError: Two share a day of a weekend: how many free days that gives has not been decided yet.
    """
    taken = {one.day for one in holidays}
    found: dict[date, str] = {}
    for day in sorted(taken):
        here = [one for one in holidays if one.day == day]
        entitled = [one for one in here if day.year >= one.substituted_since]
        if day.weekday() >= SATURDAY and len(entitled) > 1:
            raise ValueError(f"{' and '.join(one.name for one in here)} share {day}, a day of a weekend")
        if any(len(here) > 1 or _on_weekend(one) for one in entitled):
            free = day + timedelta(days=1)
            while free in taken or free in found or free.weekday() >= SATURDAY:
                free += timedelta(days=1)
            found[free] = "Substitute holiday"
    return found


def elections_of(year: int) -> Iterator[date]:
    """Yield the elections that article 34 fixes: the first Wednesday from so many days before a term's end on.

    President: 70 days (terms of five years; the one that began on 2025-06-04 ends on 2030-06-03). National Assembly: 50
    days before 29 May of 2016 and every four years. Local: 30 days before 30 June of 2018 and every four years. The day
    so many days before is included: 2006-05-31 was one. When the Wednesday, the day before or the day after is a public
    holiday, it is a week later, as on 2022-03-09 and 2018-06-13. (Hansik, 5 or 6 April, counts as well; none is near.)
    """
    holidays = {one.day for one in holidays_of(year)}
    if year == 2022:
        yield _election(date(2022, 5, 9), 70, holidays)
    if year >= 2030 and year % 5 == 0:
        yield _election(date(year, 6, 3), 70, holidays)
    if year % 4 == 0:
        yield _election(date(year, 5, 29), 50, holidays)
    if year % 4 == 2:
        yield _election(date(year, 6, 30), 30, holidays)


def closures_by_law(year: int) -> dict[str, str]:
    """Return the closed weekdays of a year as ``{"MM-DD": name}`` in order, as the calendar's file has them."""
    holidays = holidays_of(year)
    closed = {date(year, 12, 31): "Year-end closing"}
    while min(closed).weekday() >= SATURDAY:
        closed = {min(closed) - timedelta(days=1): "Year-end closing"}
    closed |= dict.fromkeys(elections_of(year), "Election day")
    closed |= substitutes(holidays)
    closed |= {one.day: one.name for one in reversed(holidays)}
    return {f"{day:%m-%d}": closed[day] for day in sorted(closed) if day.weekday() < SATURDAY}


def from_lunar(year: int, month: int, day: int) -> date:
    """Return the day of a lunar date; never of a leap month, in which no holiday falls."""
    lunar = KoreanLunarCalendar()
    if not lunar.setLunarDate(year, month, day, False):
        raise ValueError(f"{year}-{month}-{day} is not a lunar date")
    return date(lunar.solarYear, lunar.solarMonth, lunar.solarDay)


def with_years(facts: Facts, first: int, last: int) -> Facts:
    """Return the calendar's facts with these years by law, both included; a published year stays as it is."""
    changed = copy.deepcopy(facts)
    published = {int(year) for year in facts["closures"]} - set(facts["provisional"])
    years = [year for year in range(first, last + 1) if year not in published]
    changed["closures"] |= {str(year): closures_by_law(year) for year in years}
    changed["provisional"] = sorted({*facts["provisional"], *years})
    changed["source"].pop(_range(facts["provisional"]), None)
    changed["source"][_range(changed["provisional"])] = SOURCE
    return changed


def _range(years: list[int]) -> str:
    return "-".join(str(year) for year in sorted({*years[:1], *years[-1:]}))


def _on_weekend(one: Holiday) -> bool:
    return one.day.weekday() == SUNDAY or (one.on_saturday and one.day.weekday() == SATURDAY)


def _election(term_ends: date, days_before: int, holidays: set[date]) -> date:
    day = term_ends - timedelta(days=days_before)
    day += timedelta(days=(2 - day.weekday()) % 7)
    beside = {day + timedelta(days=offset) for offset in (-1, 0, 1)}
    return day + timedelta(days=7) if beside & holidays else day


def main() -> None:
    """Write the years into the package's file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    options = parser.parse_args()
    write_facts(DATA_FILE, with_years(read_facts(DATA_FILE), options.first, options.last))


if __name__ == "__main__":
    main()
