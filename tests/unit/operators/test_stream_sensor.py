"""The sensor of the stream: what it waits for, when it looks, and who sleeps meanwhile."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger
from airflow.sdk.exceptions import TaskDeferred

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.stream_sensor import StreamSensor

SESSION = "2026-11-20"
FINAL = datetime(2026, 11, 20, 20, 0, tzinfo=SEOUL)


class Answered(StreamSensor):
    """A sensor whose warehouse answers as told."""

    def __init__(self, answers=(), now=FINAL + timedelta(hours=1), **kwargs):
        super().__init__(task_id="wait", session=SESSION, clock=lambda: now, **kwargs)
        self.answers = list(answers)

    def _is_there(self, session):
        return self.answers.pop(0)


def test_what_is_there_is_not_waited_for():
    """A proven session and a healthy stream let the next task go at once."""
    assert Answered(answers=[True]).execute({}) == "2026-11-20 is proven"
    assert Answered(answers=[True], wait_for="healthy").execute({}) == "the stream is healthy"


@pytest.mark.parametrize("wait_for", ["proven", "healthy"])
def test_it_sleeps_in_the_triggerer(wait_for):
    """Half a minute, in a trigger of Airflow, and looks again when it wakes up."""
    sensor = Answered(answers=[False, True], wait_for=wait_for, poke_seconds=30)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute({})
    assert isinstance(deferred.value.trigger, (TimeDeltaTrigger, DateTimeTrigger))
    assert deferred.value.method_name == "execute"
    assert sensor.execute({}, event="woken")


def test_a_session_that_runs_is_looked_at_when_it_is_final():
    """At 10:00 nothing can be proved: it sleeps until 20:00 without a look into the warehouse."""
    sensor = Answered(now=datetime(2026, 11, 20, 10, 0, tzinfo=SEOUL))
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute({})
    path, arguments = deferred.value.trigger.serialize()
    assert path.startswith("airflow.providers.standard.triggers.")
    assert arguments["moment"] == FINAL


def test_a_stream_is_healthy_now_or_not():
    """Health is looked at whatever the hour."""
    assert Answered(answers=[True], wait_for="healthy", now=datetime(2026, 11, 20, 10, 0, tzinfo=SEOUL)).execute({})


def test_it_waits_for_nothing_else():
    """A word that it does not know is named."""
    with pytest.raises(ConfigurationError, match="wait_for must be healthy or proven, not 'done'"):
        Answered(answers=[True], wait_for="done").execute({})


@pytest.mark.thorough
def test_reading_it_loads_no_driver():
    """Neither the file of the sensor nor its triggers load psycopg2, which would block a triggerer."""
    code = (
        "import sys, data_pipeline.operators.stream_sensor, airflow.providers.standard.triggers.temporal;"
        "print(sorted(name for name in sys.modules if name.startswith('psycopg2')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip().splitlines()[-1] == "[]"
