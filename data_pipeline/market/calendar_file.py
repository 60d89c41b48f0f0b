"""Changes to the trading calendar's file: one fact at a time or a whole year, each with where it was read.

A change is a :class:`Correction`; :func:`write_facts` refuses facts that cannot be right.
"""

from __future__ import annotations

import csv
import json
import os
import re
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.market.calendar_corrections import CLOSED, OPEN, YEAR, Correction, Corrections, Facts, corrected
from data_pipeline.market.trading_calendar import TradingCalendar

FEWEST_CLOSURES, MOST_CLOSURES = 8, 25
"""Closed weekdays of a year: 8 to 20 from 2001 to 2040. A list outside of this is not a year's list."""

_DAY = re.compile(r"(\d{4})[-./]?(\d{2})[-./]?(\d{2})(?!\d)")


def read_closures(path: Path, year: int) -> dict[str, str]:
    """Return a year's closed days out of a CSV file, as ``{"MM-DD": name}`` in order.

    A row begins with the day (``2027-01-01``, ``2027/01/01`` or ``20270101``, with or without a weekday after it) and
    ends with its name, as in the list of closed days (휴장일) that the exchange lets one download. Rows that do not
    begin with a day are headings.

    Raises:
        InvalidRequestError: The file cannot be read, a day does not exist or is of another year, or a name is missing.
    """
    closures = {}
    for day, name in _named_days(path):
        if day.year != year:
            raise InvalidRequestError(f"{path.name} holds {day}, which is not a day of {year}")
        if not name:
            raise InvalidRequestError(f"{path.name} does not say why {day} is closed; put a name into the last column")
        closures[f"{day:%m-%d}"] = name
    return dict(sorted(closures.items()))


def entered(facts: Facts, one: Correction) -> Facts:
    """Return the facts with one more correction, which says something new and where it was read.

    Raises:
        InvalidRequestError: The source is empty, a closed day has no name, the day is closed or open already, or its
            year is not covered.
    """
    if not one.source:
        raise InvalidRequestError("say where the fact was read: --source must not be empty")
    if one.kind != YEAR:
        year, day = one.about[:4], one.about[5:]
        if year not in facts["closures"]:
            raise InvalidRequestError(f"the calendar does not cover {year}; add the year's list first")
        name = facts["closures"][year].get(day)
        if one.kind == CLOSED and name is not None:
            raise InvalidRequestError(f"{one.about} is closed already: {name}")
        if one.kind == CLOSED and not one.name:
            raise InvalidRequestError(f"say why {one.about} is closed: the name must not be empty")
        if one.kind == OPEN and name is None:
            raise InvalidRequestError(f"{one.about} is not among the closed days")
    return corrected(facts, Corrections((one,)))


def check_facts(facts: Facts) -> TradingCalendar:
    """Return the calendar that these facts make.

    Raises:
        ConfigurationError: They are unusable, or they cannot be right: a year with hardly any or very many closures,
            one whose last weekday trades, or a late day that is not a session.
    """
    calendar = TradingCalendar(facts)
    for year, closures in facts["closures"].items():
        if not FEWEST_CLOSURES <= len(closures) <= MOST_CLOSURES:
            raise ConfigurationError(f"{year} has {len(closures)} closed weekdays, which is not a year's list")
        last = _last_weekday(int(year))
        if calendar.is_session(last):
            raise ConfigurationError(
                f"{last}, the last weekday of {year}, is not closed; the exchange always closes it"
            )
    for text in (*facts["late_days"], *facts["other_opens"]):
        if not calendar.is_session(date.fromisoformat(text)):
            raise ConfigurationError(f"{text} opens late but is not a session")
    return calendar


def as_text(facts: Facts) -> str:
    """Return the file's text: indented, with the closures of a year on one line."""
    body = {**facts, "closures": "CLOSURES"}
    lines = ",\n".join(
        f"    {json.dumps(year)}: {json.dumps(days, ensure_ascii=False)}" for year, days in facts["closures"].items()
    )
    return json.dumps(body, indent=2, ensure_ascii=False).replace('"CLOSURES"', f"{{\n{lines}\n  }}") + "\n"


def write_facts(path: Path, facts: Facts) -> TradingCalendar:
    """Write the facts as a whole and return their calendar; the file is as it was when they are refused.

    Raises:
        ConfigurationError: See :func:`check_facts`; or the folder cannot be written to.
    """
    calendar = check_facts(facts)
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as draft:
            draft.write(as_text(facts))
        Path(draft.name).chmod(0o644)
        os.replace(draft.name, path)  # noqa: PTH105 - the same as Path.replace, and said as one step
    except OSError as error:
        raise ConfigurationError(f"the trading calendar {path} cannot be written: {error}") from error
    return calendar


def _named_days(path: Path) -> Iterator[tuple[date, str]]:
    for row in csv.reader(_text(path).splitlines()):
        cells = [cell.strip() for cell in row if cell.strip()]
        found = _DAY.match(cells[0]) if cells else None
        if found:
            try:
                day = date(*map(int, found.groups()))
            except ValueError as error:
                raise InvalidRequestError(f"{path.name}: {cells[0]} is not a day: {error}") from None
            yield day, cells[-1] if len(cells) > 1 else ""


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp949")  # the exchange's own files are in the Korean code page
    except UnicodeDecodeError:
        raise InvalidRequestError(f"{path} is neither UTF-8 nor CP949 text") from None


def _last_weekday(year: int) -> date:
    day = date(year, 12, 31)
    return day - timedelta(days=max(0, day.weekday() - 4))
