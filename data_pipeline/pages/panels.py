"""What the morning page asks the warehouse beside the heatmap; each question is read by itself and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.warehouse.errors import said_plainly

CODES = 12
"""Codes that are listed by name; how many there are in all is said."""
_CODES = """
    SELECT c.dataset, c.stock_code, i.name, count(*)::int, min(c.session), max(c.session), count(*) OVER ()::int,
        bool_and(c.state <> 'missing')
    FROM market.coverage_cells(%(first)s, %(last)s) c
    LEFT JOIN market.instrument i ON i.stock_code::text = c.stock_code
    WHERE c.state IN ('missing', 'unproven', 'unproven_empty') AND c.session = ANY (%(sessions)s)
        AND (%(dataset)s::text IS NULL OR c.dataset = %(dataset)s)
        AND (%(code)s::text IS NULL OR c.stock_code = %(code)s)
    GROUP BY c.dataset, c.stock_code, i.name ORDER BY max(c.session) DESC, c.dataset, c.stock_code LIMIT %(most)s
"""
# What is known of the newest lacking session of a code: a refused row says most, a failed load least.
_WHY = """
    SELECT w.dataset, w.code, w.session,
        (SELECT r.reason FROM market.rejected_row r WHERE r.settled_at IS NULL AND r.dataset = w.dataset
            AND r.stock_code = w.code AND r.session = w.session ORDER BY r.loaded_at DESC LIMIT 1),
        (SELECT p.proof FROM market.proof p WHERE p.dataset = w.dataset AND p.stock_code = w.code
            AND p.session = w.session AND p.state IN ('doubted', 'asked', 'hole')),
        (SELECT jsonb_build_array(r.status, r.error, r.run_id) FROM market.ingest_run r
            WHERE r.dataset = w.dataset AND w.session BETWEEN r.first AND r.last AND r.finished_at IS NOT NULL
            ORDER BY r.finished_at DESC LIMIT 1),
        (SELECT to_char(d.loaded_at AT TIME ZONE 'Asia/Seoul', 'YYYY-MM-DD HH24:MI') FROM market.restatement d
            WHERE d.dataset = w.dataset AND d.stock_code = w.code AND d.session = w.session AND d.operation = 'delete'
            ORDER BY d.loaded_at DESC LIMIT 1)
    FROM unnest(%(datasets)s::text[], %(codes)s::text[], %(sessions)s::date[]) AS w (dataset, code, session)
"""
_QUARANTINE = r"""
    SELECT dataset, coalesce(substring(reason FROM '^([a-z_]+): '), 'unreadable') AS kind, count(*)::int,
        sum(times)::bigint, max(loaded_at), (array_agg(reason ORDER BY loaded_at DESC))[1],
        (array_agg(DISTINCT stock_code) FILTER (WHERE stock_code IS NOT NULL))[1:6]
    FROM market.rejected_row WHERE settled_at IS NULL GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 30
"""
_REJECTED = r"""
    SELECT rejected_id FROM market.rejected_row WHERE settled_at IS NULL AND dataset = %s
        AND coalesce(substring(reason FROM '^([a-z_]+): '), 'unreadable') = %s ORDER BY rejected_id LIMIT 2000
"""
_RECONCILED = """
    SELECT kind, count(*)::int, count(*) FILTER (WHERE after_market)::int, max(session),
        count(*) FILTER (WHERE session = (SELECT max(session) FROM market.reconciliation))::int
    FROM market.reconciliation WHERE session >= %(first)s GROUP BY kind ORDER BY 2 DESC, 1
"""
_OFFICIAL = """
    SELECT count(*) FILTER (WHERE stage = 'official')::int, count(*)::int,
        max(session) FILTER (WHERE stage = 'official')
    FROM market.seal WHERE dataset = 'daily_bar' AND rows > 0 AND session >= %(first)s
"""
_RESTATED = """
    SELECT dataset, operation, old_source, source, count(*)::int, count(DISTINCT session)::int, max(loaded_at)
    FROM (SELECT * FROM market.restatement WHERE loaded_at > market.now() - interval '7 days'
        ORDER BY loaded_at DESC LIMIT 100000) r
    GROUP BY 1, 2, 3, 4 ORDER BY 7 DESC LIMIT 12
"""
_RUNS = """
    SELECT dataset, source, dag_id, count(*)::int, count(*) FILTER (WHERE status = 'failed')::int,
        count(*) FILTER (WHERE status = 'running')::int, coalesce(sum(rows_inserted), 0)::bigint,
        coalesce(sum(rows_updated), 0)::bigint, coalesce(sum(rows_rejected), 0)::bigint,
        coalesce(sum(requests), 0)::bigint, max(coalesce(finished_at, started_at)),
        (array_agg(status ORDER BY started_at DESC))[1]
    FROM market.ingest_run WHERE started_at > now() - interval '1 day'
    GROUP BY 1, 2, 3 ORDER BY 11 DESC LIMIT 40
"""
_FAILED = """
    SELECT run_id, dataset, source, dag_id, task_id, map_index, run_key, first, last, status, started_at, finished_at,
        error, rows_inserted, rows_rejected
    FROM market.ingest_run r WHERE {condition} ORDER BY started_at DESC LIMIT {most}
"""
_UNKNOWN = """
    SELECT f.key, sum(f.value::bigint)::bigint, array_agg(DISTINCT r.dataset), max(r.started_at), max(r.source)
    FROM market.ingest_run r, jsonb_each_text(r.unknown_fields) f
    WHERE r.started_at > now() - interval '7 days' AND r.unknown_fields IS NOT NULL AND f.value ~ '^[0-9]+$'
    GROUP BY 1 ORDER BY 4 DESC, 1 LIMIT 30
"""
_SOURCES = """
    SELECT s.source, s.dataset, s.rows, market.is_made_up(s.source)
    FROM (SELECT source, dataset, sum(coalesce(rows_inserted, 0) + coalesce(rows_updated, 0))::bigint AS rows
        FROM market.ingest_run WHERE status = 'success' GROUP BY 1, 2) s
    WHERE s.rows > 0 ORDER BY 4 DESC, 1, 3 DESC
"""


class Lacking(NamedTuple):
    """One code of which cells are not whole."""

    dataset: str
    code: str
    name: str | None
    sessions: int
    first: date
    last: date
    of: int
    """How many such codes there are in all, of all datasets."""
    unproven: bool
    """Whether all of its cells are unproven, and none is missing."""


@dataclass(frozen=True)
class Why:
    """What is known of a cell that is not whole: the key of a sentence, and what the warehouse says."""

    key: str
    said: str = ""


class Run(NamedTuple):
    """One load."""

    run_id: int
    dataset: str
    source: str
    dag_id: str | None
    task_id: str | None
    map_index: int | None
    run_key: str | None
    first: date | None
    last: date | None
    status: str
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    inserted: int | None
    rejected: int | None


def asked(connection: Connection, statement: str, values: Any = None) -> list[tuple[Any, ...]]:
    """Return the rows of a statement.

    Raises:
        TransientError: It took longer than it may, or the server is away; trying again can help.
        ConfigurationError: The warehouse is not migrated, or the login may not read it.
    """
    with said_plainly("the pages"), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def read_lacking(
    connection: Connection, sessions: Sequence[date], dataset: str | None = None, code: str | None = None,
    most: int = CODES,
) -> list[tuple[Lacking, Why]]:  # fmt: skip
    """Return the codes that lack cells of these sessions and why, the newest session first; none for no session."""
    if not sessions:
        return []
    values = {
        "first": min(sessions), "last": max(sessions), "sessions": list(sessions), "dataset": dataset, "code": code,
        "most": most,
    }  # fmt: skip
    found = [Lacking(*row) for row in asked(connection, _CODES, values)]
    cells = {
        "datasets": [one.dataset for one in found],
        "codes": [one.code for one in found],
        "sessions": [one.last for one in found],
    }
    reasons = {(dataset, code): _why(*rest) for dataset, code, _, *rest in asked(connection, _WHY, cells)}
    return [(one, reasons[one.dataset, one.code]) for one in found]


def _why(refused: str | None, doubt: str | None, run: list[Any] | None, deleted: str | None) -> Why:
    if refused:
        return Why("why_refused", refused)
    if doubt:
        return Why("why_doubted", doubt)
    if deleted:
        return Why("why_deleted", deleted)
    if run is None:
        return Why("why_never")
    status, error, number = run
    if error:
        return Why("why_failed", f"#{number}: {error}")
    return Why("why_not_told", f"#{number}") if status == "success" else Why("why_failed", f"#{number}")


def read_quarantine(connection: Connection) -> list[tuple[Any, ...]]:
    """Return what lies in quarantine: dataset, check, rows, times refused, when last, an example, some codes."""
    return asked(connection, _QUARANTINE)


def rejected_ids(connection: Connection, dataset: str, check: str) -> list[int]:
    """Return the numbers of at most 2,000 rows in quarantine that a check refused, oldest first."""
    return [number for (number,) in asked(connection, _REJECTED, (dataset, check))]


def read_reconciled(connection: Connection, first: date) -> dict[str, Any]:
    """Return how the exchange's bars and the provisional ones agree since a session."""
    official, sessions, newest = asked(connection, _OFFICIAL, {"first": first})[0]
    kinds = asked(connection, _RECONCILED, {"first": first})
    return {"official": official, "sessions": sessions, "newest": newest, "kinds": kinds}


def read_restated(connection: Connection) -> list[tuple[Any, ...]]:
    """Return what changed within seven days: dataset, operation, old source, new source, rows, sessions, when last."""
    return asked(connection, _RESTATED)


def read_runs(connection: Connection) -> dict[str, Any]:
    """Return the loads of the last day by dataset, source and DAG, and those that failed or said an error."""
    failed = "started_at > now() - interval '1 day' AND (status = 'failed' OR error IS NOT NULL)"
    return {
        "groups": asked(connection, _RUNS),
        "failed": [Run(*row) for row in asked(connection, _FAILED.format(condition=failed, most=12))],
    }


def read_runs_of(connection: Connection, dataset: str, session: date) -> list[Run]:
    """Return the newest 30 loads that were about a session of a dataset, newest first."""
    condition = "dataset = %(dataset)s AND %(session)s BETWEEN first AND last"
    statement = _FAILED.format(condition=condition, most=30)
    return [Run(*row) for row in asked(connection, statement, {"dataset": dataset, "session": session})]


def read_unknown(connection: Connection) -> list[tuple[Any, ...]]:
    """Return undocumented fields of a week's answers: name, how often, datasets, when last, from where."""
    return asked(connection, _UNKNOWN)


def read_origins(connection: Connection) -> dict[str, Any]:
    """Return the kind of the warehouse, and how many rows each source brought of each dataset."""
    ((kind,),) = asked(connection, "SELECT kind FROM market.warehouse_kind")
    return {"kind": kind, "sources": asked(connection, _SOURCES)}
