"""What the warehouse still lacks: pure SQL readers; nothing here writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets import find_dataset
from data_pipeline.loading.instruments.listing import listed
from data_pipeline.market.window import Gap
from data_pipeline.warehouse.errors import said_plainly

_MISSING = """
    SELECT c.stock_code, s.number, c.session FROM market.coverage_cells(%(first)s, %(last)s) c
    JOIN market.final_session s ON s.session = c.session
    WHERE c.dataset = %(dataset)s {codes} AND (c.state IN ('missing', 'unproven')
        OR c.state = 'unproven_empty' AND EXISTS (SELECT FROM market.proof p
            WHERE p.dataset = c.dataset AND p.stock_code = c.stock_code AND p.session = c.session
                AND p.ask_again <= (SELECT (market.now() AT TIME ZONE 'Asia/Seoul')::date)))
"""
# EXCEPT hashes both sides whatever the planner believes about their sizes; an anti-join may loop for minutes.
_LISTED = f"""
    SELECT i.stock_code::text, s.number, s.session::date FROM market.final_session s
    JOIN market.listing i ON {listed("i", "s.session")} {{codes}}
    WHERE s.session BETWEEN %(first)s AND %(last)s AND NOT market.is_archived(%(dataset)s, s.session)
"""  # noqa: S608 - a condition of the schema
_UNSTORED = """
    {cells}
    EXCEPT SELECT b.stock_code::text, s.number, s.session::date FROM {stored}
    JOIN market.final_session s ON s.session = b.session
    WHERE b.session BETWEEN %(first)s AND %(last)s {of} {held}
    EXCEPT SELECT b.stock_code::text, s.number, s.session::date FROM market.no_data b
    JOIN market.final_session s ON s.session = b.session
    WHERE b.dataset = %(dataset)s AND b.session BETWEEN %(first)s AND %(last)s {held}
"""
_GAPS = """
    WITH cell (stock_code, number, session) AS ({cells})
    SELECT stock_code, min(session), max(session) FROM (
        SELECT *, number - row_number() OVER (PARTITION BY stock_code ORDER BY number) AS island FROM cell
    ) islands GROUP BY stock_code, island ORDER BY stock_code, min(session)
"""
_INCOMPLETE = """
    SELECT DISTINCT session FROM {cells}(%(first)s, %(last)s) WHERE {of} state = 'missing' ORDER BY session
"""
COUNTED = """(
        SELECT dataset, session, count(*) AS expected, count(*) FILTER (WHERE state = 'loaded') AS loaded,
            count(*) FILTER (WHERE state = 'known_empty') AS known_empty,
            count(*) FILTER (WHERE state IN ('missing', 'unproven')) AS missing,
            count(*) FILTER (WHERE state = 'unproven') AS unproven,
            count(*) FILTER (WHERE state = 'unproven_empty') AS unproven_empty,
            count(*) FILTER (WHERE state = 'archived') AS archived
        FROM market.coverage_cells(%(first)s, %(last)s) GROUP BY dataset, session
    ) b"""
"""``market.coverage`` for the sessions of a range, which reads only their months."""
OF_DATASET = "%(dataset)s::text IS NULL OR b.dataset = %(dataset)s"
"""Which of them: of one dataset, or of all when it is null."""
_COVERAGE = f"SELECT * FROM {COUNTED} WHERE {OF_DATASET} ORDER BY dataset, session"  # noqa: S608 - of this file


@dataclass(frozen=True)
class Coverage:
    """One session of one dataset: cells that must exist, and what became of them."""

    dataset: str
    session: date
    expected: int
    loaded: int
    known_empty: int
    missing: int
    unproven: int = 0
    """Those of the missing of which rows are stored, without a proof that they are all."""
    unproven_empty: int = 0
    """Asked for in vain on three days, between bars that fit together: neither missing nor known to be empty."""
    archived: int = 0
    """Their month was let go, into a file or for good: not asked for again."""

    @property
    def absent(self) -> int:
        """Cells of which no row is stored, and that nothing proves to be empty."""
        return self.missing - self.unproven

    @property
    def doubtful(self) -> int:
        """Cells that nothing proves: their rows are stored, or they were asked for in vain."""
        return self.unproven + self.unproven_empty

    @property
    def lacks(self) -> bool:
        """Whether a cell of it is absent or doubtful."""
        return bool(self.missing or self.unproven_empty)


def coverage(connection: Connection, first: date, last: date, dataset: str | None = None) -> list[Coverage]:
    """Return the coverage of every final session of a range, by dataset and session; both ends included.

    Sessions of which nothing is expected are absent.
    """
    with said_plainly("coverage"), connection.cursor() as cursor:
        cursor.execute(_COVERAGE, {"first": first, "last": last, "dataset": dataset})
        return [Coverage(*row) for row in cursor.fetchall()]


def missing_cells(
    connection: Connection, dataset: str, stock_codes: Sequence[str] | None, first: date, last: date
) -> dict[str, list[Gap]]:
    """Return the gaps that ``market.coverage`` counts as missing: by code in order, oldest first.

    Args:
        connection: Of any role.
        dataset: One that has cells.
        stock_codes: None for every instrument.
        first: First session, included.
        last: Last session, included.
    """
    return _gaps(connection, _MISSING.format(codes=_codes("c", stock_codes)), dataset, stock_codes, first, last)


def unstored_cells(
    connection: Connection, dataset: str, stock_codes: Sequence[str] | None, first: date, last: date
) -> dict[str, list[Gap]]:
    """Return what is neither stored nor known to be empty, whether or not coverage expects it yet.

    The arguments are those of :func:`missing_cells`. An instrument whose first listed day is unknown counts as listed
    ever since; one that the warehouse does not list has no cell.
    """
    cells = _LISTED.format(codes=_codes("i", stock_codes))
    held = _codes("b", stock_codes)
    cells = _UNSTORED.format(cells=cells, held=held, **find_dataset(dataset).kept)
    return _gaps(connection, cells, dataset, stock_codes, first, last)


def all_cells(
    connection: Connection, dataset: str, stock_codes: Sequence[str] | None, first: date, last: date
) -> dict[str, list[Gap]]:
    """Return one gap for each listed instrument, as if nothing were stored; the arguments are those of the others."""
    cells = _LISTED.format(codes=_codes("i", stock_codes))
    return _gaps(connection, cells, dataset, stock_codes, first, last)


def incomplete_sessions(
    connection: Connection, dataset: str, first: date, last: date, *, only_expected: bool
) -> list[date]:
    """Return the final sessions of a range on which a main row of the whole market is not stored, oldest first.

    Args:
        connection: Of any role.
        dataset: One of the whole market.
        first: First session, included.
        last: Last session, included.
        only_expected: Leave out the sessions before the first that was ever loaded.
    """
    cells = sql.Identifier("market", "coverage_cells" if only_expected else f"{dataset}_cells")
    of = sql.SQL("dataset = %(dataset)s AND" if only_expected else "")
    statement = sql.SQL(_INCOMPLETE).format(cells=cells, of=of)
    with said_plainly("coverage"), connection.cursor() as cursor:
        cursor.execute(statement, {"dataset": dataset, "first": first, "last": last})
        return [day for (day,) in cursor.fetchall()]


def first_expected(connection: Connection, dataset: str) -> date | None:
    """Return the first session of which a dataset is expected; None when nothing was ever loaded."""
    statement = "SELECT min(first) FROM market.expected_range WHERE dataset = %s"
    if not find_dataset(dataset).by_code:
        statement = "SELECT min(session) FROM market.coverage_cell WHERE dataset = %s"
    with said_plainly("coverage"), connection.cursor() as cursor:
        cursor.execute(statement, (dataset,))
        found: date | None = (cursor.fetchone() or (None,))[0]
        return found


def _codes(alias: str, stock_codes: Sequence[str] | None) -> str:
    return "" if stock_codes is None else f"AND {alias}.stock_code = ANY (%(codes)s)"


def _gaps(
    connection: Connection, cells: str, dataset: str, stock_codes: Sequence[str] | None, first: date, last: date
) -> dict[str, list[Gap]]:
    values = {"dataset": dataset, "codes": list(stock_codes or []), "first": first, "last": last}
    found: dict[str, list[Gap]] = defaultdict(list)
    with said_plainly("coverage"), connection.cursor() as cursor:
        cursor.execute(_GAPS.format(cells=cells), values)
        for code, begin, end in cursor.fetchall():
            found[code].append((begin, end))
    return dict(found)
