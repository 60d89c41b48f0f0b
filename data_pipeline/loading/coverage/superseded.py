"""What stays of earlier answers beside one that proves its whole session: taken back where it may be, doubted else."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell

log = logging.getLogger(__name__)

NAMED = 10
"""How many sessions that lost rows the log names."""
HIGHER = "{:,} minutes of a source that ranks higher are stored, and this answer says otherwise"
IDLE_UNSAID = "{:,} minutes are stored, and no daily bar says that nothing was traded"

# The key begins with the code and the time; the planner, which knows nothing of a month just made, may not read it all.
_STORED = """
    SET LOCAL enable_seqscan = off;
    SELECT stock_code::text, session::date, count(*), sum(volume) FROM market.minute_bar
    WHERE stock_code = ANY (%(codes)s) AND session BETWEEN %(first)s AND %(last)s
        AND at >= %(first)s::timestamp AT TIME ZONE 'Asia/Seoul' AND at < %(end)s::timestamp AT TIME ZONE 'Asia/Seoul'
    GROUP BY 1, 2
"""
_HELD = """
    SET LOCAL enable_seqscan = off;
    SELECT DISTINCT stock_code::text, session::date FROM market.minute_bar
    WHERE stock_code = ANY (%(codes)s) AND session BETWEEN %(first)s AND %(last)s
        AND at >= %(first)s::timestamp AT TIME ZONE 'Asia/Seoul' AND at < %(end)s::timestamp AT TIME ZONE 'Asia/Seoul'
"""
_SUPERSEDE = "SELECT market.supersede_minutes(%s, %s, %s::timestamptz[], %s, %s)"


class Proved(NamedTuple):
    """What a proof of a whole session of minutes holds."""

    times: Collection[datetime]
    """Of its minutes; empty when nothing was traded."""
    volume: int
    """Their shares."""
    idle: bool = False
    """Whether the stored daily bar says that nothing was traded in regular hours."""


def held_before(connection: Connection, cells: Collection[Cell]) -> set[Cell]:
    """Return the sessions of which minutes are stored; asked before a load writes, it reads next to nothing mostly."""
    if not cells:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_HELD, _reach(cells))
        held = {*cells}.intersection(cursor.fetchall())
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")
    return held


def _reach(cells: Collection[Cell]) -> dict[str, object]:
    days = [session for _, session in cells]
    return {
        "codes": sorted({code for code, _ in cells}),
        "first": min(days),
        "last": max(days),
        "end": max(days) + timedelta(days=1),
    }


def supersede(
    connection: Connection, proved: Mapping[Cell, Proved], source: str, run_id: int | None
) -> tuple[dict[Cell, int], dict[Cell, str]]:
    """Take back the stored minutes of proved sessions that their proofs do not hold; never commits.

    A row of a source that ranks higher stays. An answer without a minute takes rows back only where the daily bar says
    the same. ``market.restatement`` keeps every row, with the source and the run that took it back.

    Args:
        connection: The load's own, after its rows are written.
        proved: The sessions that this answer proves whole, or empty.
        source: Whose answer it is.
        run_id: The ``ingest_run`` of the load.

    Returns:
        How many rows each session lost; and why those of which rows remain that the proof does not hold are doubted.
    """
    lost: dict[Cell, int] = {}
    doubted: dict[Cell, str] = {}
    differing = dict(_beside(connection, proved))
    for cell, rows in differing.items():
        one = proved[cell]
        if one.times or one.idle:
            with connection.cursor() as cursor:
                cursor.execute(_SUPERSEDE, (*cell, [*one.times], source, run_id))
                ((lost[cell],),) = cursor.fetchall()
        else:
            doubted[cell] = IDLE_UNSAID.format(rows)
    asked = {cell: proved[cell] for cell in lost}
    doubted |= {cell: HIGHER.format(rows) for cell, rows in _beside(connection, asked)}
    lost = {cell: rows for cell, rows in lost.items() if rows}
    _say(lost)
    return lost, doubted


def _beside(connection: Connection, proved: Mapping[Cell, Proved]) -> Iterator[tuple[Cell, int]]:
    """Yield the sessions whose stored minutes are not those of the proof, and how many are stored; in order."""
    if not proved:
        return
    with connection.cursor() as cursor:
        cursor.execute(_STORED, _reach([*proved]))
        stored = sorted(cursor.fetchall())
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")
    for code, session, rows, volume in stored:
        one = proved.get((code, session))
        if one is not None and (rows, volume) != (len(one.times), one.volume):
            yield (code, session), rows


def _say(lost: Mapping[Cell, int]) -> None:
    for (code, session), rows in sorted(lost.items())[:NAMED]:
        log.warning(
            "%d minutes of %s on %s are taken back: the whole session, now proved, lacks them", rows, code, session
        )
    if len(lost) > NAMED:
        log.warning("minutes of %d more sessions are taken back", len(lost) - NAMED)
