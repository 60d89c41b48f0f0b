"""Whether the Airflow that `up` started schedules: its parts beat, and nobody sits on what the scheduler needs."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2 import errors

from data_pipeline.warehouse.connect import connect

BEATS = {
    "scheduler": "latest_scheduler_heartbeat",
    "triggerer": "latest_triggerer_heartbeat",
    "dag_processor": "latest_dag_processor_heartbeat",
}
"""The parts in the answer of `/api/v2/monitor/health`, and the field of each with its last sign of life."""
LONG_S = 30
"""Seconds after which a transaction of Airflow's database in which nothing happens is named."""
_PLACE = "SELECT FROM slot_pool FOR UPDATE NOWAIT"
"""What the scheduler locks before it hands out tasks."""
_SITTING = """
    SELECT pid, extract(epoch FROM clock_timestamp() - state_change)::int FROM pg_stat_activity
    WHERE datname = current_database() AND state LIKE 'idle in transaction%%' AND pid <> pg_backend_pid()
        AND state_change < clock_timestamp() - make_interval(secs => %s)
    ORDER BY state_change
"""


@dataclass(frozen=True)
class Health:
    """Looks at one Airflow.

    Args:
        url: Its address.
        metadata_url: Its database.
        since: When looking began; signs of life from before it, of parts that were killed, do not count.
    """

    url: str
    metadata_url: str
    since: datetime

    def complaint(self) -> str:
        """Return what is wrong with it at present, in one sentence; empty when it schedules."""
        body = _answer(f"{self.url}/api/v2/monitor/health")
        return "its API does not answer" if body is None else without_beat(body, self.since) or self._blocked()

    def _blocked(self) -> str:
        with closing(connect(self.metadata_url)) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(_PLACE)
            except errors.LockNotAvailable:
                connection.rollback()
                cursor.execute(_SITTING, (LONG_S,))
                sitting = [f"server process {pid} for {seconds} s" for pid, seconds in cursor.fetchall()]
                who = f" (idle in a transaction: {', '.join(sitting)})" if sitting else ""
                return f"nothing is scheduled: somebody else holds the scheduler's place in Airflow's database{who}"
            finally:
                connection.rollback()
        return ""


def without_beat(body: Mapping[str, Any], since: datetime) -> str:
    """Return which part has not given a sign of life since a moment; empty when all have.

    Args:
        body: The answer of Airflow's `/api/v2/monitor/health`.
        since: An aware time.
    """
    if body["metadatabase"]["status"] != "healthy":
        return "its database does not answer"
    for part, field in BEATS.items():
        beat = (body.get(part) or {}).get(field)
        if beat is None or datetime.fromisoformat(beat.replace("Z", "+00:00")) < since:
            last = f"the last was at {beat}" if beat else "it never gave one"
            return f"the {part.replace('_', ' ')} has given no sign of life since {since:%H:%M:%S}: {last}"
    return ""


def _answer(url: str) -> Any:
    # Nothing on this machine is asked through a proxy, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return None
