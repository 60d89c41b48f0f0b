"""Answers of one source that each prove a cell and state different figures: neither is believed until a third decides.

What is stored stays, what the later answer says is kept as a statement in ``market.proof``, and the cell is doubted, so
it is asked for again. An answer that agrees with one of the statements settles it, and so does a source that ranks
higher. The exchange's own bars may be restated by the exchange, as may whatever was stored before its session was final
or changed past the loader since.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets.table import Table
from data_pipeline.loading.coverage.minute_figures import figures, repeated_minutes, stored_figures
from data_pipeline.market.origin import origin_of

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell

log = logging.getLogger(__name__)

OPPOSED = "answers that each prove it state different figures"
STATEMENTS = "statements"
"""Where the figures of a doubted proof keep what each answer said."""
MOST = 5
"""How many statements of a cell are kept: the first and the newest."""
NAMED = 10
Statement = dict[str, Any]
"""Figures by name, with ``source`` and ``run_id``."""

_PROOFS = """
    SELECT stock_code::text, session::date, state, source::text, run_id, figures -> 'statements' FROM market.proof
    WHERE dataset = %s AND stock_code = ANY (%s) AND session BETWEEN %s AND %s
        AND (state IN ('whole', 'empty') OR figures ? 'statements')
"""
# The planner, which knows nothing of a month just made, may not read it all.
_ROWS = """
    SET LOCAL enable_seqscan = off;
    SELECT b.stock_code::text, b.session::date, b.source::text, b.run_id, p.figures -> 'statements', {columns}
    FROM market.{table} b
    LEFT JOIN market.proof p ON p.dataset = {name} AND p.stock_code = b.stock_code AND p.session = b.session
    WHERE b.stock_code = ANY (string_to_array(%(codes)s, ' ')) AND b.session BETWEEN %(first)s AND %(last)s
        AND (p.figures ? 'statements' OR p.state IS NULL AND b.source = %(source)s
            AND b.loaded_at + (market.now() - now()) >= market.final_at(b.session))
"""
_TORN = """
    SELECT s.session::date FROM market.seal s
    LEFT JOIN LATERAL market.{digests}(s.session::date, s.session::date) d ON true
    WHERE s.dataset = {name} AND s.session = ANY (%s) AND s.digest IS DISTINCT FROM d.digest
"""


class Weighed(NamedTuple):
    """What becomes of the cells that were proved before."""

    opposed: dict[Cell, list[Statement]]
    """Cells about which no two answers agree, and what each of them said, the stored one first."""
    standing: set[Cell]
    """Cells whose proof an answer that proves less, or is of a source that ranks lower, leaves as it is."""
    repeated: AbstractSet[Cell] = frozenset()
    """Cells of which this answer says just what is stored."""

    @property
    def withheld(self) -> set[Cell]:
        """The cells of which nothing may be written."""
        return {*self.opposed} | self.standing


class _Proved(NamedTuple):
    """What is stored of a cell that an answer proved before."""

    source: str
    stored: Statement
    statements: list[Statement] | None
    """What opposing answers said; None of a cell that is settled."""


class _Earlier(NamedTuple):
    """What is noted of a session of minutes."""

    state: str
    source: str
    run_id: int | None
    statements: list[Statement] | None


def weigh_rows(
    connection: Connection, table: Table, records: Iterable[Any], cells: Collection[Cell], source: str,
    run_id: int | None,
) -> Weighed:  # fmt: skip
    """Compare rows that each prove their own cell with the stored ones; never writes.

    Args:
        connection: The load's own, before its rows are written.
        table: With one row a cell.
        records: The rows that came.
        cells: Those of them that were final when the source was asked.
        source: Who said so.
        run_id: The ``ingest_run`` of the load.
    """
    if not cells or origin_of(source).official:
        return Weighed({}, set())
    names = [name for name in table.columns if name not in table.key]
    statement = sql.SQL(_ROWS).format(
        columns=sql.SQL(", ").join(sql.Identifier("b", name) for name in names),
        table=sql.Identifier(table.name),
        name=sql.Literal(table.name),
    )
    proved: dict[Cell, _Proved] = {}
    with connection.cursor() as cursor:
        reach = _range(cells)
        cursor.execute(statement, {**reach, "codes": " ".join(reach["codes"]), "source": source})
        for code, session, by, run, statements, *figures in cursor.fetchall():
            stored = {**dict(zip(names, figures, strict=True)), "source": by, "run_id": run}
            proved[code, session] = _Proved(by, stored, statements)
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")
    if not proved:
        return Weighed({}, set())
    said: dict[Cell, Statement] = {}
    for record in records:
        values = table.values(record)
        cell: Cell = (str(values[0]), table.day_of(record))
        if cell in proved and cell in cells:
            of_row = zip(table.columns, values, strict=True)
            said[cell] = {name: value for name, value in of_row if name not in table.key}
            said[cell] |= {"source": source, "run_id": run_id}
    return _weighed(connection, table, proved, said, source)


def weigh_minutes(
    connection: Connection, table: Table, minutes: Mapping[Cell, Sequence[Any]], came: Collection[Cell],
    proving: Collection[Cell], idle: Collection[Cell], traded: Collection[Cell], source: str, run_id: int | None,
) -> Weighed:  # fmt: skip
    """Compare sessions of minutes with those that were proved before; never writes.

    Args:
        connection: The load's own, before its rows are written.
        table: That of minutes.
        minutes: Those that came, by cell.
        came: The cells of them that were final when the source was asked.
        proving: The cells that this answer proves whole or empty.
        idle: The cells whose stored daily bar says that nothing was traded, which decides for an empty answer.
        traded: Those whose stored daily bar says otherwise, which decides against an empty one of before.
        source: Who said so.
        run_id: The ``ingest_run`` of the load.
    """
    before = _proved_before(connection, table, {*came, *proving}, source)
    before = {cell: one for cell, one in before.items() if cell in came or cell not in idle}
    may_fill = {*proving}.difference(traded)
    proved = {cell: one for cell, one in before.items() if one.state != "empty" or cell in may_fill}
    repeated = repeated_minutes(connection, {cell: minutes.get(cell, ()) for cell in proved if cell in proving})
    proved = {cell: one for cell, one in proved.items() if cell not in repeated}
    if not proved:
        return Weighed({}, set(), repeated)
    said = {
        cell: {**figures(minutes.get(cell, ())), "source": source, "run_id": run_id}
        for cell in proved
        if cell in proving
    }
    weighed = _weighed(connection, table, _with_minutes(connection, proved), said, source)
    return Weighed(weighed.opposed, weighed.standing | (proved.keys() - said.keys()), repeated)


def _proved_before(connection: Connection, table: Table, cells: Collection[Cell], source: str) -> dict[Cell, _Earlier]:
    """Return what is noted of those cells that another answer proved before, unless this source ranks higher."""
    if not cells:
        return {}
    rank, reach = origin_of(source).rank, _range(cells)
    with connection.cursor() as cursor:
        cursor.execute(_PROOFS, (table.name, reach["codes"], reach["first"], reach["last"]))
        found = {(code, day): _Earlier(*said) for code, day, *said in cursor.fetchall()}
    return {cell: one for cell, one in found.items() if cell in cells and origin_of(one.source).rank >= rank}


def _with_minutes(connection: Connection, proved: Mapping[Cell, _Earlier]) -> dict[Cell, _Proved]:
    """Return what the stored minutes of proved sessions come to."""
    stored = stored_figures(connection, proved)
    return {
        cell: _Proved(one.source, {**stored[cell], "source": one.source, "run_id": one.run_id}, one.statements)
        for cell, one in proved.items()
    }


def described(statements: Sequence[Statement]) -> str:
    """Return what each answer said of a cell, the figures in which they agree left out."""
    names = sorted({*statements[0], *statements[-1]} - {"source", "run_id", "digest"}, key=_place)
    differing = [name for name in names if len({one.get(name) for one in statements}) > 1]
    return "; ".join(
        f"{one['source']} in run {one['run_id']} says "
        + (", ".join(f"{name} {_number(one.get(name))}" for name in differing) or "other prices in some minutes")
        for one in statements
    )


def _place(name: str) -> tuple[int, str]:
    """Return what sorts figures as they are told; those that the database keeps have no order."""
    told = ("minutes", "open", "high", "low", "close", "volume", "trading_value", "change")
    return (told.index(name) if name in told else len(told), name)


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "none" if value is None else str(value)


def _range(cells: Iterable[Cell]) -> dict[str, Any]:
    codes, days = set[str](), set[date]()
    for code, day in cells:
        codes.add(code)
        days.add(day)
    return {"codes": sorted(codes), "first": min(days), "last": max(days)}


def _weighed(
    connection: Connection, table: Table, proved: Mapping[Cell, _Proved], said: Mapping[Cell, Statement], source: str
) -> Weighed:
    opposed: dict[Cell, list[Statement]] = {}
    standing: set[Cell] = set()
    rank = origin_of(source).rank
    for cell, new in sorted(said.items()):
        by, stored, statements = proved[cell]
        if rank > origin_of(by).rank or _agree(new, stored):
            continue
        if rank < origin_of(by).rank:
            standing.add(cell)
        elif not any(_agree(new, one) for one in statements or ()):
            opposed[cell] = [*(statements or [stored])[: MOST - 1], new]
    _forgive_torn(connection, table, opposed)
    for cell, statements in sorted(opposed.items())[:NAMED]:
        log.warning("%s of %s on %s is doubted: %s: %s", table.name, *cell, OPPOSED, described(statements))
    if len(opposed) > NAMED:
        log.warning("%s: %d more cells are doubted: %s", table.name, len(opposed) - NAMED, OPPOSED)
    return Weighed(opposed, standing)


def _agree(one: Statement, other: Statement) -> bool:
    without = ("source", "run_id")
    return {k: v for k, v in one.items() if k not in without} == {k: v for k, v in other.items() if k not in without}


def _forgive_torn(connection: Connection, table: Table, opposed: dict[Cell, list[Statement]]) -> None:
    """Leave out sessions that are not as they were sealed: what is stored there is not what an answer proved."""
    if not opposed or not table.partitioned:
        return
    statement = sql.SQL(_TORN).format(digests=sql.Identifier(f"{table.name}_digests"), name=sql.Literal(table.name))
    with connection.cursor() as cursor:
        cursor.execute(statement, ([*{day for _, day in opposed}],))
        torn: set[date] = {day for (day,) in cursor.fetchall()}
    for cell in [cell for cell in opposed if cell[1] in torn]:
        del opposed[cell]
