"""How long a connection waits for a host that is gone, in libpq's parameters."""

from __future__ import annotations

BOUNDS = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""A host or a network that is gone is noticed within a minute. The last one is in milliseconds, the first two in
seconds."""

AIRFLOW_DATABASE = {
    **BOUNDS,
    "connect_timeout": "10",
    "options": "-c idle_in_transaction_session_timeout=300000",
}
"""What Airflow hands to psycopg2 for its own database (``AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS``). The server
ends a transaction that has done nothing for five minutes, so that an orphan does not hold its locks for longer."""
