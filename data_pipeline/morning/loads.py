"""The loads of the last day, and the last one of each dataset."""

from __future__ import annotations

from datetime import date, datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.morning.asking import asked
from data_pipeline.morning.facts import LoadGroup, LoadRun

NEWEST_RUNS = 20_000
"""How many loads are looked at, newest first, whatever the table holds."""
MOST_SAID = 200
"""How many loads are told where only those that said something are asked for."""
_COLUMNS = """
    r.run_id, r.dataset, r.source, r.dag_id, r.task_id, r.map_index, r.run_key, r.status, r.first, r.last, r.started_at,
    r.finished_at, coalesce(r.rows_inserted, 0) + coalesce(r.rows_updated, 0) + coalesce(r.rows_unchanged, 0)
        + coalesce(r.rows_outranked, 0), coalesce(r.rows_inserted, 0),
    coalesce(r.rows_rejected, 0), coalesce(r.requests, 0), r.error
"""
_LAST_DAY = "r.started_at >= coalesce(%(since)s, now() - interval '1 day')"
_RUNS = f"""
    WITH newest AS MATERIALIZED (
        SELECT * FROM market.ingest_run ORDER BY run_id DESC LIMIT {NEWEST_RUNS}
    ), ended AS (
        SELECT DISTINCT ON (dataset) run_id FROM newest WHERE status <> 'running'
        ORDER BY dataset, finished_at DESC, run_id DESC
    )
    SELECT {_COLUMNS}, e.run_id IS NOT NULL FROM newest r LEFT JOIN ended e USING (run_id)
    WHERE e.run_id IS NOT NULL OR ({_LAST_DAY} OR r.status = 'running')
        AND (NOT %(said)s OR r.status = 'failed' OR r.error IS NOT NULL)
    ORDER BY r.run_id DESC LIMIT %(most)s
"""  # noqa: S608 - of this file
_GROUPS = f"""
    SELECT r.dataset, r.source, r.dag_id, count(*), count(*) FILTER (WHERE status = 'failed'),
        count(*) FILTER (WHERE status = 'running'), coalesce(sum(rows_inserted), 0)::bigint,
        coalesce(sum(rows_updated), 0)::bigint, coalesce(sum(rows_rejected), 0)::bigint,
        coalesce(sum(requests), 0)::bigint, max(coalesce(finished_at, started_at))
    FROM market.ingest_run r WHERE {_LAST_DAY} GROUP BY 1, 2, 3 ORDER BY 11 DESC, 1, 2, 3 LIMIT 40
"""  # noqa: S608 - of this file
_OF_CELL = f"""
    SELECT {_COLUMNS} FROM market.ingest_run r WHERE dataset = %(dataset)s AND %(session)s BETWEEN first AND last
    ORDER BY started_at DESC LIMIT 30
"""  # noqa: S608 - of this file


def read_runs(connection: Connection, *, since: datetime | None = None, said_only: bool = False) -> tuple[LoadRun, ...]:
    """Return the loads of the last day and the last one of each dataset, newest first.

    Args:
        connection: Of any role; the reader's is enough.
        since: From when by the server's clock; None for a day ago.
        said_only: Of the last day only those that failed or said an error.

    Raises:
        ConfigurationError, ConnectionFailedError, TransientError: As
            :func:`~data_pipeline.morning.stored.read_stored`.
    """
    values = {"since": since, "said": said_only, "most": MOST_SAID if said_only else NEWEST_RUNS}
    return tuple(LoadRun(*row) for row in asked(connection, _RUNS, values))


def read_load_groups(connection: Connection, since: datetime | None = None) -> tuple[LoadGroup, ...]:
    """Return the loads of the last day by dataset, source and DAG; what ended last stands first, forty at most."""
    return tuple(LoadGroup(*row) for row in asked(connection, _GROUPS, {"since": since}))


def read_runs_of(connection: Connection, dataset: str, session: date) -> tuple[LoadRun, ...]:
    """Return the newest 30 loads that were about a session of a dataset, newest first."""
    return tuple(LoadRun(*row) for row in asked(connection, _OF_CELL, {"dataset": dataset, "session": session}))
