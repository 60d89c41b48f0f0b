"""How Airflow's processes reach Airflow's own database: what they do when it falls silent.

Airflow imports these by name: ``AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS`` and ``..._CONNECT_ARGS_ASYNC``.
"""

from __future__ import annotations

from data_pipeline.warehouse.bounds import BOUNDS

CONNECT_S = 10
IDLE_S = 300
"""Seconds after which the server ends a transaction in which nothing happens, and with it what it has locked."""
ANSWER_S = 120
"""Seconds that one question of an asynchronous connection may take."""

PATIENT = {
    "connect_timeout": CONNECT_S,
    "keepalives": 1,
    **BOUNDS,
}
"""For psycopg2: a server that has gone silent is given up after a minute. Of `run`, whose one process keeps a
transaction open while a task works."""
CONNECT_ARGS = {**PATIENT, "options": f"-c idle_in_transaction_session_timeout={IDLE_S * 1000}"}
"""For psycopg2: the same, and no transaction stays open without end."""
CONNECT_ARGS_ASYNC = {
    "timeout": CONNECT_S,
    "command_timeout": ANSWER_S,
    "server_settings": {"idle_in_transaction_session_timeout": str(IDLE_S * 1000)},
}
"""For asyncpg, of the API server."""
