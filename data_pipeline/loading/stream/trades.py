"""Stored trades: the last of each code, those of one code, and the counts of the run that brings them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets.trade import TRADE
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.loading.rows.ingest_run import LEASE_S
from data_pipeline.loading.stream.gaps import OpenGap
from data_pipeline.market.stream_records import Side, Trade
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.venue import Venue
from data_pipeline.warehouse.errors import said_plainly

_COLUMNS = ", ".join(f"t.{name}" for name in TRADE.table.columns if name != "session")
# The key has the running volume last, so that the last trade of a code is one look.
_LAST = f"""
    SELECT {_COLUMNS} FROM market.stream_watch w CROSS JOIN LATERAL (
        SELECT * FROM market.trade b WHERE b.venue = w.venue AND b.stock_code = w.stock_code AND b.session = %(session)s
        ORDER BY b.cumulative_volume DESC LIMIT 1) t
    WHERE w.session = %(session)s ORDER BY t.venue, t.stock_code
"""  # noqa: S608 - names of our own
_OF_CODE = f"""
    SELECT {_COLUMNS} FROM market.trade t
    WHERE t.venue = %(venue)s AND t.stock_code = %(code)s AND t.session = %(session)s ORDER BY t.cumulative_volume
"""  # noqa: S608 - names of our own
_INSIDE = """
    SELECT cumulative_volume, volume, traded_at FROM market.trade
    WHERE venue = %s AND stock_code = %s AND session = %s AND cumulative_volume > %s AND cumulative_volume <= %s
    ORDER BY cumulative_volume DESC
"""
_COUNT = """
    UPDATE market.ingest_run SET rows_inserted = coalesce(rows_inserted, 0) + %s,
        rows_unchanged = coalesce(rows_unchanged, 0) + %s, rows_rejected = coalesce(rows_rejected, 0) + %s,
        lease_until = clock_timestamp() + make_interval(secs => %s)
    WHERE run_id = %s
"""


def last_trades(connection: Connection, session: date) -> list[Trade]:
    """Return the stored trade with the highest running volume of each venue and code that is watched on a session."""
    with said_plainly("trade"), connection.cursor() as cursor:
        cursor.execute(_LAST, {"session": session})
        return [trade_of(*row) for row in cursor.fetchall()]


def trades_of(connection: Connection, venue: Venue, stock_code: str, session: date) -> Iterator[Trade]:
    """Yield the stored trades of a code at a venue on a session, by their running volume."""
    with said_plainly("trade"), connection.cursor() as cursor:
        cursor.execute(_OF_CODE, {"venue": venue.value, "code": stock_code, "session": session})
        for row in cursor:
            yield trade_of(*row)


def lowest_joined(connection: Connection, gap: OpenGap) -> tuple[int, datetime]:
    """Return from where a gap is still lacking, looked at from its end: a running volume, and the second of its trade.

    What was filled before joins the trade after the gap downwards; the first hole is what is asked for next.
    """
    volume, at = gap.volume_until, gap.until
    with said_plainly("trade"), connection.cursor() as cursor:
        cursor.execute(_INSIDE, (gap.venue.value, gap.stock_code, gap.session, gap.volume_after, gap.volume_until))
        for cumulative, shares, traded_at in cursor:
            if cumulative != volume:
                break
            volume, at = cumulative - shares, traded_at
    return volume, at


def trade_of(venue: str, stock_code: str, cumulative_volume: int, traded_at: Any, price: int, volume: int,
             cumulative_value: int | None, side: str | None, *more: Any) -> Trade:  # fmt: skip
    """Return the trade of a row: the columns of the table without ``session``."""
    return Trade(
        Venue(venue), stock_code, traded_at.astimezone(SEOUL), price, volume, cumulative_volume, cumulative_value,
        None if side is None else Side(side), *more,
    )  # fmt: skip


def add_counts(connection: Connection, run_id: int, counts: LoadCounts, rejected: int) -> None:
    """Add what a batch brought to its run, which is under way by that; never commits."""
    with said_plainly("ingest_run"), connection.cursor() as cursor:
        cursor.execute(_COUNT, (counts.inserted, counts.unchanged, rejected, LEASE_S, run_id))
