"""What an installation knows better than the package's trading calendar: one file, beside the state of all processes.

Each correction is about a day or a whole year and says where it was read. They are applied in the order in which they
were entered. ``data-pipeline calendar`` enters them, and so do answers of KIS about years that the exchange has not
published; see :mod:`data_pipeline.market.calendar_changes`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from data_pipeline.exceptions import ConfigurationError

Facts = dict[str, Any]

CLOSED, OPEN, LATE, YEAR = "closed", "open", "late", "year"
COMMAND, ANSWER = "command", "answer"
"""Who entered a correction: a person, or the answer of a source."""


class Correction(NamedTuple):
    """One thing that is otherwise than in the package's file."""

    about: str
    """A day like ``2028-03-03``, or a year like ``2028``."""
    kind: str
    """``closed``, ``open``, ``late`` (opens and closes an hour late) or ``year`` (the list of a whole year)."""
    source: str
    """Where it was read, and when."""
    entered_by: str
    """``command`` or ``answer``."""
    entered_at: str
    """ISO 8601, in Seoul."""
    name: str = ""
    """Why the day is closed."""
    closures: Mapping[str, str] = {}
    """Of a year: ``{"MM-DD": name}``."""
    provisional: bool = False
    """Of a year: whether the exchange has still not published it."""


class Corrections(NamedTuple):
    """What the file holds."""

    entries: tuple[Correction, ...] = ()
    disbelieved: tuple[str, ...] = ()
    """Days of which a correction by an answer was taken back: no answer corrects them again."""


def read_corrections(path: Path) -> Corrections:
    """Return what the file holds; nothing when there is no file.

    Raises:
        ConfigurationError: It cannot be read, or is damaged. It is never taken for an empty one.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Corrections()
    except OSError as error:
        raise _damaged(path, error) from error
    try:
        found = json.loads(text)
        entries = tuple(_checked(Correction(**one)) for one in found["corrections"])
        disbelieved = tuple(date.fromisoformat(day).isoformat() for day in found["disbelieved"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(path, error) from error
    return Corrections(entries, disbelieved)


def corrected(facts: Facts, corrections: Corrections) -> Facts:
    """Return the facts with the corrections applied; those that say what the facts say already change nothing.

    An answer counts for a provisional year only: when the exchange has published the year, its list is right.
    """
    changed = {**facts, "closures": dict(facts["closures"]), "source": dict(facts["source"])}
    for one in corrections.entries:
        if one.kind == YEAR:
            _replace_year(changed, one)
        elif one.about[:4] in changed["closures"] and (one.entered_by != ANSWER or is_provisional(changed, one)):
            _correct_day(changed, one)
    return changed


def is_provisional(facts: Mapping[str, Any], one: Correction) -> bool:
    """Return whether the exchange has not published the year that a correction is about."""
    return int(one.about[:4]) in facts["provisional"]


def _replace_year(changed: Facts, one: Correction) -> None:
    year = int(one.about)
    changed["closures"][one.about] = dict(one.closures)
    changed["closures"] = dict(sorted(changed["closures"].items()))
    changed["provisional"] = sorted(
        {*changed["provisional"], year} if one.provisional else {*changed["provisional"]} - {year}
    )
    changed["source"][one.about] = one.source


def _correct_day(changed: Facts, one: Correction) -> None:
    year, day = one.about[:4], one.about[5:]
    closures = dict(changed["closures"][year])
    if one.kind == LATE:
        changed["late_days"] = sorted({*changed["late_days"], one.about})
        changed["source"][f"{one.about} late"] = one.source
        return
    if one.kind == CLOSED:
        closures.setdefault(day, one.name)
        # A day that is closed opens neither late nor otherwise.
        changed["late_days"] = [late for late in changed["late_days"] if late != one.about]
    else:
        closures.pop(day, None)
    changed["closures"][year] = dict(sorted(closures.items()))
    changed["source"][one.about] = one.source


def _checked(one: Correction) -> Correction:
    if one.kind == YEAR:
        int(one.about)
        return one._replace(closures=dict(one.closures))
    if one.kind not in (CLOSED, OPEN, LATE):
        raise ValueError(f"a correction of kind {one.kind!r} is not known")
    date.fromisoformat(one.about)
    return one


def _damaged(path: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"the corrections of the trading calendar in {path} cannot be used: {error!r}. Mend the file, or move it away "
        "and enter what it held again with `data-pipeline calendar`"
    )
