"""The DAGs, run by Airflow on the synthetic market, into a real Postgres.

Facts: the synthetic market of 22 September 2026 (a Tuesday); 005930 is Samsung Electronics.
"""

from __future__ import annotations

import json
from datetime import date

import pytest

from data_pipeline.local.dag_runs import PlannedRun
from tests.support.market_facts import listed

pytestmark = pytest.mark.slow

SESSION = date(2026, 9, 22)
NOW = "2026-09-22T20:40:00+09:00"
HISTORY = {"dataset": "daily_bar", "stock_codes": ["005930", "000660"], "first": "2026-09-14", "last": "2026-09-22"}
RUNS = (
    PlannedRun("market_reference", "2026-09-22T07:30:00+09:00"),
    PlannedRun("daily_bars", "2026-09-22T20:30:00+09:00"),
    PlannedRun("backfill", "2026-09-22T20:31:00+09:00", HISTORY),
    PlannedRun("order_books", "2026-09-22T15:30:00+09:00", {"stock_codes": "005930,000660"}),
)
FUTURE = PlannedRun("backfill", "2026-09-22T20:32:00+09:00", HISTORY | {"last": "2026-09-23"})


@pytest.fixture(scope="module")
def source():
    """The synthetic market on the evening of the session."""
    connection = {"conn_type": "mock", "extra": {"now": NOW}}
    return {
        "AIRFLOW_CONN_MOCK_DEFAULT": json.dumps(connection),
        "DATA_SOURCE_CONN_ID": "mock_default",
        "MARKET_CLOCK": NOW,
    }


@pytest.fixture(scope="module")
def result(airflow):
    """Every DAG twice, then a backfill that has to fail; in one process, because starting Airflow is what costs."""
    return airflow.run(*RUNS, *RUNS, FUTURE)


def test_every_dag_succeeds_and_does_so_again(result):
    """From an empty warehouse, in the order in which they depend on one another; then once more."""
    assert result.states[:-1] == 2 * [(run.dag_id, "success") for run in RUNS], result.log[-4000:]


def test_every_listed_issue_has_its_bar(airflow, result):
    """The whole market of the session is there, from the source that says it is made up."""
    bars = airflow.query("SELECT stock_code, source::text FROM market.daily_bar WHERE session = %s ORDER BY 1", SESSION)
    assert bars == [(code, "mock") for code in listed(SESSION)]
    assert airflow.query("SELECT stock_code FROM market.instrument ORDER BY 1") == [(code,) for code, _ in bars]


def test_the_history_holds_every_session(airflow, result):
    """Seven sessions from 14 to 22 September, of both codes."""
    found = airflow.query(
        "SELECT stock_code, count(*), min(session), max(session) FROM market.daily_bar "
        "WHERE stock_code IN ('005930', '000660') GROUP BY stock_code ORDER BY stock_code"
    )
    assert found == [("000660", 7, date(2026, 9, 14), SESSION), ("005930", 7, date(2026, 9, 14), SESSION)]


def test_order_books_are_of_the_codes_that_were_named(airflow, result):
    """One book each, at the source's moment."""
    assert airflow.query("SELECT stock_code FROM market.order_book ORDER BY 1") == [("000660",), ("005930",)]


def test_every_window_is_on_record(airflow, result):
    """Each has ended, says which task loaded what for which session, and the first one wrote rows."""
    rows = airflow.query(
        "SELECT dataset, dag_id, task_id, status, rows_inserted > 0, first, last FROM market.ingest_run "
        "WHERE dataset IN ('instrument', 'order_book') ORDER BY run_id LIMIT 2"
    )
    assert rows == [
        ("instrument", "market_reference", "instruments", "success", True, SESSION, SESSION),
        ("order_book", "order_books", "load", "success", True, SESSION, SESSION),
    ]
    assert airflow.query("SELECT count(*) FROM market.ingest_run WHERE status <> 'success'") == [(0,)]


def test_the_second_time_changes_nothing(airflow, result):
    """What is read again is found as it was; the backfill finds its twelve bars and asks for nothing."""
    first, second = airflow.query(
        "SELECT count(*), sum(rows_inserted), sum(rows_updated), sum(rows_unchanged) FROM "
        "(SELECT *, run_id > (SELECT (min(run_id) + max(run_id)) / 2 FROM market.ingest_run) AS again "
        "FROM market.ingest_run) run GROUP BY again ORDER BY again"
    )
    windows, inserted, updated, unchanged = first
    assert (updated, unchanged) == (0, 0)
    assert second == (windows - 1, 0, 0, inserted - 12)


def test_a_backfill_into_the_future_fails_at_once_and_says_why(result):
    """A permanent error is not tried again, though the task has retries left; nothing is loaded."""
    assert result.states[-1] == ("backfill", "failed")
    assert "is beyond 2026-09-22" in result.log
    assert "trying again cannot help" in result.log
