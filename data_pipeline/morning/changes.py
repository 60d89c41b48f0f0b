"""What changed lately, and what came that no document names."""

from __future__ import annotations

from datetime import date, datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.morning.asking import asked
from data_pipeline.morning.facts import Difference, NewField, Restated

_DIFFERENCES = """
    SELECT session::date, kind, count(*), count(*) FILTER (WHERE NOT coalesce(expected, after_market))
    FROM market.reconciliation WHERE session BETWEEN %(first)s AND %(last)s GROUP BY 1, 2 ORDER BY 1 DESC, 2
"""
_RESTATED = """
    SELECT dataset, operation, old_source, source, count(*), count(DISTINCT session), max(loaded_at)
    FROM (SELECT * FROM market.restatement WHERE loaded_at >= coalesce(%(since)s, now() - interval '7 days')
        ORDER BY loaded_at DESC LIMIT 100000) r
    GROUP BY 1, 2, 3, 4 ORDER BY 7 DESC, 1, 2, 3, 4
"""
_NEW_FIELDS = """
    SELECT f.key, sum(f.value::bigint)::bigint, array_agg(DISTINCT r.dataset), max(r.started_at), max(r.source::text)
    FROM market.ingest_run r, jsonb_each_text(r.unknown_fields) f
    WHERE r.started_at >= coalesce(%(since)s, now() - interval '7 days') AND r.unknown_fields <> '{}'
        AND f.value ~ '^[0-9]+$'
    GROUP BY 1 ORDER BY 4 DESC, 1 LIMIT 100
"""


def read_differences(connection: Connection, first: date, last: date) -> tuple[Difference, ...]:
    """Return where official bars of these sessions, both included, differ from provisional ones; newest first.

    Raises:
        ConfigurationError, ConnectionFailedError, TransientError: As
            :func:`~data_pipeline.morning.stored.read_stored`.
    """
    return tuple(Difference(*row) for row in asked(connection, _DIFFERENCES, {"first": first, "last": last}))


def read_restated(connection: Connection, since: datetime | None = None) -> tuple[Restated, ...]:
    """Return what changed since a moment by the server's clock (None: within seven days), the newest first.

    Of more than a hundred thousand rows the newest hundred thousand are counted.
    """
    return tuple(Restated(*row) for row in asked(connection, _RESTATED, {"since": since}))


def read_new_fields(connection: Connection, since: datetime | None = None) -> tuple[NewField, ...]:
    """Return undocumented fields of loads since a moment by the server's clock (None: seven days), the newest first."""
    rows = asked(connection, _NEW_FIELDS, {"since": since})
    return tuple(
        NewField(name, times, tuple(datasets), newest, source) for name, times, datasets, newest, source in rows
    )
