"""Who lacks what, and what is known of the reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.morning.asking import asked
from data_pipeline.morning.facts import AllLacking, Lacking
from data_pipeline.morning.words import WHY, filled

# What is known of the newest lacking session of a code. A load is looked up once for each dataset and session of those,
# and not for each code.
_LACKING = """
    WITH cell AS MATERIALIZED (
        SELECT dataset, stock_code, state, session FROM market.coverage_cells(%(first)s, %(last)s)
        WHERE state IN ('missing', 'unproven', 'unproven_empty')
            AND (%(sessions)s::date[] IS NULL OR session = ANY (%(sessions)s))
            AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
            AND (%(codes)s::text[] IS NULL OR stock_code = ANY (%(codes)s))
    ), named AS MATERIALIZED (
        SELECT dataset, stock_code, state, min(session) AS first, max(session) AS last, count(*) AS sessions,
            count(*) OVER () AS of
        FROM cell GROUP BY dataset, stock_code, state
        ORDER BY max(session) DESC, dataset, stock_code, state LIMIT %(most)s
    ), run AS MATERIALIZED (
        SELECT dataset, first, last, finished_at, run_id, status, error FROM market.ingest_run
        WHERE finished_at IS NOT NULL AND dataset IN (SELECT dataset FROM named)
            AND first <= (SELECT max(last) FROM named) AND last >= (SELECT min(last) FROM named)
    ), told AS (
        SELECT DISTINCT ON (d.dataset, d.last) d.dataset, d.last, r.run_id, r.status, r.error
        FROM (SELECT DISTINCT dataset, last FROM named) d
        JOIN run r ON r.dataset = d.dataset AND d.last BETWEEN r.first AND r.last
        ORDER BY d.dataset, d.last, r.finished_at DESC, r.run_id DESC
    )
    SELECT n.of, n.dataset, n.stock_code, n.state, n.first, n.last, n.sessions, i.name,
        (SELECT r.reason FROM market.rejected_row r WHERE r.settled_at IS NULL AND r.dataset = n.dataset
            AND r.stock_code = n.stock_code AND r.session = n.last ORDER BY r.rejected_id DESC LIMIT 1),
        (SELECT p.proof FROM market.proof p WHERE p.dataset = n.dataset AND p.stock_code = n.stock_code
            AND p.session = n.last AND p.state IN ('doubted', 'asked', 'hole')),
        (SELECT to_char(d.loaded_at AT TIME ZONE 'Asia/Seoul', 'YYYY-MM-DD HH24:MI') FROM market.restatement d
            WHERE d.dataset = n.dataset AND d.stock_code = n.stock_code AND d.session = n.last
            AND d.operation = 'delete' ORDER BY d.loaded_at DESC LIMIT 1),
        t.run_id, t.status, t.error
    FROM named n LEFT JOIN told t USING (dataset, last)
    LEFT JOIN market.instrument i ON i.stock_code::text = n.stock_code
    ORDER BY n.last DESC, n.dataset, n.stock_code, n.state
"""


def read_lacking(
    connection: Connection,
    first: date,
    last: date,
    *,
    sessions: Sequence[date] | None = None,
    dataset: str | None = None,
    stock_codes: Sequence[str] | None = None,
    most: int = 100,
) -> AllLacking:
    """Return what instruments lack of the final sessions of a range, and why.

    Args:
        connection: Of any role; the reader's is enough.
        first: First session, included.
        last: Last session, included.
        sessions: Only these of the range; None for all. The warehouse is not asked for none of them.
        dataset: Only of this one; None for all that have cells.
        stock_codes: Only of these, or labels of a dataset of the whole market; None for all.
        most: How many are named.

    Raises:
        ConfigurationError, ConnectionFailedError, TransientError: As
            :func:`~data_pipeline.morning.stored.read_stored`.
    """
    if sessions is not None and not sessions:
        return AllLacking((), 0)
    values = {
        "first": first, "last": last, "sessions": None if sessions is None else list(sessions), "dataset": dataset,
        "codes": None if stock_codes is None else list(stock_codes), "most": most,
    }  # fmt: skip
    rows = asked(connection, _LACKING, values)
    return AllLacking(tuple(_lacking(*row[1:]) for row in rows), rows[0][0] if rows else 0)


def _lacking(
    dataset: str, code: str, state: str, first: date, last: date, sessions: int, name: str | None, *known: Any
) -> Lacking:
    reason, detail = _why(*known)
    why = filled(WHY[reason], {"detail": detail})
    return Lacking(dataset, code, state, first, last, sessions, why, reason, detail, name)


def _why(
    refused: str | None, doubt: str | None, deleted: str | None, run_id: int | None, status: str, error: str | None
) -> tuple[str, str]:
    """Return the reason and what is said of it: a refused row says most, a load least."""
    for reason, detail in (("refused", refused), ("doubted", doubt), ("deleted", deleted)):
        if detail:
            return reason, detail
    if run_id is None:
        return "never", ""
    if error:
        return "failed", f"#{run_id}: {error}"
    return ("not_told" if status == "success" else "failed"), f"#{run_id}"
