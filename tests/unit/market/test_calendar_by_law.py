"""The closed days worked out by law, against what the exchange published and against other people's calendars."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.market.calendar_facts import read_facts
from data_pipeline.market.trading_calendar import DATA_FILE
from tools.calendar_by_law import (
    Holiday,
    closures_by_law,
    elections_of,
    from_lunar,
    holidays_of,
    substitutes,
    with_years,
)

FACTS = read_facts(DATA_FILE)

NO_LAW_FIXES = {
    "2016-05-06": "temporary holiday",
    "2017-05-09": "presidential election after a vacancy",
    "2017-10-02": "temporary holiday",
    "2020-08-17": "temporary holiday",
    "2023-10-02": "temporary holiday",
    "2024-10-01": "Armed Forces Day, a temporary holiday",
    "2025-01-27": "temporary holiday",
    "2025-06-03": "presidential election after a vacancy",
}
"""Published closures that nobody could have worked out."""

# Seollal, Buddha's Birthday and Chuseok by the tables of the package holidays 0.109.
LUNAR = {
    2027: "02-07 05-13 09-15", 2028: "01-27 05-02 10-03", 2029: "02-13 05-20 09-22", 2030: "02-03 05-09 09-12",
    2031: "01-23 05-28 10-01", 2032: "02-11 05-16 09-19", 2033: "01-31 05-06 09-08", 2034: "02-19 05-25 09-27",
    2035: "02-08 05-15 09-16", 2036: "01-28 05-03 10-04", 2037: "02-15 05-22 09-24", 2038: "02-04 05-11 09-13",
    2039: "01-24 04-30 10-02", 2040: "02-12 05-18 09-21",
}  # fmt: skip

# Weekdays that are public holidays of South Korea by the package holidays 0.109.
PUBLIC_HOLIDAYS = {
    2027: "01-01 02-08 02-09 03-01 05-03 05-05 05-13 07-19 08-16 09-14 09-15 09-16 10-04 10-11 12-27",
    2028: "01-26 01-27 01-28 03-01 04-12 05-01 05-02 05-05 06-06 07-17 08-15 10-02 10-03 10-04 10-05 10-09 12-25",
    2029: "01-01 02-12 02-13 02-14 03-01 05-01 05-07 05-21 06-06 07-17 08-15 09-21 09-24 10-03 10-09 12-25",
    2030: "01-01 02-04 02-05 03-01 03-27 05-01 05-06 05-09 06-06 06-12 07-17 08-15 09-11 09-12 09-13 10-03 10-09 12-25",
    2031: "01-01 01-22 01-23 01-24 03-03 05-01 05-05 05-28 06-06 07-17 08-15 09-30 10-01 10-02 10-03 10-09 12-25",
    2032: "01-01 02-10 02-11 02-12 03-01 04-14 05-03 05-05 05-17 07-19 08-16 09-20 09-21 10-04 10-11 12-27",
    2033: "01-31 02-01 02-02 03-01 05-02 05-05 05-06 06-06 07-18 08-15 09-07 09-08 09-09 10-03 10-10 12-26",
    2034: "02-20 02-21 03-01 05-01 05-05 05-25 05-31 06-06 07-17 08-15 09-26 09-27 09-28 10-03 10-09 12-25",
    2035: "01-01 02-07 02-08 02-09 03-01 03-28 05-01 05-07 05-15 06-06 07-17 08-15 09-17 09-18 10-03 10-09 12-25",
    2036: "01-01 01-28 01-29 01-30 03-03 04-09 05-01 05-05 05-06 06-06 07-17 08-15 10-03 10-06 10-07 10-09 12-25",
    2037: "01-01 02-16 02-17 03-02 05-01 05-05 05-22 07-17 08-17 09-23 09-24 09-25 10-05 10-09 12-25",
    2038: "01-01 02-03 02-04 02-05 03-01 05-03 05-05 05-11 06-02 07-19 08-16 09-13 09-14 09-15 10-04 10-11 12-27",
    2039: "01-24 01-25 01-26 03-01 05-02 05-03 05-05 06-06 07-18 08-15 10-03 10-04 10-05 10-10 12-26",
    2040: "02-13 02-14 03-01 03-28 04-11 05-01 05-07 05-18 06-06 07-17 08-15 09-20 09-21 10-03 10-09 12-25",
}  # fmt: skip

LAST_WEEKDAY = {
    2027: "12-31", 2028: "12-29", 2029: "12-31", 2030: "12-31", 2031: "12-31", 2032: "12-31", 2033: "12-30",
    2034: "12-29", 2035: "12-31", 2036: "12-31", 2037: "12-31", 2038: "12-31", 2039: "12-30", 2040: "12-31",
}  # fmt: skip
"""The one difference from the public holidays: the exchange closes for the year's end as well."""


@pytest.mark.thorough
@pytest.mark.parametrize("year", range(2016, 2027))
def test_published_years_come_out_of_the_rules(year: int) -> None:
    """Less the temporary holidays and the elections after a vacancy, the rules give what the exchange published."""
    published = {day for day in FACTS["closures"][str(year)] if f"{year}-{day}" not in NO_LAW_FIXES}
    assert set(closures_by_law(year)) == published


@pytest.mark.parametrize("year", range(2027, 2041))
def test_shipped_years_agree_with_another_calendar(year: int) -> None:
    """The shipped closures are the public holidays that another package lists, and the year's last weekday."""
    assert set(FACTS["closures"][str(year)]) == {*PUBLIC_HOLIDAYS[year].split(), LAST_WEEKDAY[year]}


@pytest.mark.parametrize("year", range(2027, 2041))
def test_lunar_holidays(year: int) -> None:
    """Seollal, Buddha's Birthday and Chuseok fall on the days that another table gives."""
    days = [from_lunar(year, month, day) for month, day in ((1, 1), (4, 8), (8, 15))]
    assert " ".join(f"{day:%m-%d}" for day in days) == LUNAR[year]


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2016, ["2016-04-13"]),
        (2018, ["2018-06-13"]),  # 06-06 is Memorial Day, so a week later
        (2022, ["2022-03-09", "2022-06-01"]),  # 03-01 is a holiday, so a week later
        (2024, ["2024-04-10"]),
        (2026, ["2026-06-03"]),
        (2027, []),
        (2028, ["2028-04-12"]),
        (2030, ["2030-03-27", "2030-06-12"]),  # the day after 06-05 is Memorial Day
        (2032, ["2032-04-14"]),
        (2034, ["2034-05-31"]),
        (2035, ["2035-03-28"]),
        (2036, ["2036-04-09"]),
        (2038, ["2038-06-02"]),
        (2040, ["2040-03-28", "2040-04-11"]),
    ],
)
def test_elections(year: int, days: list[str]) -> None:
    """The Wednesdays that the election law fixes, those that were held and those to come."""
    assert [str(day) for day in elections_of(year)] == days


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2025, {"03-03", "05-06", "10-08"}),  # Children's Day and Buddha's Birthday on one Monday give one day
        (2026, {"03-02", "05-25", "08-17", "10-05"}),  # a Saturday of Chuseok gives none
        (2027, {"02-09", "05-03", "07-19", "08-16", "10-04", "10-11", "12-27"}),  # Memorial Day, a Sunday, gives none
        (2028, {"10-05"}),  # Chuseok on Foundation Day
        (2036, {"01-30", "03-03", "05-06", "10-06", "10-07"}),  # Buddha on the Saturday before Children's Day
        (
            2039,
            {"01-26", "05-02", "05-03", "07-18", "10-04", "10-05", "10-10", "12-26"},
        ),  # two pairs
    ],
)
def test_substitute_holidays(year: int, expected: set[str]) -> None:
    """A clash gives the first free weekday after it, and two clashes never share one."""
    assert {f"{day:%m-%d}" for day in substitutes(holidays_of(year))} == expected


def test_what_the_law_leaves_open_is_not_guessed() -> None:
    """Two holidays on one Sunday have never happened: an error that names them, and no invented day."""
    sunday = date(2045, 5, 7)
    with pytest.raises(ValueError, match="A and B share 2045-05-07"):
        substitutes([Holiday(sunday, "A", 2014), Holiday(sunday, "B", 2023)])


@pytest.mark.thorough
def test_the_shipped_file_is_what_the_tool_writes() -> None:
    """Run again it changes nothing, and a published year stays as it was published."""
    assert with_years(FACTS, 2016, 2040) == FACTS
