"""Proves again what is stored, without a request: which proofs their own rows contradict, and what proves one cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.loading.coverage.opposed import OPPOSED, STATEMENTS, described
from data_pipeline.loading.coverage.traded import CONTRADICTED
from data_pipeline.loading.instruments.listing import listed
from data_pipeline.warehouse.errors import said_plainly

_MINUTES = """
    WITH minute AS (
        SELECT stock_code, session, count(*) AS rows, sum(volume) AS volume, max(high) AS high, min(low) AS low,
            count(*) FILTER (WHERE trading_value NOT BETWEEN volume * low AND volume * high) AS impossible
        FROM market.minute_bar WHERE session BETWEEN %(first)s AND %(last)s GROUP BY stock_code, session
    ), proof AS (
        SELECT * FROM market.proof WHERE dataset = 'minute_bar' AND session BETWEEN %(first)s AND %(last)s
            AND NOT market.is_archived(dataset, session)
    )
    SELECT stock_code::text, session::date, problem FROM (
        SELECT coalesce(p.stock_code, m.stock_code) AS stock_code, coalesce(p.session, m.session) AS session, CASE
            WHEN p.state = 'whole' AND m.rows IS NULL THEN 'it is proved whole, and no minute is stored'
            WHEN p.state = 'whole' AND m.rows <> p.rows
                THEN format('%%s minutes are stored, and %%s were proved to be whole', m.rows, p.rows)
            WHEN p.state = 'whole' AND m.volume <> (p.figures ->> 'volume')::bigint
                THEN format('the minutes hold %%s shares, and %%s were proved', m.volume, p.figures ->> 'volume')
            WHEN p.state = 'empty' AND m.rows > 0 THEN format('it is proved empty, and %%s minutes are stored', m.rows)
            WHEN p.state = 'empty' AND b.volume > 0 AND b.open > 0
                THEN format('it is proved empty, and the daily bar has %%s shares', b.volume)
            WHEN m.impossible > 0 THEN format('the value of %%s minutes is outside volume x low to high', m.impossible)
            WHEN b.volume < m.volume
                THEN format('the minutes hold %%s shares, and the daily bar has %%s', m.volume, b.volume)
            WHEN b.open > 0 AND (m.high > b.high OR m.low < b.low)
                THEN format('prices run from %%s to %%s in the minutes, and from %%s to %%s in the daily bar',
                    m.low, m.high, b.low, b.high)
            END AS problem
        FROM proof p FULL JOIN minute m ON m.stock_code = p.stock_code AND m.session = p.session
        LEFT JOIN market.daily_bar b ON b.session BETWEEN %(first)s AND %(last)s
            AND b.stock_code = coalesce(p.stock_code, m.stock_code) AND b.session = coalesce(p.session, m.session)
    ) found WHERE problem IS NOT NULL ORDER BY session, stock_code
"""
_DAYS = f"""
    SELECT b.stock_code::text, b.session::date, 'a bar is stored of a session on which no list has the instrument'
    FROM market.daily_bar b WHERE b.session BETWEEN %(first)s AND %(last)s
        AND EXISTS (SELECT FROM market.listing i WHERE i.stock_code = b.stock_code)
        AND NOT EXISTS (SELECT FROM market.listing i WHERE i.stock_code = b.stock_code AND {listed("i", "b.session")})
    UNION ALL
    SELECT b.stock_code::text, b.session::date, 'a bar is stored, and the cell counts as ' || p.state
    FROM market.proof p JOIN market.daily_bar b ON b.stock_code = p.stock_code AND b.session = p.session
    WHERE p.dataset = 'daily_bar' AND p.rows = 0 AND p.session BETWEEN %(first)s AND %(last)s
        AND b.session BETWEEN %(first)s AND %(last)s
    ORDER BY 2, 1
"""  # noqa: S608 - a condition of the schema
_OPPOSED = """
    SELECT stock_code::text, session::date, figures -> 'statements' FROM market.proof
    WHERE dataset = %(dataset)s AND session BETWEEN %(first)s AND %(last)s AND state = 'doubted'
        AND figures ? 'statements'
    ORDER BY session, stock_code
"""
_STATEMENTS = {"daily_bar": _DAYS, "minute_bar": _MINUTES, "trade": CONTRADICTED}
_LISTED = (
    f"SELECT listed_from, delisted_on FROM market.listing i WHERE stock_code = %(code)s AND {listed('i', '%(day)s')}"  # noqa: S608
)
_BAR = """
    SELECT b.close, b.change, b.volume, b.source, b.run_id, p.session, p.close FROM market.daily_bar b
    LEFT JOIN LATERAL (SELECT session, close FROM market.daily_bar d
        WHERE d.stock_code = b.stock_code AND d.session < b.session ORDER BY d.session DESC LIMIT 1) p ON true
    WHERE b.stock_code = %(code)s AND b.session = %(day)s
"""
_PROOF = """
    SELECT dataset, state, proof, figures, rows, ask_again, source, run_id, proved_at FROM market.proof
    WHERE stock_code = %(code)s AND session = %(day)s ORDER BY dataset
"""
_STATES = "SELECT dataset, state FROM market.coverage_cells(%(day)s, %(day)s) WHERE stock_code = %(code)s ORDER BY 1"


@dataclass(frozen=True)
class Contradiction:
    """A cell whose rows say otherwise than what is stored beside them, or than another dataset."""

    dataset: str
    stock_code: str
    session: date
    problem: str

    def __str__(self) -> str:
        return f"{self.dataset} of {self.stock_code} on {self.session}: {self.problem}"


def contradictions(connection: Connection, dataset: str, first: date, last: date) -> Iterator[Contradiction]:
    """Yield the cells of a range of sessions, both ends included, that contradict their proofs; by session and code.

    Minutes are held against their proof, their own values and the daily bar, whose volume, high and low are bounds: it
    may hold the after-market, block and off-hours trades. Bars are held against the lists. Cells that two answers each
    proved with other figures come after these. Nothing is written.

    Args:
        connection: Of any role.
        dataset: Its name; one without a statement of its own has no proofs to contradict.
        first: First session, included; the whole range is looked at in one statement, so ask for a month at a time.
        last: Last session, included.

    Raises:
        TransientError: The warehouse is away or busy; trying again can help.
    """
    values = {"dataset": dataset, "first": first, "last": last}
    with said_plainly("verify"), connection.cursor() as cursor:
        if dataset in _STATEMENTS:
            cursor.execute(_STATEMENTS[dataset], values)
            for row in cursor.fetchall():
                yield Contradiction(dataset, *row)
        cursor.execute(_OPPOSED, values)
        for code, session, statements in cursor.fetchall():
            yield Contradiction(dataset, code, session, f"{OPPOSED}: {described(statements)}")


def explained(connection: Connection, stock_code: str, session: date) -> list[str]:
    """Return, a sentence each, what proves the cells of an instrument on a session, or what is missing for a proof."""
    values = {"code": stock_code, "day": session}
    with said_plainly("verify"), connection.cursor() as cursor:
        said = [_said_listed(cursor, values)]
        cursor.execute(_STATES, values)
        states = [f"{dataset}: {state.replace('_', ' ')}" for dataset, state in cursor.fetchall()]
        said += states or ["coverage expects nothing of it"]
        cursor.execute(_BAR, values)
        said += [_said_bar(*row) for row in cursor.fetchall()]
        cursor.execute(_PROOF, values)
        said += [_said_proof(*row) for row in cursor.fetchall()]
    return said


def _said_listed(cursor: Cursor, values: dict[str, Any]) -> str:
    cursor.execute(_LISTED, values)
    stay = cursor.fetchone()
    if stay is None:
        return "no list has it on that session, so no cell of it must exist"
    since, until = stay
    begun = f"since {since}" if since else "and nobody told since when: its start cannot be proved"
    return f"it is on the list {begun}{f', until {until}' if until else ''}"


def _said_bar(
    close: int, change: int, volume: int, source: str, run_id: int | None, before: date | None, close_before: int | None
) -> str:
    said = f"daily_bar: its row is the proof, close {close:,}, volume {volume:,}, from {source} by run {run_id}"
    if before is None:
        return f"{said}; no bar before it is stored"
    base = close - change
    fits = "is" if base == close_before else "is not"
    return f"{said}; its base price {base:,} {fits} the close {close_before:,} of {before}"


def _said_proof(
    dataset: str, state: str, proof: str, figures: dict[str, Any], rows: int, ask_again: date | None, source: str,
    run_id: int | None, proved_at: Any,
) -> str:  # fmt: skip
    numbers = ", ".join(f"{name} {value}" for name, value in figures.items() if name != STATEMENTS)
    numbers = described(figures[STATEMENTS]) if STATEMENTS in figures else numbers
    again = f"; it is asked for again on {ask_again}" if ask_again else ""
    return (
        f"{dataset}: {state}, because {proof} ({rows:,} rows; {numbers or 'no figures'}), by {source} in run {run_id} "
        f"at {proved_at:%Y-%m-%d %H:%M%z}{again}"
    )
