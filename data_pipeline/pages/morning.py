"""The morning page's figures: each panel is read by itself, and one that fails says so in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.market.clock import in_seoul
from data_pipeline.morning.changes import read_differences, read_new_fields, read_restated
from data_pipeline.morning.facts import AllLacking, Stored
from data_pipeline.morning.facts import Morning as Facts
from data_pipeline.morning.lacking import read_lacking
from data_pipeline.morning.lines import read_lines
from data_pipeline.morning.loads import read_load_groups, read_runs
from data_pipeline.morning.refused import read_refused
from data_pipeline.morning.stored import read_kind
from data_pipeline.morning.verdict import COVERAGE, QUARANTINE, RUNS
from data_pipeline.morning.window import last_sessions, newest_lacking
from data_pipeline.pages.grid import Grid, read_grid
from data_pipeline.pages.panel import Panel, panel
from data_pipeline.pages.panels import read_official, read_sources

if TYPE_CHECKING:
    from data_pipeline.pages.room import Room

CODES = 12
"""Codes that are listed by name; how many there are in all is said."""


@dataclass(frozen=True)
class Morning:
    """Everything on the page that comes from the warehouse."""

    now: datetime
    sessions: tuple[date, ...]
    """The final sessions that were looked at, oldest first."""
    grid: Panel
    lacking: Panel
    lacking_sessions: int
    parts: dict[str, Panel] = field(default_factory=dict)
    """By name: kind, quarantine, differences, official, restated, runs, groups, fields, sources, lines."""

    @property
    def seoul(self) -> datetime:
        """The moment by the clock of Seoul."""
        return in_seoul(self.now)


def read_morning(room: Room, connection: Connection) -> Morning:
    """Return what the page shows of this moment.

    Raises:
        ConnectionFailedError: The server went away; trying again can help.
    """
    now = room.clock()
    sessions = last_sessions(room.calendar(), now)
    first, last = sessions[0], sessions[-1]
    grid = panel(connection, lambda: read_grid(connection, room.summary, room.calendar(), now))
    shown: Grid | None = grid.value
    newest = newest_lacking(shown.coverage) if shown else ()

    def lacking() -> AllLacking:
        begin = newest[0] if newest else first
        return read_lacking(connection, begin, last, sessions=newest, most=CODES)

    readers: dict[str, Callable[[], Any]] = {
        "kind": lambda: read_kind(connection),
        QUARANTINE: lambda: read_refused(connection),
        "differences": lambda: read_differences(connection, first, last),
        "official": lambda: read_official(connection, first),
        "restated": lambda: read_restated(connection),
        RUNS: lambda: read_runs(connection, said_only=True),
        "groups": lambda: read_load_groups(connection),
        "fields": lambda: read_new_fields(connection),
        "sources": lambda: read_sources(connection),
        "lines": lambda: read_lines(connection),
    }
    whom = panel(connection, lacking)
    parts = {name: panel(connection, read) for name, read in readers.items()}
    return Morning(now, sessions, grid, whom, len(newest), parts)


def as_facts(found: Morning, keys: Panel) -> Facts:
    """Return what was read as `data-pipeline status` tells it, so that the page says of it what the command says."""
    parts = {COVERAGE: found.grid, **{name: found.parts[name] for name in (QUARANTINE, "differences", RUNS, "fields")}}
    untold = {name: one.error for name, one in {**parts, "shared state": keys}.items() if one.error}
    kind, loads = found.parts["kind"].value or ("", 0)
    lacking: AllLacking = found.lacking.value or AllLacking((), 0)
    stored = Stored(
        session=found.sessions[-1],
        first=found.sessions[0],
        sessions=found.sessions,
        kind=kind,
        loads=loads,
        coverage=found.grid.value.coverage if found.grid.value else (),
        lacking=lacking.named,
        lacking_of=lacking.of,
        refused=parts[QUARANTINE].value or (),
        differences=parts["differences"].value or (),
        restated=found.parts["restated"].value or (),
        runs=parts[RUNS].value or (),
        new_fields=parts["fields"].value or (),
        lines=found.parts["lines"].value or (),
    )
    return Facts(found.now, stored, keys.value, untold)
