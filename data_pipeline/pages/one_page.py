"""Everything on the page of one instrument, read in one transaction and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets import IN_COVERAGE
from data_pipeline.market.clock import in_seoul
from data_pipeline.morning.asking import asked
from data_pipeline.morning.window import last_sessions, session_under_way
from data_pipeline.pages import chart
from data_pipeline.pages import instrument as of_one
from data_pipeline.pages.panel import Panel, panel

if TYPE_CHECKING:
    from data_pipeline.pages.room import Room

BOOK_SESSIONS = 10
STATES = {"loaded": "proven", "known_empty": "proven", "missing": "missing", "archived": "archived"}
"""How a cell of coverage is painted; any other is unproven."""
_CELLS = "SELECT dataset, session, state FROM market.coverage_cells(%s, %s) WHERE stock_code = %s ORDER BY 1, 2"


@dataclass(frozen=True)
class Daily:
    """The chart of daily bars, with what is marked on it."""

    bars: of_one.Bars
    drawing: chart.Drawing
    actions: tuple[float, ...]
    """Where corporate actions lie on the plot, from the left."""
    restated: tuple[float, ...]


@dataclass(frozen=True)
class Minutes:
    """The minutes of one session, drawn."""

    session: date
    rows: int
    scale: chart.Scale
    path: str
    volumes: str
    begins: datetime
    ends: datetime


def read_instrument(
    room: Room, connection: Connection, code: str, reach: timedelta, session: date | None, *, adjusted: bool
) -> dict[str, Any]:
    """Return what the page shows.

    Args:
        room: Where it is read.
        connection: Of a login that can only read.
        code: The instrument's short code.
        reach: How far back the chart goes from the newest stored bar.
        session: Whose minutes are shown; None for the newest that there are.
        adjusted: Whether prices are those of the newest session.

    Raises:
        UnknownStockError: The warehouse has never seen the code.
        ConnectionFailedError: The server went away; trying again can help.
    """
    now = room.clock()
    head = of_one.read_head(connection, code)
    recent = last_sessions(room.calendar(), now)
    until = session_under_way(room.calendar(), now) or recent[-1]
    newest = of_one.newest_bar(connection, code, until) or recent[-1]
    first = newest - reach

    def daily() -> Daily | None:
        bars = of_one.read_bars(connection, code, first, newest, adjusted=adjusted, listed_from=head.listed_from)
        return _daily(connection, code, bars) if bars.newest else None

    return {
        "head": head,
        "now": now,
        "daily": panel(connection, daily),
        "minutes": panel(connection, lambda: _minutes(connection, code, session, until)),
        "minute_sessions": panel(connection, lambda: of_one.minute_sessions(connection, code, until)),
        "book": panel(connection, lambda: of_one.read_book(connection, code, recent[-BOOK_SESSIONS], until)),
        "actions": panel(connection, lambda: of_one.read_actions(connection, code)),
        "restated": panel(connection, lambda: of_one.read_restated(connection, code, first, newest)),
        "history": panel(connection, lambda: of_one.read_history(connection, code)),
        "coverage": _coverage(connection, code, recent),
    }


def _daily(connection: Connection, code: str, bars: of_one.Bars) -> Daily:
    sessions = [one.session for one in bars.candles]
    actions = [row[0] for row in of_one.read_actions(connection, code) if row[1] != "gap"]
    restated = {row[0] for row in of_one.read_restated(connection, code, sessions[0], sessions[-1])}
    return Daily(
        bars,
        chart.draw(bars.candles),
        tuple(chart.place_of(sessions, day) for day in actions if day in sessions),
        tuple(chart.place_of(sessions, day) for day in sorted(restated) if day in sessions),
    )


def _minutes(connection: Connection, code: str, session: date | None, until: date) -> Minutes | None:
    if session is None:
        stored = of_one.minute_sessions(connection, code, until)
        if not stored:
            return None
        session = stored[0]
    rows = of_one.read_minutes(connection, code, session)
    if not rows:
        return None
    begins, ends = rows[0][0], rows[-1][0]
    count = int((ends - begins).total_seconds() // 60) + 1
    closes: list[float | None] = [None] * count
    volumes: list[float | None] = [None] * count
    for at, _open, _high, _low, close, volume in rows:
        place = int((at - begins).total_seconds() // 60)
        closes[place], volumes[place] = float(close), float(volume)
    scale = chart.scale_of(one for one in closes if one is not None)
    most = max((one for one in volumes if one), default=1.0)
    path = chart.line(_held(closes), scale)
    return Minutes(session, len(rows), scale, path, chart.bars(volumes, most), in_seoul(begins), in_seoul(ends))


def _held(values: list[float | None]) -> list[float | None]:
    """Return the values, each held until the next: a minute without a trade has no row, and the price stands."""
    last: float | None = None
    found = []
    for value in values:
        last = value if value is not None else last
        found.append(last)
    return found


def _coverage(connection: Connection, code: str, recent: tuple[date, ...]) -> Panel:
    def read() -> dict[str, list[tuple[date, str]]]:
        states = {
            (dataset, day): state for dataset, day, state in asked(connection, _CELLS, (recent[0], recent[-1], code))
        }
        rows = {}
        for name in IN_COVERAGE:
            cells = [(day, states.get((name, day))) for day in recent]
            if any(state for _, state in cells):
                rows[name] = [(day, STATES.get(state, "unproven") if state else "none") for day, state in cells]
        return rows

    return panel(connection, read)
