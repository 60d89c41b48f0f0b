"""Keeps `market.price_adjustment` in step with the daily bars, in the transaction that changes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Literal

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extras import execute_values

from data_pipeline.exceptions import CalendarRangeError
from data_pipeline.loading.instruments.listing import first_listed_days, offer_days
from data_pipeline.loading.prices.factors import Adjustment, Close, Kind, adjustment
from data_pipeline.market.trading_calendar import TradingCalendar, krx_calendar
from data_pipeline.warehouse.errors import said_plainly

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('market.price_adjustment'))"
_CHANGED = """
    SELECT stock_code, min(session), max(session) FROM (
        SELECT stock_code, session FROM market.daily_bar
        WHERE run_id = %(run)s AND session BETWEEN %(first)s AND %(last)s
        UNION ALL SELECT stock_code, session FROM market.no_data
        WHERE dataset = 'daily_bar' AND run_id = %(run)s AND session BETWEEN %(first)s AND %(last)s
    ) changed GROUP BY stock_code
"""
# Of two bars whose prices join and between which no weekday lies, nothing is to be said; they are nearly all. The last
# bar of each code says how far its span reaches.
_PAIRS = """
    WITH span (stock_code, first, last) AS (VALUES %s), bar AS (
        SELECT b.stock_code, b.session, b.close, b.change, b.source FROM span
        JOIN market.daily_bar b ON b.stock_code = span.stock_code AND b.session BETWEEN span.first AND span.last
            AND b.session BETWEEN {first} AND {last}
        UNION ALL
        SELECT b.stock_code, b.session, b.close, b.change, b.source FROM span CROSS JOIN LATERAL (
            SELECT * FROM market.daily_bar p WHERE p.stock_code = span.stock_code AND p.session < span.first
            ORDER BY p.session DESC LIMIT 1) b
        UNION ALL
        SELECT b.stock_code, b.session, b.close, b.change, b.source FROM span CROSS JOIN LATERAL (
            SELECT * FROM market.daily_bar n WHERE n.stock_code = span.stock_code AND n.session > span.last
            ORDER BY n.session LIMIT 1) b
    ), pair AS (
        SELECT *, lag(session::date) OVER line AS session_before, lag(close) OVER line AS close_before,
            lead(session) OVER line IS NULL AS ends
        FROM bar WINDOW line AS (PARTITION BY stock_code ORDER BY session)
    )
    SELECT stock_code::text, session::date, close, change, source::text, session_before, close_before, ends FROM pair
    WHERE ends OR close - change <> close_before OR NOT (session::date - session_before = 1
        OR session::date - session_before = 3 AND extract(isodow FROM session_before) = 5)
    ORDER BY 1, 2
"""
_STORED = """
    DELETE FROM market.price_adjustment a USING (VALUES %s) AS span (stock_code, first, last)
    WHERE a.stock_code = span.stock_code AND a.session BETWEEN span.first AND span.last
    RETURNING a.stock_code, a.session, a.kind, a.previous_close, a.base_price, a.source, a.run_id, a.loaded_at
"""

Span = tuple[str, date, date]


def adjust_prices(connection: Connection, run_id: int, first: date, last: date) -> int:
    """Recompute what the bars that a run has just written may have changed; never commits, repeating it is safe.

    Only the sessions of those bars, or of cells that the run found truly empty, and the next stored session after them
    are looked at. When the run wrote nothing,
    this costs one query of its months.

    Args:
        connection: The one the bars were loaded on, in the same transaction.
        run_id: The ``ingest_run`` that written bars point to.
        first: First session of the run, included.
        last: Last session of the run, included.

    Returns:
        How many rows of ``market.price_adjustment`` were written or removed.

    Raises:
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        TransientError: A deadlock or timeout; trying the load again can help.
    """
    with said_plainly("price_adjustment"), connection.cursor() as cursor:
        cursor.execute(_CHANGED, {"run": run_id, "first": first, "last": last})
        spans: list[Span] = cursor.fetchall()
        return _readjust(cursor, spans, run_id) if spans else 0


def adjust_all(connection: Connection, stock_codes: Collection[str] | None = None, run_id: int | None = None) -> int:
    """Recompute everything, for some codes or for all that have bars; never commits, repeating it is safe.

    For use after bars were changed or deleted by hand, or when the listing of a reused code became known later.

    Returns:
        How many rows of ``market.price_adjustment`` were written or removed.
    """
    with said_plainly("price_adjustment"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT stock_code, min(session), max(session) FROM market.daily_bar"
            " WHERE %(codes)s::text[] IS NULL OR stock_code = ANY(%(codes)s) GROUP BY stock_code ORDER BY 1",
            {"codes": None if stock_codes is None else sorted(stock_codes)},
        )
        spans = [(code, date.min, date.max) for code, _, _ in cursor.fetchall()]
        return sum(_readjust(cursor, spans[start : start + 100], run_id) for start in range(0, len(spans), 100))


def _readjust(cursor: Cursor, spans: Sequence[Span], run_id: int | None) -> int:
    # One at a time: two loads of adjoining sessions would not see each other's bars.
    cursor.execute(_LOCK)
    pairs, ends = _pairs(cursor, spans)
    codes = [code for code, _, _ in spans]
    breaks = read_breaks(cursor, codes, _known_empty(cursor, codes, pairs))
    told = (adjustment(before, after, breaks) for before, after in pairs)
    found = {(one.stock_code, one.session): one for one in told if one is not None}
    reached = [(code, first, max(last, ends.get(code, last))) for code, first, last in spans]
    return _replace(cursor, reached, found, run_id)


def _pairs(cursor: Cursor, spans: Sequence[Span]) -> tuple[list[tuple[Close, Close]], dict[str, date]]:
    """Return the neighbouring bars of which something may have to be said, and the last session of each code."""
    first, last = min(span[1] for span in spans), max(span[2] for span in spans)
    query = _PAIRS.format(first=f"DATE '{first.isoformat()}'", last=f"DATE '{last.isoformat()}'")
    pairs, ends = [], {}
    for code, session, close, change, source, day_before, close_before, is_last in _values(cursor, query, spans):
        if is_last:
            ends[code] = session
        if day_before is not None:
            pairs.append((Close(code, day_before, close_before, 0), Close(code, session, close, change, source)))
    return pairs, ends


def _replace(
    cursor: Cursor, spans: Sequence[Span], found: dict[tuple[str, date], Adjustment], run_id: int | None
) -> int:
    held = {(row[0], row[1]): row[2:] for row in _values(cursor, _STORED, spans)}
    rows, changed = [], len(held.keys() - found.keys())
    for key, one in found.items():
        values = (one.kind, one.previous_close, one.base_price, one.source)
        old = held.get(key)
        if old is not None and old[:4] == values:
            rows.append((*key, *values, *old[4:]))  # unchanged, its run and time too
        else:
            changed += 1
            rows.append((*key, *values, run_id, None))
    execute_values(
        cursor,
        """
        INSERT INTO market.price_adjustment
            (stock_code, session, kind, previous_close, base_price, source, run_id, loaded_at, factor)
        SELECT code, session, kind, close, base, source, run_id, coalesce(at, statement_timestamp()),
            CASE kind WHEN 'action' THEN round(base::numeric / close, 40) END
        FROM (VALUES %s) AS found (code, session, kind, close, base, source, run_id, at)
        """,
        rows,
        "(%s, %s::date, %s, %s::bigint, %s::bigint, %s, %s::bigint, %s::timestamptz)",
    )
    return changed


def _values(cursor: Cursor, query: str, spans: Sequence[Span]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = execute_values(
        cursor, query, spans, "(%s, %s::date, %s::date)", page_size=len(spans), fetch=True
    )
    return found


def _known_empty(cursor: Cursor, codes: Sequence[str], pairs: Sequence[tuple[Close, Close]]) -> set[tuple[str, date]]:
    if not pairs:
        return set()
    cursor.execute(
        "SELECT stock_code, session FROM market.no_data WHERE dataset = 'daily_bar' AND stock_code = ANY(%s)"
        " AND session BETWEEN %s AND %s",
        (list(codes), min(before.session for before, _ in pairs), max(after.session for _, after in pairs)),
    )
    return set(cursor.fetchall())


def read_breaks(cursor: Cursor, codes: Sequence[str], empty: Collection[tuple[str, date]]) -> Breaks:
    """Return what lies between bars of these codes; ``empty`` are the cells known to be empty."""
    return Breaks(krx_calendar(), first_listed_days(cursor, codes), empty, offer_days(cursor, codes))


class Breaks:
    """Says what lies between two bars, from the calendar, the listings, the offers and the cells known to be empty."""

    def __init__(
        self,
        calendar: TradingCalendar,
        listed_days: dict[str, list[date]],
        empty: Collection[tuple[str, date]],
        offers: Collection[tuple[str, date]] = (),
    ) -> None:
        self.calendar = calendar
        self.listed_days = listed_days
        self.empty = empty
        self.offers = offers
        self._known: dict[tuple[date, date], list[date]] = {}

    def __call__(self, before: Close, after: Close) -> Kind | Literal["move"] | None:
        """Return ``listing``, ``gap`` or ``move``, or None for bars that adjoin."""
        between = self._between(before.session, after.session)
        if between:
            # Between neighbours, a listing day is a move to another board.
            listed = self.listed_days.get(after.stock_code, ())
            if any(before.session < begins <= after.session for begins in listed):
                return "listing"
            if any((after.stock_code, session) not in self.empty for session in between):
                return "gap"
        return "move" if (after.stock_code, after.session) in self.offers else None

    def _between(self, before: date, after: date) -> list[date]:
        """Return the sessions between two; none where the calendar does not reach, so that such bars adjoin."""
        found = self._known.get((before, after))
        if found is None:
            try:
                sessions = self.calendar.sessions(before, after)
            except CalendarRangeError:
                sessions = []
            found = self._known[before, after] = [session for session in sessions if before < session < after]
        return found
