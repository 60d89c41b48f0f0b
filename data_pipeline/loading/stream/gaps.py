"""The gaps of the stream: noted as they come to light, looked up to be filled, and settled to the share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import execute_values

from data_pipeline.market.stream_records import StreamGap
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.venue import Venue
from data_pipeline.warehouse.errors import said_plainly

AUCTION, BLOCK = "auction", "block"
"""Kinds of volume that the counters show without a print: out of an auction, and all other (block, off-hours)."""
_AROUND = timedelta(seconds=60)
"""How long after an auction its volume may come to light; the next trade shows it."""
_NOTE = """
    INSERT INTO market.stream_gap (venue, stock_code, session, volume_after, volume_until, missed_value, missed_count,
        kind, after, until, status, unprinted_volume, source, run_id, settled_at) VALUES %s
    ON CONFLICT (session, venue, stock_code, volume_after, until) DO NOTHING
"""
_VALUES = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN now() END)"
_OPEN = """
    SELECT venue, stock_code::text, session::date, volume_after, volume_until, after, until, kind, open_volume, tries
    FROM market.stream_gap WHERE session = %s AND status = 'open'
    ORDER BY open_volume DESC, venue, stock_code, volume_after
"""
_SETTLE = """
    WITH found AS (
        SELECT least(coalesce(sum(t.volume), 0), %(missed)s) AS volume FROM market.trade t
        WHERE t.venue = %(venue)s AND t.stock_code = %(code)s AND t.session = %(session)s
            AND t.cumulative_volume > %(volume_after)s AND t.cumulative_volume <= %(volume_until)s
    ), settled AS (
        SELECT volume, CASE WHEN %(whole)s THEN %(missed)s - volume ELSE 0 END AS unprinted FROM found
    )
    UPDATE market.stream_gap g SET filled_volume = s.volume, unprinted_volume = s.unprinted, tries = g.tries + 1,
        run_id = %(run_id)s,
        status = CASE WHEN s.volume + s.unprinted = %(missed)s THEN 'filled' WHEN %(reason)s::text IS NULL THEN 'open'
            ELSE 'unfillable' END,
        reason = CASE WHEN s.volume + s.unprinted < %(missed)s THEN %(reason)s END,
        settled_at = CASE WHEN s.volume + s.unprinted = %(missed)s OR %(reason)s::text IS NOT NULL THEN now() END
    FROM settled s
    WHERE g.venue = %(venue)s AND g.stock_code = %(code)s AND g.session = %(session)s
        AND g.volume_after = %(volume_after)s AND g.until = %(until)s
    RETURNING g.status, g.filled_volume, g.unprinted_volume, g.open_volume
"""


@dataclass(frozen=True)
class OpenGap:
    """A gap that is to be asked for."""

    venue: Venue
    stock_code: str
    session: date
    volume_after: int
    volume_until: int
    after: datetime | None
    until: datetime
    kind: str
    open_volume: int
    """Shares that nothing accounts for yet."""
    tries: int

    @property
    def missed_volume(self) -> int:
        """Shares that changed hands in it."""
        return self.volume_until - self.volume_after

    def __str__(self) -> str:
        since = f"{self.after.astimezone(SEOUL):%H:%M:%S}" if self.after else "the open"
        until = f"{self.until.astimezone(SEOUL):%H:%M:%S}"
        return f"{self.venue.value} {self.stock_code} on {self.session}, {since} to {until}"


@dataclass(frozen=True)
class Settled:
    """What became of a gap."""

    status: str
    filled_volume: int
    unprinted_volume: int
    open_volume: int


def kind_of(gap: StreamGap) -> str:
    """Return how a gap came to light; ``auction`` or ``block`` when the counts of trades say that nothing was printed.

    The counters of trades with a side stand still while the volume rises when shares change hands in an auction or as
    a block. Around the open and the close that is taken for the auction's.
    """
    if gap.missed_count != 0 or gap.missed_volume == 0:
        return gap.cause.value
    return AUCTION if is_auction(gap.session, gap.after, gap.until) else BLOCK


def is_auction(session: date, after: datetime | None, until: datetime) -> bool:
    """Return whether the auction of the open or of the close lies between two moments, or just before the second."""
    calendar = krx_calendar()
    moments = (calendar.open_at(session), calendar.close_at(session))
    begin = after or datetime.combine(session, time.min, SEOUL)
    return any(begin <= moment + _AROUND and moment <= until for moment in moments)


def note_gaps(connection: Connection, gaps: Iterable[StreamGap], source: str, run_id: int | None) -> int:
    """Note gaps and return how many are new; one that is noted already stays as it is. Never commits."""
    values = [(*row, source, run_id, row[10] == "filled") for row in map(_row, gaps)]
    if not values:
        return 0
    with said_plainly("stream_gap"), connection.cursor() as cursor:
        execute_values(cursor, _NOTE, values, _VALUES, page_size=len(values))
        return cursor.rowcount


def _row(gap: StreamGap) -> tuple[object, ...]:
    kind = kind_of(gap)
    unprinted = gap.missed_volume if kind in (AUCTION, BLOCK) else 0
    status = "filled" if unprinted == gap.missed_volume else "open"
    return (
        gap.venue.value, gap.stock_code, gap.session, gap.volume_after, gap.volume_until, gap.missed_value,
        gap.missed_count, kind, gap.after, gap.until, status, unprinted,
    )  # fmt: skip


def open_gaps(connection: Connection, session: date) -> Iterator[OpenGap]:
    """Yield the gaps of a session that are to be asked for, the largest first."""
    with said_plainly("stream_gap"), connection.cursor() as cursor:
        cursor.execute(_OPEN, (session,))
        rows = cursor.fetchall()
    for venue, *row in rows:
        yield OpenGap(Venue(venue), *row)


def settle_gap(
    connection: Connection, gap: OpenGap, run_id: int | None, *, whole: bool, reason: str | None = None
) -> Settled:
    """Count what stored trades account for now, and return how the gap stands; never commits.

    Args:
        connection: The one on which the trades were stored.
        gap: Which.
        run_id: The ``ingest_run`` that asked.
        whole: Whether every trade between its ends was told. What they do not add up to was then never printed.
        reason: Why nothing more can be had, a sentence; None leaves what is lacking open.
    """
    values = {
        "venue": gap.venue.value, "code": gap.stock_code, "session": gap.session, "volume_after": gap.volume_after,
        "volume_until": gap.volume_until, "until": gap.until, "missed": gap.missed_volume, "whole": whole,
        "reason": reason, "run_id": run_id,
    }  # fmt: skip
    with said_plainly("stream_gap"), connection.cursor() as cursor:
        cursor.execute(_SETTLE, values)
        return Settled(*(cursor.fetchone() or ("open", 0, 0, gap.open_volume)))
