"""The one reader of the question which instruments (종목) were listed when; whoever needs to know asks here.

``market.listing`` has a row for each stay on the list, so a code that was used again has several. A stay whose first
day nobody told of counts as listed ever since, except where somebody has to be certain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from data_pipeline.market.listed import Listed, Phase
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - likewise


def listed(stay: str, first: str, last: str | None = None) -> str:
    """Return the SQL condition that a stay on the list covers a session, or at least one of a range.

    Args:
        stay: Alias of a row of ``market.listing``.
        first: The session, or the first of the range, as SQL.
        last: The last session of the range, included, as SQL; None for a single session.
    """
    return (
        f"({stay}.listed_from IS NULL OR {stay}.listed_from <= {last or first})"
        f" AND ({stay}.delisted_on IS NULL OR {stay}.delisted_on > {first})"
    )


_CODES = f"""
    SELECT DISTINCT l.stock_code FROM market.listing l WHERE {listed("l", "%(first)s", "%(last)s")} ORDER BY 1
"""  # noqa: S608 - a condition of this file
_CERTAIN = """
    SELECT stock_code, listed_from, last_seen FROM market.listing
    WHERE stock_code = ANY(%s) AND listed_from <= last_seen
"""
_GONE = """
    SELECT stock_code, max(delisted_on) FROM market.listing WHERE stock_code = ANY (%s)
    GROUP BY stock_code HAVING bool_and(coalesce(delisted_on <= %s, false)) ORDER BY stock_code
"""
_FIRST_DAYS = """
    SELECT stock_code, listed_from FROM market.listing WHERE stock_code = ANY(%s) AND listed_from IS NOT NULL
"""
_STAYS = """
    SELECT i.stock_code, coalesce(h.market, i.market), coalesce(h.security_group, i.security_group),
        l.listed_from, l.delisted_on, coalesce(h.listed_shares, i.listed_shares),
        coalesce(h.liquidation, i.liquidation), l.last_seen
    FROM market.instrument i JOIN market.listing l ON l.stock_code = i.stock_code
    LEFT JOIN LATERAL (
        SELECT * FROM market.instrument_history h
        WHERE h.stock_code = i.stock_code AND h.valid_from < coalesce(l.delisted_on, 'infinity')
            AND h.valid_from <= greatest(%(session)s, l.listed_from)
        ORDER BY h.valid_from DESC LIMIT 1) h ON true
    WHERE i.stock_code = ANY(%(codes)s)
    ORDER BY i.stock_code, l.delisted_on
"""
# The first session on another board is its listing day there, where the list that told of it came later.
_MOVES = """
    SELECT stock_code, valid_from, left_board, CASE WHEN listed_on > former_from AND listed_on <= valid_from
        THEN listed_on ELSE valid_from END AS session
    FROM (SELECT stock_code::text, valid_from::date, listed_on, market, isin,
            lag(market) OVER code AS left_board, lag(isin) OVER code AS former_isin,
            (lag(valid_from) OVER code)::date AS former_from, (lag(valid_to) OVER code)::date AS former_to
        FROM market.instrument_history WHERE stock_code = ANY(%(codes)s)
        WINDOW code AS (PARTITION BY stock_code ORDER BY valid_from)) h
    WHERE left_board <> market AND former_to = valid_from AND former_isin = isin
"""
# Nearly every code keeps its board and is never in liquidation trading; those need no phases.
_PHASES = f"""
    SELECT h.stock_code, coalesce(m.session, h.valid_from)::date, h.market, coalesce(h.liquidation, i.liquidation),
        m.left_board
    FROM (SELECT *, count(*) FILTER (WHERE liquidation) OVER code AS ending,
            min(market) OVER code <> max(market) OVER code AS moved
        FROM market.instrument_history WHERE stock_code = ANY(%(codes)s) WINDOW code AS (PARTITION BY stock_code)) h
    JOIN market.instrument i ON i.stock_code = h.stock_code
    LEFT JOIN ({_MOVES}) m ON m.stock_code = h.stock_code AND m.valid_from = h.valid_from
    WHERE h.moved OR h.ending > 0
    ORDER BY h.stock_code, h.valid_from
"""  # noqa: S608 - a query of this file
_OFFERS = f"""
    SELECT stock_code, session FROM ({_MOVES}) m WHERE left_board = 'KONEX'
    UNION SELECT l.stock_code::text, l.listed_from FROM market.listing l
    CROSS JOIN LATERAL (SELECT market FROM market.instrument_history h
        WHERE h.stock_code = l.stock_code AND h.valid_from >= l.listed_from ORDER BY h.valid_from LIMIT 1) h
    WHERE l.stock_code = ANY(%(codes)s) AND h.market = 'KOSDAQ'
"""  # noqa: S608 - as above
_BOARDS = """
    SELECT stock_code, CASE security_group WHEN 'EF' THEN 'ETF' WHEN 'EN' THEN 'ETN' ELSE market END
    FROM market.instrument WHERE stock_code = ANY (%s)
"""


@dataclass(frozen=True)
class Listing:
    """From when to when an instrument was certainly listed; both days included."""

    stock_code: str
    first: date
    last: date
    """The last session that a list vouches for."""

    def holds(self, session: date) -> bool:
        """Return whether the instrument was certainly listed on this session."""
        return self.first <= session <= self.last


def listed_codes(connection: Connection, session: date) -> list[str]:
    """Return the codes listed on a session, in order, and commit; empty when no list has been loaded.

    A session before the first list that was loaded has the instruments of that list that were listed by then; those
    that had left the market before it are unknown.
    """
    with connection:
        return codes_listed_between(connection, session, session)


def codes_listed_between(connection: Connection, first: date, last: date) -> list[str]:
    """Return the codes listed on any session of a range, in order; both ends included."""
    with said_plainly("instrument"), connection.cursor() as cursor:
        cursor.execute(_CODES, {"first": first, "last": last})
        return [code for (code,) in cursor.fetchall()]


def certain_listings(connection: Connection, stock_codes: Sequence[str]) -> list[Listing]:
    """Return when these codes were certainly listed, and commit; stays whose first day is unknown are left out."""
    with said_plainly("instrument"), connection, connection.cursor() as cursor:
        cursor.execute(_CERTAIN, (list(stock_codes),))
        return [Listing(*row) for row in cursor.fetchall()]


def gone_before(connection: Connection, stock_codes: Sequence[str], first: date) -> dict[str, date]:
    """Return the codes that left the list on or before a day and never came back, with the day they left."""
    with said_plainly("instrument"), connection.cursor() as cursor:
        cursor.execute(_GONE, (list(stock_codes), first))
        return dict(cursor.fetchall())


def said_gone(gone: Mapping[str, date], first: date) -> str:
    """Return the sentence that says which codes were delisted before a range begins."""
    some = ", ".join(f"{code} was delisted on {day}" for code, day in list(gone.items())[:10])
    return f"{some}: nothing of it exists from {first} on; begin before that day, or leave it out"


def unknown_codes(connection: Connection, stock_codes: Sequence[str]) -> list[str]:
    """Return the codes that were never on a list, in the order given."""
    with said_plainly("instrument"), connection.cursor() as cursor:
        cursor.execute("SELECT stock_code FROM market.instrument WHERE stock_code = ANY (%s)", (list(stock_codes),))
        known = {code for (code,) in cursor.fetchall()}
    return [code for code in stock_codes if code not in known]


def markets_of(connection: Connection, stock_codes: Sequence[str]) -> dict[str, str]:
    """Return the board of each code, or ``ETF`` or ``ETN`` for funds and notes; unknown codes are absent."""
    with said_plainly("instrument"), connection.cursor() as cursor:
        cursor.execute(_BOARDS, (list(stock_codes),))
        return dict(cursor.fetchall())


def first_listed_days(cursor: Cursor, stock_codes: Sequence[str]) -> dict[str, list[date]]:
    """Return the days on which each code was listed or came back to the list; codes without a known day are absent."""
    cursor.execute(_FIRST_DAYS, (list(stock_codes),))
    found: dict[str, list[date]] = defaultdict(list)
    for code, day in cursor.fetchall():
        found[code].append(day)
    return dict(found)


def offer_days(cursor: Cursor, stock_codes: Iterable[str]) -> set[tuple[str, date]]:
    """Return the sessions on which codes may count from an offer price although they were listed before.

    These are the first days on KOSDAQ of what came from KONEX (이전상장), told by a change of board or, where no list
    of before is known, by the listing day alone. A move from KOSDAQ to KOSPI keeps the base, like any other session.
    """
    cursor.execute(_OFFERS, {"codes": list(stock_codes)})
    return set(cursor.fetchall())


def stays_of(cursor: Cursor, stock_codes: Sequence[str], session: date) -> dict[str, list[Listed]]:
    """Return every stay of each code, oldest first, as it stood on a session, or on its first day when that is later.

    Codes that were never on a list are absent.
    """
    cursor.execute(_PHASES, {"codes": list(stock_codes)})
    phases: dict[str, list[Phase]] = defaultdict(list)
    for code, *values in cursor.fetchall():
        phases[code].append(Phase(*values))
    cursor.execute(_STAYS, {"codes": list(stock_codes), "session": session})
    found: dict[str, list[Listed]] = defaultdict(list)
    for code, *values in cursor.fetchall():
        found[code].append(replace(Listed(*values), phases=phases.get(code, ())))
    return dict(found)
