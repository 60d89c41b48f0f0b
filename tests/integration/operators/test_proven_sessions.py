"""What is announced: by what Airflow was told before, and by what was just loaded.

Facts: see ``tests/support/five_sessions.py``; on 1 December 2026 those sessions are more than 45 days past.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from data_pipeline.local.environment import postgres_connection_json
from data_pipeline.market.clock import SEOUL
from data_pipeline.operators.assets import loaded_asset, proven_asset
from data_pipeline.operators.proven_sessions import plan_announcements
from tests.support.five_sessions import CODES, bars, prepare

FRIDAY_EVENING = datetime(2026, 9, 18, 20, 40, tzinfo=SEOUL)
UTC = timezone.utc
WINTER = datetime(2026, 12, 1, 20, 40, tzinfo=SEOUL)


@pytest.fixture
def cursor(database, monkeypatch):
    """A warehouse in which Monday and Friday are whole."""
    monkeypatch.setenv("AIRFLOW_CONN_MARKET_DB", postgres_connection_json(database.url("loader")))
    with database.connect("owner") as connection, connection.cursor() as cursor:
        prepare(cursor)
        bars(cursor, *((code, day) for code in CODES for day in (14, 18)))
        connection.commit()
        yield cursor


class Events(list[Any]):
    """The events of an asset, each of which was told after the day that is asked for."""

    since: datetime | None = None

    def after(self, since: str) -> Events:
        """Keep since when they were asked for."""
        self.since = datetime.fromisoformat(since)
        return self


def context(moment: datetime, *told: Any, **more: Any) -> dict[str, Any]:
    """What the task is given at a moment, when these events were told to the asset of daily bars before."""
    events: dict[Any, Events] = defaultdict(Events)
    events[proven_asset("daily_bar")] += told
    run = SimpleNamespace(run_after=moment, run_type="scheduled")
    return {"dag_run": run, "inlet_events": events, "params": {}, **more}


def days(planned: list[dict[str, Any]]) -> list[str]:
    """The sessions of a plan, all of which are of daily bars."""
    assert {one["dataset"] for one in planned} <= {"daily_bar"}
    return [day for one in planned for day in one["sessions"]]


def event(planned: list[dict[str, Any]], day: str) -> Any:
    """The event by which a session of a plan was announced."""
    return SimpleNamespace(partition_key=day, extra={"dataset": "daily_bar", "sessions": planned[0]["sessions"]})


def test_what_was_announced_is_not_announced_again(cursor):
    """An event without a partition, as of a task that somebody marked as successful, says nothing."""
    planned = plan_announcements(context(FRIDAY_EVENING))
    assert days(planned) == ["2026-09-14", "2026-09-18"]
    told = [event(planned, "2026-09-14"), SimpleNamespace(partition_key=None, extra={})]
    assert days(plan_announcements(context(FRIDAY_EVENING, *told))) == ["2026-09-18"]


def test_of_two_events_the_newer_one_counts(cursor):
    """It was announced, restated, and announced again."""
    planned = plan_announcements(context(FRIDAY_EVENING))
    old = SimpleNamespace(partition_key="2026-09-18", extra={"sessions": {"2026-09-18": {"digest": "0" * 16}}})
    told = [event(planned, "2026-09-14"), old, event(planned, "2026-09-18")]
    assert plan_announcements(context(FRIDAY_EVENING, *told)) == []


def test_what_is_long_past_is_looked_at_when_it_was_loaded_or_is_named(cursor):
    """A backfill of September in December, and a form that says since when."""
    assert plan_announcements(context(WINTER)) == []
    loads = {loaded_asset("daily_bar"): [SimpleNamespace(extra={"first": "2026-09-15"}), SimpleNamespace(extra={})]}
    assert days(plan_announcements(context(WINTER, triggering_asset_events=loads))) == ["2026-09-18"]
    named = context(WINTER) | {"params": {"first": "2026-09-14"}}
    assert days(plan_announcements(named)) == ["2026-09-14", "2026-09-18"]


def test_no_event_is_asked_for_that_cannot_be_about_what_is_looked_at(cursor):
    """From 45 days before the newest session on, and a day more; a load about older days goes further back."""
    asked = context(FRIDAY_EVENING)
    plan_announcements(asked)
    assert asked["inlet_events"][proven_asset("daily_bar")].since == datetime(2026, 8, 3, tzinfo=UTC)
    loads = {loaded_asset("daily_bar"): [SimpleNamespace(extra={"first": "2024-01-02"})]}
    asked = context(FRIDAY_EVENING, triggering_asset_events=loads)
    plan_announcements(asked)
    assert asked["inlet_events"][proven_asset("daily_bar")].since == datetime(2024, 1, 1, tzinfo=UTC)
    assert asked["inlet_events"][proven_asset("minute_bar")].since == datetime(2026, 8, 3, tzinfo=UTC)


def test_many_sessions_are_announced_by_several_tasks(cursor):
    """Each event carries what is known of all that its task announces, so those are few."""
    planned = plan_announcements(context(FRIDAY_EVENING), at_once=1)
    assert [[*one["sessions"]] for one in planned] == [["2026-09-14"], ["2026-09-18"]]
