"""The record of each load."""

import subprocess
import sys
from datetime import date

import pytest

from data_pipeline.exceptions import LoadError, PayloadError
from data_pipeline.loading.rows.ingest_run import end_gone_runs, fail_run, finish_run, renew_runs, start_run
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.records import MarketDay
from tests.support.project import ROOT
from tests.support.tables import TRADING_SESSION

FIRST, LAST = date(2026, 9, 14), date(2026, 9, 18)


def start(connection):
    """One started run, committed."""
    run_id = start_run(connection, "daily_bar", "kis", "daily_bars", "load", "manual__1", FIRST, LAST, 500, map_index=3)
    connection.commit()
    return run_id


def test_started_run_is_running(database, connection):
    """A run that began says who loads what, and has no end."""
    run_id = start(connection)
    assert database.rows(
        "SELECT run_id, dataset, source, dag_id, task_id, run_key, first, last, rows_expected, map_index, status,"
        " finished_at FROM market.ingest_run"
    ) == [(run_id, "daily_bar", "kis", "daily_bars", "load", "manual__1", FIRST, LAST, 500, 3, "running", None)]


def test_finished_run_has_its_counts(database, connection):
    """A run that succeeded has counts, requests and an end."""
    finish_run(connection, start(connection), LoadCounts(1, 2, 3, 4), 17)
    connection.commit()
    assert database.rows(
        "SELECT status, rows_inserted, rows_updated, rows_unchanged, rows_outranked, requests,"
        " finished_at >= started_at FROM market.ingest_run"
    ) == [("success", 1, 2, 3, 4, 17, True)]


def test_failed_run_keeps_the_reason(database, connection):
    """A run that failed keeps class and message, cut to 2,000 characters."""
    fail_run(connection, start(connection), PayloadError("x" * 3000), 5)
    connection.commit()
    ((status, error, requests),) = database.rows("SELECT status, error, requests FROM market.ingest_run")
    assert (status, error[:15], len(error), requests) == ("failed", "PayloadError: x", 2000, 5)


def test_run_ends_once(connection):
    """A run that ended cannot end again, nor one that never began."""
    run_id = start(connection)
    finish_run(connection, run_id, LoadCounts())
    for end in (lambda: fail_run(connection, run_id, "late"), lambda: finish_run(connection, 10**6, LoadCounts())):
        with pytest.raises(LoadError, match="is not running"):
            end()


def test_reversed_window_is_refused(connection):
    """A window whose first day is after its last is refused."""
    with pytest.raises(LoadError, match="ingest_run"):
        start_run(connection, "daily_bar", "kis", first=LAST, last=FIRST)


def test_counts_add_up():
    """Counts of two windows add field by field; loaded is all of them."""
    total = LoadCounts(1, 2, 3, 4) + LoadCounts(10, 20, 30, 40)
    assert total == LoadCounts(11, 22, 33, 44)
    assert total.loaded == 110


def test_run_of_the_wrong_kind_is_still_noted(database, connection):
    """A made-up run in a warehouse of real rows can be noted as started and failed; its kind is not decided by it."""
    upsert(connection, TRADING_SESSION, [MarketDay(FIRST, is_open=True)], "kis")
    connection.commit()
    run_id = start_run(connection, "daily_bar", "mock")
    fail_run(connection, run_id, "refused")
    connection.commit()
    assert database.rows("SELECT source, status FROM market.ingest_run") == [("mock", "failed")]
    assert database.rows("SELECT kind FROM market.warehouse_kind") == [("real",)]


BEGIN = """
import os, signal, sys
from data_pipeline.loading.rows.ingest_run import start_run
from data_pipeline.warehouse.connect import connect
connection = connect(sys.argv[1])
start_run(connection, "daily_bar", "kis")
connection.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""
STATES = "SELECT dataset, status, error LIKE '%%ended without a word%%' FROM market.ingest_run ORDER BY run_id"


def test_a_run_of_a_killed_process_fails_as_soon_as_its_dataset_is_loaded_again(database, connection):
    """The next load says what became of it; a run of this process goes on."""
    subprocess.run([sys.executable, "-c", BEGIN, database.url()], cwd=ROOT, check=False)
    assert database.rows(STATES) == [("daily_bar", "running", None)]
    start(connection)
    assert database.rows(STATES) == [("daily_bar", "failed", True), ("daily_bar", "running", None)]
    assert end_gone_runs(connection) == 0


def test_a_run_of_another_host_fails_at_the_end_of_its_lease(database, connection):
    """Nobody here can look its process up; a sign of life renews it, and without one it is over."""
    run_id = start(connection)
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.ingest_run SET process = 'elsewhere/1/1 77 1234'")
    assert end_gone_runs(connection, "daily_bar") == 0
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.ingest_run SET lease_until = '2001-01-01'")
    renew_runs(connection, [run_id])
    connection.commit()
    assert end_gone_runs(connection, "minute_bar") == end_gone_runs(connection, "daily_bar") == 0
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.ingest_run SET lease_until = '2001-01-01'")
    assert end_gone_runs(connection, "daily_bar") == 1
    with pytest.raises(LoadError, match="is not running"):
        finish_run(connection, run_id, LoadCounts())


def test_a_run_that_is_being_stored_is_not_over_however_long_that_takes(database, connection):
    """Its transaction holds it, so that nobody fails it at the end of its lease."""
    run_id = start(connection)
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.ingest_run SET lease_until = '2001-01-01'")
    renew_runs(connection, [run_id])
    with database.connect() as other:
        assert end_gone_runs(other) == 0
        other.rollback()
    finish_run(connection, run_id, LoadCounts())
    connection.commit()
    assert database.rows("SELECT status FROM market.ingest_run") == [("success",)]
