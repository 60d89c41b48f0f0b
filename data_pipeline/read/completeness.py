"""Refuses what the warehouse does not know: codes it has never seen, and ranges with gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.datasets.dataset import Dataset
from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError, UnknownStockError
from data_pipeline.loading.instruments.listing import listed, unknown_codes
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.read.adjusted import JOIN, Span, join_values

SHOWN = 3
MOST_CODES = 20
"""How many codes a command that is proposed names; with more it asks for the whole market."""
_CELLS = """
    WITH day AS MATERIALIZED (
        SELECT session::date FROM market.final_session WHERE session BETWEEN %(first)s AND %(last)s
            AND (%(as_of)s::timestamptz IS NULL OR market.final_at(session) <= %(as_of)s)
    ), stay AS MATERIALIZED (
        SELECT stock_code, listed_from, delisted_on FROM market.listing
        WHERE %(codes)s::text[] IS NULL OR stock_code = ANY (%(codes)s)
    )
"""
_LISTED = listed("i", "d.session")
_LACKING = """
    SELECT (SELECT count(*) FROM day d JOIN stay i ON {listed}) - (
        SELECT count(*) FROM {stored} JOIN day d ON d.session = b.session
        JOIN stay i ON i.stock_code = b.stock_code AND {listed}
        WHERE b.session BETWEEN %(first)s AND %(last)s {of}
    ) - (
        SELECT count(*) FROM market.no_data n JOIN day d ON d.session = n.session
        JOIN stay i ON i.stock_code = n.stock_code AND {listed}
        WHERE n.dataset = %(table)s AND (%(as_of)s::timestamptz IS NULL OR n.loaded_at <= %(as_of)s) AND NOT EXISTS (
            SELECT FROM {stored} WHERE b.stock_code = n.stock_code AND b.session = n.session {of})
    )
"""
_WHICH = """
    SELECT stock_code, min(session), max(session), count(*) FROM (
        SELECT i.stock_code::text, d.session FROM day d JOIN stay i ON {listed}
        EXCEPT SELECT b.stock_code::text, b.session::date FROM {stored}
        WHERE b.session BETWEEN %(first)s AND %(last)s {of}
        EXCEPT SELECT stock_code::text, session::date FROM market.no_data
        WHERE dataset = %(table)s AND (%(as_of)s::timestamptz IS NULL OR loaded_at <= %(as_of)s)
    ) cell GROUP BY stock_code ORDER BY stock_code
"""
_UNSEEN = """
    SELECT i.stock_code::text, min(d.session), max(d.session), count(*) FROM day d JOIN stay i ON {listed}
    WHERE NOT EXISTS (SELECT FROM {stored} WHERE b.stock_code = i.stock_code AND b.session = d.session)
        AND NOT market.is_archived(%(table)s, d.session)
    GROUP BY i.stock_code ORDER BY i.stock_code
"""
_UNSEEN_BY_ANYBODY = """
    SELECT 'the market', min(d.session), max(d.session), count(*) FROM day d
    WHERE NOT EXISTS (SELECT FROM {stored} WHERE b.session = d.session)
        AND NOT EXISTS (SELECT FROM market.seal s WHERE s.dataset = %(table)s AND s.session = d.session AND s.rows > 0
            AND market.is_archived(%(table)s, d.session))
    HAVING count(*) > 0
"""
_SESSIONS = """
    SELECT label, min(session), max(session), count(*) FROM {cells}(%(first)s, %(last)s)
    WHERE state = 'missing' GROUP BY label ORDER BY label
"""
_UNKNOWN_INDICES = """
    SELECT name FROM unnest(%s::text[]) AS wanted (name)
    WHERE NOT EXISTS (
        SELECT FROM market.index_bar b WHERE b.name = wanted.name OR b.family || ' ' || b.name = wanted.name)
    ORDER BY name
"""
_UNPROVED = """
    SELECT stock_code, min(session), max(session), count(*) FROM market.coverage_cells(%(first)s, %(last)s)
    WHERE dataset = %(table)s AND state NOT IN ('loaded', 'known_empty') AND NOT (state = 'archived' AND EXISTS (
            SELECT FROM market.loaded_day l WHERE l.dataset = %(table)s
                AND l.stock_code = coverage_cells.stock_code AND l.session = coverage_cells.session))
        AND (%(codes)s::text[] IS NULL OR stock_code = ANY (%(codes)s))
    GROUP BY stock_code ORDER BY stock_code
"""
_UNWATCHED = """
    SELECT i.stock_code::text, min(d.session), max(d.session), count(*) FROM day d JOIN stay i ON {listed}
    WHERE NOT EXISTS (SELECT FROM market.stream_watch w WHERE w.session = d.session AND w.stock_code = i.stock_code)
    GROUP BY i.stock_code ORDER BY i.stock_code
"""
_UNRATED = """
    SELECT b.stock_code::text, min(b.session), max(b.session), count(*) FROM {stored} {join}
    WHERE a.until IS NOT NULL AND b.session BETWEEN %(first)s AND %(last)s GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True)
class Asked:
    """What was asked for."""

    dataset: Dataset
    codes: Sequence[str] | None
    first: date
    last: date
    as_of: datetime | None = None

    @property
    def table(self) -> str:
        """The table that it is stored in, which is also the dataset's name."""
        return self.dataset.name

    @property
    def values(self) -> dict[str, Any]:
        """For the statements."""
        return {
            "table": self.table, "codes": self.codes, "first": self.first, "last": self.last, "as_of": self.as_of,
        }  # fmt: skip

    @property
    def stored(self) -> str:
        """Where it is kept, with the alias ``b``."""
        return f"market.{self.table} b" if self.as_of is None else f"market.{self.table}_as_of(%(as_of)s) b"

    def __str__(self) -> str:
        then = f" as of {self.as_of.isoformat()}" if self.as_of else ""
        return f"{self.table} from {self.first} to {self.last}{then}"


def require_known(cursor: Cursor, asked: Asked) -> None:
    """Refuse a code that the warehouse has neither seen listed nor stored.

    Raises:
        UnknownStockError: Names the first such code.
    """
    for code in unknown_codes(cursor.connection, asked.codes or ()):
        cursor.execute(f"SELECT FROM market.{asked.table} WHERE stock_code = %s LIMIT 1", (code,))
        if cursor.fetchone() is None:
            raise UnknownStockError(code, "the warehouse")


def require_bars(cursor: Cursor, asked: Asked) -> None:
    """Refuse a range of bars with cells that are neither stored nor known to be empty.

    A cell is a final session on which an instrument was listed, whether or not coverage expects it yet.

    Raises:
        IncompleteDataError: Names how many and the first of them.
        CalendarRangeError: The calendar does not reach, so nobody can tell.
    """
    kept = asked.dataset.kept
    words = {"listed": _LISTED, **kept, "stored": asked.stored if asked.as_of else kept["stored"]}
    _require_listing(cursor, asked)
    cursor.execute(_CELLS + _LACKING.format(**words), asked.values)
    if (cursor.fetchone() or (0,))[0]:
        cursor.execute(_CELLS + _WHICH.format(**words), asked.values)
        rows = cursor.fetchall()
        _refuse(asked, "are neither stored nor known to be empty", rows, _fill(asked, rows, by_code=True))


def require_moments(cursor: Cursor, asked: Asked) -> None:
    """Refuse a range of snapshots in which a final session has none: of a named code, or of anything.

    Nobody knows how many there should be, so one is enough. Which codes must have some is told by the list of
    instruments; a dataset that is not asked for by code needs no list.

    Raises:
        IncompleteDataError: Names how many and the first of them.
        CalendarRangeError: The calendar does not reach, so nobody can tell.
    """
    if asked.dataset.by_code:
        _require_listing(cursor, asked)
    else:
        krx_calendar().sessions(asked.first, asked.last)
    statement = _UNSEEN_BY_ANYBODY if asked.codes is None else _UNSEEN
    cursor.execute(_CELLS + statement.format(listed=_LISTED, stored=asked.stored), asked.values)
    if found := cursor.fetchall():
        _refuse(asked, "hold nothing", found, "what was not seen then cannot be fetched later")


def require_watched(cursor: Cursor, asked: Asked) -> None:
    """Refuse a range of trades in which a day of a watched code is not proved, or of a named code was not watched.

    Raises:
        IncompleteDataError: Names how many and the first of them.
        CalendarRangeError: The calendar does not reach, so nobody can tell.
    """
    _require_listing(cursor, asked)
    cursor.execute(_UNPROVED, asked.values)
    if found := cursor.fetchall():
        remedy = "`data-pipeline verify --cell CODE DAY` says why, and market.stream_gap what is lacking"
        _refuse(asked, "are not proved", found, remedy)
    if asked.codes is not None:
        cursor.execute(_CELLS + _UNWATCHED.format(listed=_LISTED), asked.values)
        if found := cursor.fetchall():
            _refuse(asked, "were not watched", found, "the trades of a day that is over cannot be fetched")


def require_sessions(cursor: Cursor, asked: Asked) -> None:
    """Refuse a range of a dataset of the whole market in which a final session lacks one of its main rows.

    Raises:
        IncompleteDataError: Names how many and the first of them.
        CalendarRangeError: The calendar does not reach, so nobody can tell.
    """
    krx_calendar().sessions(asked.first, asked.last)
    cursor.execute(_SESSIONS.format(cells=f"market.{asked.table}_cells"), asked.values)
    if found := cursor.fetchall():
        _refuse(asked, "are not stored", found, _fill(asked, found, by_code=False))


def require_indices(cursor: Cursor, names: Sequence[str]) -> None:
    """Refuse the name of an index that the warehouse has never seen.

    Raises:
        InvalidRequestError: Names the first such one.
    """
    cursor.execute(_UNKNOWN_INDICES, (list(names),))
    if row := cursor.fetchone():
        raise InvalidRequestError(
            f"no index called {row[0]!r} is stored: take the Korean name, as 코스피, or KOSPI 코스피"
        )


def require_factors(cursor: Cursor, asked: Asked, found: Iterable[Span]) -> None:
    """Refuse adjusted prices whose factor nobody knows.

    Raises:
        IncompleteDataError: Names the codes.
    """
    unknown = [span for span in found if span.factor is None and span.until > asked.first and span.since <= asked.last]
    if not unknown:
        return
    cursor.execute(_UNRATED.format(stored=asked.stored, join=JOIN), asked.values | join_values(unknown))
    if rows := cursor.fetchall():
        _refuse(asked, "have no known factor, because bars after them are missing", rows,
                "fill the gap that market.price_adjustment names, or take raw prices")  # fmt: skip


def _require_listing(cursor: Cursor, asked: Asked) -> None:
    for day in (asked.first, asked.last):
        krx_calendar().is_session(day)  # a year without a calendar raises
    cursor.execute("SELECT FROM market.instrument LIMIT 1")
    if asked.codes is None and cursor.fetchone() is None:
        raise IncompleteDataError(
            f"{asked}: the warehouse lists no instrument yet, so what the whole market is cannot be told;"
            " `data-pipeline run` loads the list, as does the DAG market_reference"
        )


def _fill(asked: Asked, rows: Sequence[tuple[str, date, date, int]], *, by_code: bool) -> str:
    """Return the command that fills what is missing, and asks for no other session and no other code."""
    if asked.as_of:
        return "what the warehouse held then cannot be filled later: read without as_of"
    first, last = min(begin for _, begin, _, _ in rows), max(end for _, _, end, _ in rows)
    codes = f" --codes {','.join(code for code, *_ in rows)}" if by_code and len(rows) <= MOST_CODES else ""
    return f"`data-pipeline backfill --dataset {asked.table} --first {first} --last {last}{codes}` fills them"


def _refuse(asked: Asked, what: str, rows: list[tuple[str, date, date, int]], remedy: str) -> None:
    cells = sum(count for *_, count in rows)
    named = "; ".join(f"{code} {_days(first, last)}" for code, first, last, _ in rows[:SHOWN])
    more = f"; and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    raise IncompleteDataError(
        f"{asked}: {cells:,} cells {what} ({named}{more}); {remedy}, complete=False (--incomplete) takes what is there"
    )


def _days(first: date, last: date) -> str:
    return f"on {first}" if first == last else f"between {first} and {last}"
