"""What is noted of cells beside their rows, in ``market.proof`` and ``market.coverage_start``; nothing commits here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extras import Json, execute_values

from data_pipeline.market.evidence import MinuteEvidence

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell

Said = tuple[str, str, Json, int]
"""State, what proves it or why it is doubted, figures, and rows that came."""


_SAID = [one.name for one in fields(MinuteEvidence) if one.name not in ("stock_code", "session", "never_shown")]


class Reach(NamedTuple):
    """Where cells lie: few codes and sessions beside many cells."""

    codes: set[str]
    sessions: set[date]


_PROVED = """
    INSERT INTO market.proof (dataset, stock_code, session, state, proof, figures, rows, source, run_id) VALUES %s
    ON CONFLICT (dataset, stock_code, session) DO UPDATE SET state = excluded.state, proof = excluded.proof,
        figures = excluded.figures, rows = excluded.rows, ask_again = NULL, source = excluded.source,
        run_id = excluded.run_id, proved_at = now()
    WHERE excluded.state <> 'doubted' OR proof.state <> 'whole' OR excluded.figures ? 'statements'
"""
# Of most loads nothing was noted before, which one look tells.
_UNSETTLED = """
    SELECT stock_code::text, session::date FROM market.proof
    WHERE dataset = %(name)s AND session BETWEEN %(first)s AND %(last)s AND state <> 'whole'
        AND (%(codes)s::text[] IS NULL OR stock_code = ANY (%(codes)s))
"""
MANY = 500
"""Codes beyond which a look at every code of the sessions costs less than one at each of them."""
_FILLED = """
    DELETE FROM market.proof p USING (VALUES %s) AS v (dataset, stock_code, session)
    WHERE p.dataset = v.dataset AND p.stock_code = v.stock_code AND p.session = v.session::date
        AND p.state <> 'whole'
"""
_ASKED = """
    INSERT INTO market.proof AS p (dataset, stock_code, session, state, proof, figures, rows, source, run_id)
    SELECT v.dataset, v.stock_code, v.session::date, 'asked', 'asked for in vain',
        jsonb_build_object('asked_on', jsonb_build_array((market.now() AT TIME ZONE 'Asia/Seoul')::date)), 0, v.source,
        v.run_id::bigint
    FROM (VALUES %s) AS v (dataset, stock_code, session, source, run_id)
    ON CONFLICT (dataset, stock_code, session) DO UPDATE SET source = excluded.source, run_id = excluded.run_id,
        proved_at = now(), figures = jsonb_set(p.figures, '{asked_on}',
            (p.figures -> 'asked_on') || (excluded.figures -> 'asked_on')),
        ask_again = CASE p.state WHEN 'hole' THEN (market.now() AT TIME ZONE 'Asia/Seoul')::date
            + CASE jsonb_array_length(p.figures -> 'asked_on') WHEN 3 THEN 7 ELSE 30 END END
    WHERE p.state IN ('asked', 'hole') AND NOT p.figures -> 'asked_on' @> (excluded.figures -> 'asked_on')
"""
_HOLES = "SELECT market.settle_holes(%s, %s, %s)"
_BEGUN = """
    SELECT stock_code::text, session::date FROM market.coverage_start
    WHERE dataset = %(name)s AND (%(codes)s::text[] IS NULL OR stock_code = ANY (%(codes)s))
"""
_START = """
    INSERT INTO market.coverage_start (dataset, stock_code, session) VALUES %s
    ON CONFLICT (dataset, stock_code) DO UPDATE SET session = least(coverage_start.session, excluded.session)
"""


def note_proofs(cursor: Cursor, name: str, said: Iterable[tuple[Cell, Said]], source: str, run_id: int | None) -> None:
    """Note what proves cells of a dataset, or why they are doubted; a whole cell is doubted by its opposite alone."""
    values = [(name, *cell, *one, source, run_id) for cell, one in said]
    if values:
        execute_values(cursor, _PROVED, values, page_size=1000)


def note_filled(cursor: Cursor, name: str, came: AbstractSet[Cell], reach: Reach) -> None:
    """Take back what was noted of cells that came, but that they are whole; none lies outside of the reach."""
    if not came:
        return
    codes, days = reach
    cursor.execute(_UNSETTLED, {"name": name, "codes": _named(codes), "first": min(days), "last": max(days)})
    values = [(name, *cell) for cell in sorted(cell for cell in cursor.fetchall() if cell in came)]
    if values:
        execute_values(cursor, _FILLED, values, page_size=1000)


def note_in_vain(cursor: Cursor, asked: Sequence[tuple[str, str, date, str, int | None]]) -> None:
    """Note that bars did not come; those that nothing contradicts on three days become holes."""
    if asked:
        execute_values(cursor, _ASKED, asked, page_size=1000)
        days = [day for _, _, day, *_ in asked]
        cursor.execute(_HOLES, (sorted({code for _, code, *_ in asked}), min(days), max(days)))


def note_start(cursor: Cursor, name: str, came: Collection[Cell], absent: Collection[Cell], reach: Reach) -> None:
    """Note from which session on each code is expected; no cell that came lies outside of the reach."""
    first: dict[str, date] = {}
    if came:
        begin = min(reach.sessions)
        first = {code: begin for code in reach.codes if (code, begin) in came}
    later = reach.codes - first.keys()
    for code, session in chain((cell for cell in came if cell[0] in later) if later else (), absent):
        if first.setdefault(code, session) > session:
            first[code] = session
    if not first:
        return
    cursor.execute(_BEGUN, {"name": name, "codes": _named(first)})
    begun = dict(cursor.fetchall())
    values = sorted((name, code, day) for code, day in first.items() if code not in begun or day < begun[code])
    if values:
        execute_values(cursor, _START, values, page_size=1000)


def figures_of(told: MinuteEvidence | None) -> dict[str, object]:
    """Return what the answer said of a session, without its name and without what says nothing."""
    said = {name: getattr(told, name) for name in _SAID} if told is not None else {}
    return {f"answer_{name}": value for name, value in said.items() if value}


def _named(codes: Collection[str]) -> list[str] | None:
    """Return the codes to look at; None, which is all of them, where naming so many costs more."""
    return sorted(codes) if len(codes) <= MANY else None
