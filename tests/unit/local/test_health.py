"""When `up` says that Airflow schedules.

The answers are those of Airflow's `/api/v2/monitor/health` (reference of its public API).
"""

from datetime import datetime, timezone

from data_pipeline.local.health import without_beat

SINCE = datetime(2026, 9, 22, 11, 0, tzinfo=timezone.utc)
LATER = "2026-09-22T11:00:04.123456+00:00"


def answer(**beats):
    """What Airflow says; every part has just given a sign of life unless told otherwise."""
    told = dict.fromkeys(("scheduler", "triggerer", "dag_processor"), LATER) | beats
    parts = {part: {"status": "healthy", f"latest_{part}_heartbeat": beat} for part, beat in told.items()}
    return {"metadatabase": {"status": "healthy"}, **parts}


def test_every_part_that_beats_is_fine():
    """Each gave a sign of life since it is being looked at."""
    assert without_beat(answer(), SINCE) == ""
    assert without_beat(answer(scheduler="2026-09-22T11:00:04Z"), SINCE) == ""


def test_a_killed_scheduler_does_not_pass_for_a_healthy_one():
    """Airflow calls it healthy for half a minute after its last sign of life."""
    said = without_beat(answer(scheduler="2026-09-22T10:59:50+00:00"), SINCE)
    assert said.startswith("the scheduler has given no sign of life since 11:00:00")


def test_a_part_that_never_began_is_named():
    """Airflow answers with nothing in the place of its time."""
    assert "the dag processor has given no sign of life" in without_beat(answer(dag_processor=None), SINCE)
    assert without_beat(answer() | {"metadatabase": {"status": "unhealthy"}}, SINCE) == "its database does not answer"
