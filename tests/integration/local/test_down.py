"""What `up` and `down` do with Airflow's database, by the columns that they touch.

The tables are a part of Airflow 3.3's: dag_run, task_instance, slot_pool and job of its migrations. Its scheduler takes
up, as it starts, the tasks whose scheduler's job is not `running`.
"""

from __future__ import annotations

from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from data_pipeline.local.health import Health
from data_pipeline.local.lost_tasks import forget_gone_schedulers
from data_pipeline.local.starting import unpause
from data_pipeline.local.waiting_runs import end_waiting_runs

TABLES = """
    CREATE SCHEMA IF NOT EXISTS public;
    CREATE TABLE public.dag_run (dag_id text, run_id text, state text, run_type text, end_date timestamptz);
    CREATE TABLE public.task_instance (dag_id text, run_id text, task_id text, state text, end_date timestamptz);
    CREATE TABLE public.slot_pool (pool text);
    CREATE TABLE public.job (id int, job_type text, state text, end_date timestamptz);
    INSERT INTO public.slot_pool VALUES ('default_pool');
"""
BEAT = "2026-09-22T11:00:04+00:00"
ANSWER = (
    f'{{"metadatabase": {{"status": "healthy"}}, "scheduler": {{"latest_scheduler_heartbeat": "{BEAT}"}}, '
    f'"triggerer": {{"latest_triggerer_heartbeat": "{BEAT}"}}, '
    f'"dag_processor": {{"latest_dag_processor_heartbeat": "{BEAT}"}}}}'
)


class Airflow(BaseHTTPRequestHandler):
    """Answers every GET as a healthy Airflow."""

    def do_GET(self):
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(ANSWER.encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def url():
    """The address of an Airflow that calls itself healthy."""
    with HTTPServer(("127.0.0.1", 0), Airflow) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def metadata(database):
    """Airflow's database, as far as it matters here."""
    with database.connect("owner") as connection, connection, connection.cursor() as cursor:
        cursor.execute(TABLES)
    return database


def test_down_leaves_no_retry_for_the_next_morning(metadata):
    """A run under way fails with the tasks that wait in it; what is done stays, what was asked for by hand waits."""
    with metadata.connect("owner") as connection, connection, connection.cursor() as cursor:
        cursor.execute("""
            INSERT INTO public.dag_run VALUES
                ('daily_bars_official', 'scheduled__1', 'running', 'scheduled'),
                ('order_books', 'scheduled__2', 'queued', 'scheduled'),
                ('backfill', 'manual__3', 'queued', 'manual'),
                ('daily_bars', 'scheduled__4', 'success', 'scheduled');
            INSERT INTO public.task_instance VALUES
                ('daily_bars_official', 'scheduled__1', 'instruments', 'success'),
                ('daily_bars_official', 'scheduled__1', 'load', 'up_for_retry'),
                ('daily_bars_official', 'scheduled__1', 'other', 'running'),
                ('order_books', 'scheduled__2', 'watched', NULL),
                ('backfill', 'manual__3', 'plan', NULL)
        """)
    assert end_waiting_runs(metadata.url("owner")) == ["daily_bars_official scheduled__1", "order_books scheduled__2"]
    assert metadata.rows("SELECT dag_id, state, end_date IS NOT NULL FROM public.dag_run ORDER BY run_id") == [
        ("backfill", "queued", False),
        ("daily_bars_official", "failed", True),
        ("order_books", "failed", True),
        ("daily_bars", "success", False),
    ]
    assert metadata.rows("SELECT task_id, state FROM public.task_instance ORDER BY task_id") == [
        ("instruments", "success"), ("load", "skipped"), ("other", "failed"), ("plan", None), ("watched", "skipped"),
    ]  # fmt: skip
    assert end_waiting_runs(metadata.url("owner")) == []


def test_the_tasks_of_a_killed_scheduler_are_taken_up_by_the_next(metadata):
    """A scheduler that was killed no longer counts as running; one that stopped, and other parts, stay as they are."""
    with metadata.connect("owner") as connection, connection, connection.cursor() as cursor:
        cursor.execute("""
            INSERT INTO public.job VALUES
                (1, 'SchedulerJob', 'success', '2026-09-22 11:00Z'), (2, 'SchedulerJob', 'running', NULL),
                (3, 'TriggererJob', 'running', NULL)
        """)
    assert forget_gone_schedulers(metadata.url("owner")) == 1
    assert metadata.rows("SELECT id, state, end_date IS NOT NULL FROM public.job ORDER BY id") == [
        (1, "success", True), (2, "failed", True), (3, "running", False),
    ]  # fmt: skip


def test_a_database_that_airflow_never_used_has_no_runs(database):
    """`down` comes before the first `up` is through."""
    assert end_waiting_runs(database.url("owner")) == []


def test_airflow_is_not_healthy_while_somebody_holds_the_schedulers_place(metadata, url, monkeypatch):
    """Its API says healthy, and nothing would be scheduled: an orphaned worker sits in a transaction."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    health = Health(url, metadata.url("owner"), datetime(2026, 9, 22, 11, 0, tzinfo=timezone.utc))
    assert health.complaint() == ""
    with metadata.connect("owner") as orphan, orphan.cursor() as cursor:
        cursor.execute("SELECT FROM public.slot_pool FOR UPDATE")
        assert "nothing is scheduled: somebody else holds the scheduler's place" in health.complaint()
    assert health.complaint() == ""


def test_the_dags_that_a_source_can_serve_are_unpaused(metadata):
    """No other one, and one that Airflow has not read yet is not among those that were."""
    with metadata.connect("owner") as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE public.dag (dag_id text, is_paused boolean);"
            "INSERT INTO public.dag VALUES ('daily_bars', true), ('backfill', true), ('heal_gaps', false)"
        )
    assert unpause(metadata.url("owner"), ["heal_gaps", "daily_bars", "order_books"]) == ["daily_bars", "heal_gaps"]
    assert metadata.rows("SELECT dag_id FROM public.dag WHERE is_paused") == [("backfill",)]
