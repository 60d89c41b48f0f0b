"""The heatmap: each dataset and session as one cell, with the worst that is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets import DATASETS, WITH_CELLS
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.morning.window import last_sessions, session_under_way
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from data_pipeline.loading.coverage.cells import Coverage
    from data_pipeline.pages.summary import Summary

MANY = 0.1
"""Share of missing cells from which a cell is painted darker."""
_SEEN = """
    SELECT dataset, session, rows FROM market.seal
    WHERE session BETWEEN %(first)s AND %(last)s AND dataset = ANY (%(datasets)s)
"""


@dataclass(frozen=True)
class Cell:
    """One dataset on one session."""

    dataset: str
    session: date
    state: str
    """proven, missing, many (missing), unproven, archived, seen, running or none."""
    expected: int = 0
    loaded: int = 0
    known_empty: int = 0
    missing: int = 0
    """As :attr:`~data_pipeline.loading.coverage.cells.Coverage.absent`."""
    unproven: int = 0
    """As :attr:`~data_pipeline.loading.coverage.cells.Coverage.doubtful`."""
    archived: int = 0
    """Cells whose month was let go, into a file or for good."""
    rows: int = 0
    """Rows seen, of datasets of which nobody knows how many there should be."""


@dataclass(frozen=True)
class Grid:
    """All cells, by dataset in the order of the datasets, oldest session first."""

    sessions: tuple[date, ...]
    today: date | None
    """The session that is not final yet; None when there is none today."""
    rows: Mapping[str, tuple[Cell, ...]]
    coverage: tuple[Coverage, ...] = ()
    """What it is painted by."""

    @property
    def cells(self) -> Iterator[Cell]:
        """Every cell."""
        return (cell for row in self.rows.values() for cell in row)

    def total(self, what: str) -> int:
        """Return how many cells are ``missing`` or ``unproven`` in all."""
        return sum(getattr(cell, what) for cell in self.cells)

    def lacking(self) -> tuple[date, ...]:
        """Return the sessions of which something is missing or unproven, oldest first."""
        return tuple(sorted({cell.session for cell in self.cells if cell.missing or cell.unproven}))


def read_grid(connection: Connection, summary: Summary, calendar: TradingCalendar, now: datetime) -> Grid:
    """Return the heatmap of the last sessions.

    Raises:
        TransientError: The warehouse took too long or is away; trying again can help.
        ConfigurationError: It is not migrated to the newest schema.
    """
    sessions, today = last_sessions(calendar, now), session_under_way(calendar, now)
    counted = tuple(one for row in summary.read(connection, sessions, now).values() for one in row)
    seen = _seen(connection, sessions[0], today or sessions[-1])
    shown = (*sessions, *([today] if today else []))
    rows = {}
    for name in DATASETS:
        known = {one.session: one for one in counted if one.dataset == name}
        cells = tuple(_cell(name, day, known.get(day), seen.get((name, day), 0), day == today) for day in shown)
        if name in WITH_CELLS or any(cell.rows or cell.expected for cell in cells):
            rows[name] = cells
    return Grid(sessions, today, rows, counted)


def _seen(connection: Connection, first: date, last: date) -> dict[tuple[str, date], int]:
    values = {"first": first, "last": last, "datasets": list(DATASETS)}
    with said_plainly("seal"), connection.cursor() as cursor:
        cursor.execute(_SEEN, values)
        return {(dataset, session): rows for dataset, session, rows in cursor.fetchall()}


def _cell(dataset: str, session: date, known: Coverage | None, rows: int, under_way: bool) -> Cell:
    if under_way:
        return Cell(dataset, session, "running" if rows else "none", rows=rows)
    if known is None or not known.expected:
        return Cell(dataset, session, "seen" if rows and dataset not in WITH_CELLS else "none", rows=rows)
    return Cell(
        dataset, session, state_of(known.expected, known.absent, known.doubtful, known.archived),
        known.expected, known.loaded, known.known_empty, known.absent, known.doubtful, known.archived, rows,
    )  # fmt: skip


def state_of(expected: int, missing: int, unproven: int, archived: int = 0) -> str:
    """Return the worst that is known of so many cells."""
    if missing:
        return "many" if missing >= MANY * expected else "missing"
    return "unproven" if unproven else "archived" if archived else "proven"
