"""What the stream has brought of an instrument: its last trades, its book, its gaps, and how its lines stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.loading.stream.lines import lines_since
from data_pipeline.market.clock import SEOUL
from data_pipeline.morning.asking import asked
from data_pipeline.pages.instrument import Book, book_of

ALIVE_S = 30.0
"""Seconds within which a line that is alive gives a sign of life; it gives one every five."""
_LAST = """
    SELECT w.stock_code::text, w.venue::text, t.traded_at, t.price, t.volume, t.side, t.cumulative_volume,
        g.gaps, g.missed, g.lacking
    FROM market.stream_watch w
    LEFT JOIN LATERAL (
        SELECT b.traded_at, b.price, b.volume, b.side, b.cumulative_volume FROM market.trade b
        WHERE b.venue = w.venue AND b.stock_code = w.stock_code AND b.session = %(session)s
        ORDER BY b.cumulative_volume DESC LIMIT 1) t ON true
    CROSS JOIN LATERAL (
        SELECT count(*) AS gaps, coalesce(sum(x.missed_volume), 0)::bigint AS missed,
            coalesce(sum(x.open_volume), 0)::bigint AS lacking FROM market.stream_gap x
        WHERE x.session = %(session)s AND x.venue = w.venue AND x.stock_code = w.stock_code) g
    WHERE w.session = %(session)s AND w.stock_code = ANY (%(codes)s::text[]) ORDER BY 1, 2
"""
# The newest book of any venue, unless KRX had one in the minute before it: a ladder should not change its venue.
_BOOKS = """
    SELECT c.stock_code::text, o.observed_at, o.bid_prices, o.bid_volumes, o.ask_prices, o.ask_volumes,
        o.total_bid_volume, o.total_ask_volume, o.source, o.venue
    FROM (SELECT unnest(%(codes)s::text[])::market.stock_code AS stock_code) c
    CROSS JOIN LATERAL (
        SELECT n.observed_at AS at FROM market.order_book n
        WHERE n.stock_code = c.stock_code AND n.session = %(session)s AND n.observed_at >= %(begin)s
        ORDER BY n.observed_at DESC LIMIT 1) newest
    CROSS JOIN LATERAL (
        SELECT b.* FROM market.order_book b
        WHERE b.stock_code = c.stock_code AND b.session = %(session)s
            AND b.observed_at BETWEEN newest.at - interval '1 minute' AND newest.at
        ORDER BY b.venue <> 'KRX', b.observed_at DESC LIMIT 1) o
"""


class Last(NamedTuple):
    """The last trade of an instrument at a venue; its figures are None before the first one."""

    venue: str
    at: datetime | None
    price: int | None
    volume: int | None
    side: str | None
    """buy, sell or auction; None where it was asked for later."""
    total: int | None
    """Shares of the session so far."""
    gaps: int
    """How often the counters jumped or the line was down."""
    missed: int
    """Shares that changed hands in those."""
    lacking: int
    """Shares of them that nothing accounts for yet."""

    def age(self, now: datetime) -> float | None:
        """Return how many seconds ago it traded, by the market's clock; None before the first one."""
        return None if self.at is None else max(0.0, (now - self.at).total_seconds())


@dataclass(frozen=True)
class Lines:
    """How the lines of the stream stand together."""

    alive: int
    """Lines that gave a sign of life lately."""
    up: int
    """Of these, lines that are connected."""
    lag: float | None
    """Seconds from receiving to committing of the slowest record lately; None when there was none."""
    queue: int
    """Records received and not committed."""


@dataclass(frozen=True)
class Now:
    """What is known of one instrument now."""

    session: date
    at: datetime
    """The market's clock when it was read."""
    lines: Lines
    last: tuple[Last, ...] = ()
    """One for each venue that is watched; empty when the stream is not asked for the instrument."""
    book: Book | None = None

    @property
    def is_streamed(self) -> bool:
        """Whether anything of it can be expected to change."""
        return bool(self.last or self.book)


def read_now(connection: Connection, codes: Collection[str], session: date, now: datetime) -> Mapping[str, Now]:
    """Return what is known of each of these instruments on a session, in three statements for all of them.

    Args:
        connection: Of a login that can only read.
        codes: Short codes; one that nobody knows has nothing.
        session: Whose trades, gaps and books.
        now: The market's clock.

    Raises:
        TransientError: The warehouse took too long or is away; trying again can help.
    """
    begin = datetime.combine(session, datetime.min.time(), SEOUL)
    values = {"codes": sorted(codes), "session": session, "begin": begin}
    found = dict.fromkeys(codes, Now(session, now, read_lines(connection)))
    for code, *row in asked(connection, _LAST, values):
        found[code] = replace(found[code], last=(*found[code].last, Last(*row)))
    for code, *row in asked(connection, _BOOKS, values):
        found[code] = replace(found[code], book=book_of(*row))
    return found


def read_lines(connection: Connection) -> Lines:
    """Return how the lines of the stream stand, by their signs of life."""
    lines = lines_since(connection, ALIVE_S)
    lag = max((one.lag for one in lines if one.lag is not None), default=None)
    return Lines(len(lines), sum(one.state == "up" for one in lines), lag, sum(one.queue for one in lines))
