"""How Airflow's Celery executor hands out tasks while the broker is away: it waits, and no task loses a try.

Airflow imports it by name: ``AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS=data_pipeline.hooks.celery_config.CELERY_CONFIG``.
Without it a broker that is away for a second fails every task that the scheduler hands out in that second: Celery
tries again for 0.6 s, and Airflow counts what it says then as the task's own failure.
"""

from __future__ import annotations

from typing import Any

SEND_TRIES = 120
"""Times that the scheduler hands out one task before it fails: ``AIRFLOW__CELERY__TASK_PUBLISH_MAX_RETRIES``."""
SEND_S = 2.0
"""Seconds that one of these takes at most, ``AIRFLOW__CELERY__OPERATION_TIMEOUT``: together four minutes."""
VISIBLE_S = 4 * 3600
"""Seconds after which Redis gives a task to another worker: ``visibility_timeout``. It is above the longest task (half
an hour of the shared budget, then tries of its own) and below the day that a lost one would wait by default."""
PATIENCE = {
    # Celery's own patience has to outlast SEND_S, whose end Airflow takes for "not sent yet" and tries again.
    "task_publish_retry_policy": {"max_retries": 1000, "interval_start": 0.1, "interval_step": 0.1, "interval_max": 1},
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
}
"""Workers wait for the broker as long as it takes."""


def __getattr__(name: str) -> dict[str, Any]:
    """``CELERY_CONFIG``: Airflow's own configuration of Celery, with that patience. Only its readers import Celery."""
    if name != "CELERY_CONFIG":
        raise AttributeError(name)
    from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG

    return {**DEFAULT_CELERY_CONFIG, **PATIENCE}
