"""Reads the trading calendar's file: text into days and times."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from data_pipeline.exceptions import ConfigurationError


def read_facts(path: Path) -> dict[str, Any]:
    """Return the parsed file.

    Raises:
        ConfigurationError: It is missing or is not JSON.
    """
    try:
        facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the trading calendar {path} cannot be read: {error}") from error
    return facts


def closures(by_year: Mapping[str, Mapping[str, str]]) -> frozenset[date]:
    """Return the closed days of all years; a ``ValueError`` when one is on a weekend."""
    days = [date.fromisoformat(f"{year}-{day}") for year, days in by_year.items() for day in dict(days)]
    weekend = [day for day in days if day.weekday() >= 5]
    if weekend:
        raise ValueError(f"closures on a weekend: {weekend}")
    return frozenset(days)


def covered_days(by_year: Mapping[str, Mapping[str, str]]) -> tuple[date, date]:
    """Return the first and the last day; a ``ValueError`` when a year is missing between them."""
    years = sorted(int(year) for year in by_year)
    if years != list(range(years[0], years[-1] + 1)):
        raise ValueError(f"years {years} have a gap")
    return date(years[0], 1, 1), date(years[-1], 12, 31)


def times_by_day(changes: Mapping[str, str]) -> list[tuple[date, time]]:
    """Return from which day on which time holds, oldest first."""
    return sorted((date.fromisoformat(day), time.fromisoformat(value)) for day, value in changes.items())


def phases_by_day(changes: Mapping[str, Mapping[str, Any]]) -> list[tuple[date, dict[str, tuple[time, time]]]]:
    """Return what holds from each day on: the name, opening and end of every phase of a market."""
    return [(date.min, {})] + [
        (day, {name: _opens_before_it_closes(*hours) for name, hours in changes[text].items()})
        for day, text in sorted((date.fromisoformat(text), text) for text in changes)
    ]


def _opens_before_it_closes(opens: str, closes: str) -> tuple[time, time]:
    if not time.fromisoformat(opens) < time.fromisoformat(closes):
        raise ValueError(f"{opens} to {closes} are no opening hours")
    return time.fromisoformat(opens), time.fromisoformat(closes)


def weekdays(first: date, last: date) -> Iterator[date]:
    """Yield the days from Monday to Friday, both ends included."""
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        if (ordinal + 6) % 7 < 5:  # day 1 of the calendar was a Monday
            yield date.fromordinal(ordinal)
