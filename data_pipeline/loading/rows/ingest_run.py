"""The record of each load: started before the first request, finished in the transaction of its rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.exceptions import LoadError
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.warehouse.errors import OTHER_KIND, said_plainly
from data_pipeline.warehouse.process import is_gone, myself

LONGEST_ERROR = 2000
LEASE_S = 120
"""Seconds that a run counts as running after a sign of life; :func:`renew_runs` gives one."""
_START = """
    INSERT INTO market.ingest_run (
        dataset, source, dag_id, task_id, run_key, first, last, rows_expected, map_index, budget_keys,
        budget_store, budget_host, process, lease_until
    )
    VALUES (
        %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s)
    ) RETURNING run_id
"""
_RENEW = """
    UPDATE market.ingest_run SET lease_until = clock_timestamp() + make_interval(secs => %s)
    WHERE run_id = ANY(%s) AND status = 'running'
"""
_RUNNING = """
    SELECT run_id, process FROM market.ingest_run
    WHERE status = 'running' AND (%(dataset)s IS NULL OR dataset = %(dataset)s)
"""
_END_GONE = """
    UPDATE market.ingest_run SET status = 'failed', finished_at = clock_timestamp(),
        error = 'its process ended without a word, or gave no sign of life: load it again, that is safe'
    WHERE run_id IN (
        SELECT run_id FROM market.ingest_run
        WHERE status = 'running' AND (%(dataset)s IS NULL OR dataset = %(dataset)s)
            AND (lease_until < clock_timestamp() OR run_id = ANY(%(gone)s))
        FOR UPDATE SKIP LOCKED
    )
"""
"""A run that is being stored is locked by its transaction, however long that takes."""
_OTHER_STORES = """
    SELECT DISTINCT budget_store, budget_host FROM market.ingest_run
    WHERE budget_keys && %s AND budget_store <> %s AND started_at > clock_timestamp() - interval '1 day'
    ORDER BY 1, 2
"""


class CountedBy(NamedTuple):
    """Who counts the calls of a load."""

    keys: list[str]
    """App keys, each a hash."""
    store: str
    """The store of shared state, by its own name."""
    host: str


def other_stores(connection: Connection, counted: CountedBy) -> list[tuple[str, str]]:
    """Return the other stores that counted calls of these keys within a day, each with its host, in order of name."""
    with said_plainly("ingest_run"), connection.cursor() as cursor:
        cursor.execute(_OTHER_STORES, (counted.keys, counted.store))
        return [(str(store), str(host)) for store, host in cursor.fetchall()]


def start_run(  # noqa: PLR0913 - one argument for each column
    connection: Connection,
    dataset: str,
    source: str,
    dag_id: str | None = None,
    task_id: str | None = None,
    run_key: str | None = None,
    first: date | None = None,
    last: date | None = None,
    expected: int | None = None,
    *,
    map_index: int | None = None,
    counted: CountedBy | None = None,
) -> int:
    """Note that a window is about to be loaded and return its ``run_id``; never commits.

    Runs of the same dataset whose process is gone are failed first, as :func:`end_gone_runs` does. Commit it before
    fetching, on this or another connection, so that a window that fails or is killed stays visible.

    Args:
        connection: Of a user that may load.
        dataset: The table's name.
        source: Where its rows will come from.
        dag_id: Airflow's DAG; None outside Airflow, as are the next two.
        task_id: Airflow's task.
        run_key: Airflow's ``run_id``, or the caller's own word for the run.
        first: First session asked for, included.
        last: Last session asked for, included.
        expected: Rows that must exist; None when unknown.
        map_index: Airflow's map index.
        counted: Who counts its calls; None for a source without a budget.

    Raises:
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        ConnectionFailedError: The connection broke; trying again can help.
        LoadError: Postgres refused the row, for example because ``first`` is after ``last``.
    """
    budget = (None, None, None) if counted is None else counted
    window = (dataset, source, dag_id, task_id, run_key, first, last, expected, map_index)
    values = (*window, *budget, myself(), LEASE_S)
    end_gone_runs(connection, dataset)
    with said_plainly("ingest_run"), connection.cursor() as cursor:
        _admit(cursor, source)
        cursor.execute(_START, values)
        (run_id,) = cursor.fetchone() or (0,)
        return int(run_id)


def renew_runs(connection: Connection, run_ids: Collection[int]) -> None:
    """Give a sign of life of runs that are under way, so that nobody takes them for dead; never commits.

    Until the transaction ends nobody can take them for dead at all.

    Args:
        connection: Of a user that may load.
        run_ids: From ``start_run``; those that have ended are left as they are.

    Raises:
        ConnectionFailedError: The connection broke; trying again can help.
    """
    with said_plainly("ingest_run"), connection.cursor() as cursor:
        cursor.execute(_RENEW, (LEASE_S, list(run_ids)))


def end_gone_runs(connection: Connection, dataset: str | None = None) -> int:
    """Fail the runs that count as running and whose process is gone, and return how many those were; never commits.

    A process of this host is looked up; one of another host has :data:`LEASE_S` seconds after its last sign of life.

    Args:
        connection: Of a user that may load.
        dataset: Only its runs; None for all.

    Raises:
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        ConnectionFailedError: The connection broke; trying again can help.
    """
    with said_plainly("ingest_run"), connection.cursor() as cursor:
        cursor.execute(_RUNNING, {"dataset": dataset})
        running = cursor.fetchall()
        if not running:  # as before most windows of a load
            return 0
        gone = [run_id for run_id, process in running if process and is_gone(process)]
        cursor.execute(_END_GONE, {"dataset": dataset, "gone": gone})
        return cursor.rowcount


def _admit(cursor: Cursor, source: str) -> None:
    """Settle an empty warehouse's kind in this short transaction; a refusal is left to the load, which explains it."""
    cursor.execute("SAVEPOINT market_admit")
    try:
        cursor.execute("SELECT market.admit_source(%s)", (source,))
    except psycopg2.Error as error:
        if error.pgcode != OTHER_KIND:
            raise
        cursor.execute("ROLLBACK TO SAVEPOINT market_admit")


def finish_run(
    connection: Connection, run_id: int, counts: LoadCounts, requests: int | None = None, error: str | None = None
) -> None:
    """Note that the window is loaded; call it in the transaction of its rows, so that both are kept or neither.

    Args:
        connection: The one the rows were loaded on.
        run_id: From ``start_run``, committed.
        counts: What became of the rows.
        requests: HTTP requests sent; None when not counted.
        error: Which codes could not be had although the others are loaded; None when all came.

    Raises:
        LoadError: There is no such run, or it has ended already.
    """
    text = None if error is None else error.replace("\0", "")[:LONGEST_ERROR]
    statement = """
        UPDATE market.ingest_run SET status = 'success', finished_at = clock_timestamp(), rows_inserted = %s,
            rows_updated = %s, rows_unchanged = %s, rows_outranked = %s, requests = %s, error = %s
        WHERE run_id = %s AND status = 'running'
    """
    values = (counts.inserted, counts.updated, counts.unchanged, counts.outranked, requests, text, run_id)
    _end(connection, run_id, statement, values)


def fail_run(connection: Connection, run_id: int, error: BaseException | str, requests: int | None = None) -> None:
    """Note that the window failed and why; call it after the rows were rolled back, then commit.

    Args:
        connection: Any of a user that may load.
        run_id: From ``start_run``, committed.
        error: The exception, stored as ``Class: message``, or a text; cut after 2,000 characters.
        requests: HTTP requests sent; None when not counted.

    Raises:
        LoadError: There is no such run, or it has ended already.
    """
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    statement = """
        UPDATE market.ingest_run SET status = 'failed', finished_at = clock_timestamp(), error = %s, requests = %s
        WHERE run_id = %s AND status = 'running'
    """
    _end(connection, run_id, statement, (text.replace("\0", "")[:LONGEST_ERROR], requests, run_id))


def _end(connection: Connection, run_id: int, statement: str, values: tuple[object, ...]) -> None:
    with said_plainly("ingest_run"), connection.cursor() as cursor:
        cursor.execute(statement, values)
        if cursor.rowcount != 1:
            raise LoadError(f"ingest_run {run_id} is not running: it ended before or was never started")
