"""How the lines of the live stream stand: what each registers, and what is left to REST."""

from __future__ import annotations

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.morning.asking import asked
from data_pipeline.morning.facts import StreamLine

_LINES = """
    SELECT fingerprint, host, state, extract(epoch FROM now() - loaded_at)::float, lag, queue, placed, registered, rest,
        rest_count
    FROM market.stream_heartbeat WHERE loaded_at > now() - interval '1 day' ORDER BY fingerprint, host
"""


def read_lines(connection: Connection) -> tuple[StreamLine, ...]:
    """Return the lines that gave a sign of life within a day, by key and host; none when no stream runs.

    Raises:
        ConfigurationError, ConnectionFailedError, TransientError: As
            :func:`~data_pipeline.morning.stored.read_stored`.
    """
    return tuple(
        StreamLine(key, host, state, age, lag, queue, tuple(placed), registered, tuple(rest), rest_count)
        for key, host, state, age, lag, queue, placed, registered, rest, rest_count in asked(connection, _LINES)
    )
