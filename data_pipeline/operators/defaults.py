"""What all tasks of this package have in common: their source, when they are tried again, and fields of their forms."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import Param

from data_pipeline.notifications import alert
from data_pipeline.operators.permanent import RETRY_POLICY
from data_pipeline.pools import HISTORY_POOL
from data_pipeline.settings import text, value


def task_retries(environ: Mapping[str, str]) -> int:
    """Return how many times a task is tried again after a transient error: ``TASK_RETRIES``, or 4.

    Raises:
        ConfigurationError: It is not a whole number from 0 to 100.
    """
    retries = value(environ, "TASK_RETRIES")
    return 4 if retries is None else int(retries)


TASK_DEFAULTS: dict[str, Any] = {
    "owner": "data-pipeline",
    "retries": task_retries(os.environ),
    "retry_delay": timedelta(seconds=60),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=15),
    **({"retry_policy": RETRY_POLICY} if RETRY_POLICY else {}),
    "execution_timeout": timedelta(hours=2),
    "pool": HISTORY_POOL,
    "on_failure_callback": alert,
}
"""``default_args`` of every DAG. DAGs that load the present set ``pool`` to ``QUOTES_POOL`` and a shorter timeout."""


SOURCE_CONN_ID = "{{{{ params.get('source_conn_id') or var.value.get('DATA_SOURCE_CONN_ID', {!r}) }}}}".format(
    text(os.environ, "DATA_SOURCE_CONN_ID")
)
"""A template for the source's Airflow connection: the run's parameter ``source_conn_id``, else the Airflow Variable
``DATA_SOURCE_CONN_ID``, else the environment variable of that name, else ``kis_default``."""


HEAL_REQUESTS = 200_000
"""Requests that one healing takes at most unless told: three hours of a key with 18 a second."""


def session_param() -> Param:
    """Return the form field ``session``; left empty, it means the run's own session."""
    return Param(
        default=None,
        type=["null", "string"],
        format="date",
        title="Session",
        description="A trading day. Empty: the session of the run's data interval.",
    )


def stock_codes_param(empty: str) -> Param:
    """Return the form field ``stock_codes``, a list or text with commas; ``empty`` says what leaving it empty means."""
    return Param(
        default=[],
        type=["array", "string", "null"],
        items={"type": "string", "pattern": "^[0-9A-Z]{6}$"},
        pattern="^([0-9A-Z]{6}([,\\s]+|$))*$",
        title="Stock codes",
        description=f"Six-character codes, one a line. {empty}",
    )
