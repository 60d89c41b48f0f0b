"""The morning page's figures: each panel is read by itself, and one that fails says so in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.market.clock import in_seoul
from data_pipeline.pages import panels
from data_pipeline.pages.grid import Grid, read_grid
from data_pipeline.pages.panel import Panel, panel

if TYPE_CHECKING:
    from data_pipeline.pages.room import Room

NEWEST_LACKING = 10
"""Sessions with gaps whose codes are listed; older ones are listed by their own cell."""


@dataclass(frozen=True)
class Morning:
    """Everything on the page that comes from the warehouse."""

    now: datetime
    grid: Panel
    lacking: Panel
    lacking_sessions: int
    parts: dict[str, Panel] = field(default_factory=dict)
    """By name: quarantine, reconciled, restated, runs, unknown, origins."""

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
    grid = panel(connection, lambda: read_grid(connection, room.summary, room.calendar(), now))
    shown: Grid | None = grid.value
    newest = shown.lacking()[-NEWEST_LACKING:] if shown else ()
    lacking = panel(connection, lambda: panels.read_lacking(connection, newest))
    first = shown.sessions[0] if shown else room.calendar().last_final_session(now)
    readers: dict[str, Callable[[], Any]] = {
        "quarantine": lambda: panels.read_quarantine(connection),
        "reconciled": lambda: panels.read_reconciled(connection, first),
        "restated": lambda: panels.read_restated(connection),
        "runs": lambda: panels.read_runs(connection),
        "unknown": lambda: panels.read_unknown(connection),
        "origins": lambda: panels.read_origins(connection),
    }
    parts = {name: panel(connection, read) for name, read in readers.items()}
    return Morning(now, grid, lacking, len(newest), parts)
