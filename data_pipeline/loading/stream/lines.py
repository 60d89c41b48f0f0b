"""How the lines of the stream stand, whom they watch, and what the market did; nothing commits here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import execute_values

from data_pipeline.market.seoul import seoul_date
from data_pipeline.market.stream_records import Heartbeat, MarketOperation
from data_pipeline.market.venue import Venue
from data_pipeline.warehouse.errors import said_plainly

_BEAT = """
    INSERT INTO market.stream_heartbeat
        (host, fingerprint, at, lag, queue, state, placed, registered, rest, rest_count)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (fingerprint, host) DO UPDATE SET at = excluded.at, lag = excluded.lag, queue = excluded.queue,
        state = excluded.state, placed = excluded.placed, registered = excluded.registered, rest = excluded.rest,
        rest_count = excluded.rest_count, loaded_at = now()
"""
_BEATS = """
    SELECT host, fingerprint, at, lag, queue, state, placed, registered, rest, rest_count FROM market.stream_heartbeat
    WHERE loaded_at > now() - make_interval(secs => %s) ORDER BY fingerprint, host
"""
_STREAMED = """
    SELECT EXISTS (SELECT FROM market.ingest_run
        WHERE dataset = 'trade' AND task_id = 'stream' AND started_at > now() - make_interval(days => %s))
"""
_STATES = """
    SELECT coalesce(p.state, 'missing') FROM (
        SELECT DISTINCT stock_code FROM market.stream_watch WHERE session = %(day)s) w
    LEFT JOIN market.proof p ON p.dataset = 'trade' AND p.session = %(day)s AND p.stock_code = w.stock_code
    ORDER BY w.stock_code
"""
_WATCH = "INSERT INTO market.stream_watch (session, venue, stock_code) VALUES %s ON CONFLICT DO NOTHING"
_OPERATION = """
    INSERT INTO market.market_operation (venue, stock_code, observed_at, session, halted, halt_reason, phase,
        expected_phase, vi, overtime_vi, status, source, run_id) VALUES %s ON CONFLICT DO NOTHING
"""


def beat(connection: Connection, heartbeat: Heartbeat) -> None:
    """Write how a line stands over how it stood before."""
    one = heartbeat
    with said_plainly("stream_heartbeat"), connection.cursor() as cursor:
        told = (list(one.placed), one.registered, list(one.rest), one.rest_count)
        cursor.execute(_BEAT, (one.host, one.fingerprint, one.at, one.lag, one.queue, one.state, *told))


def lines_since(connection: Connection, seconds: float) -> list[Heartbeat]:
    """Return the lines that gave a sign of life within so many seconds by the server's clock; by key and host."""
    with said_plainly("stream_heartbeat"), connection.cursor() as cursor:
        cursor.execute(_BEATS, (seconds,))
        return [
            Heartbeat(host, key, at, lag, queue, state, tuple(placed), registered, tuple(rest), count)
            for host, key, at, lag, queue, state, placed, registered, rest, count in cursor.fetchall()
        ]


def has_streamed(connection: Connection, days: int) -> bool:
    """Return whether the service has written trades in the last days by the server's clock."""
    with said_plainly("ingest_run"), connection.cursor() as cursor:
        cursor.execute(_STREAMED, (days,))
        return bool((cursor.fetchone() or (False,))[0])


def proof_states(connection: Connection, session: date) -> list[str]:
    """Return the state of the proof of each code that is watched on a session, or ``missing``; by code."""
    with said_plainly("proof"), connection.cursor() as cursor:
        cursor.execute(_STATES, {"day": session})
        return [state for (state,) in cursor.fetchall()]


def watch(connection: Connection, session: date, watched: Iterable[tuple[Venue, str]]) -> int:
    """Note whose trades the stream is to bring on a session, and return how many are new."""
    values = [(session, venue.value, code) for venue, code in sorted({*watched})]
    if not values:
        return 0
    with said_plainly("stream_watch"), connection.cursor() as cursor:
        execute_values(cursor, _WATCH, values, page_size=len(values))
        return cursor.rowcount


def note_operations(
    connection: Connection, operations: Collection[MarketOperation], source: str, run_id: int | None
) -> None:
    """Note halts, interruptions and phases; one that is noted already stays as it is."""
    values = [
        (
            one.venue.value, one.stock_code, one.observed_at, seoul_date(one.observed_at), one.halted, one.halt_reason,
            one.phase, one.expected_phase, one.vi, one.overtime_vi, one.status, source, run_id,
        )
        for one in operations
    ]  # fmt: skip
    if values:
        with said_plainly("market_operation"), connection.cursor() as cursor:
            execute_values(cursor, _OPERATION, values, page_size=len(values))
