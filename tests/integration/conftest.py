"""One embedded Postgres for the whole test run, a fresh migrated database for each test, and an Airflow beside it."""

from tests.support.airflow_process import airflow, airflow_home, postgres, template, warehouse
from tests.support.command import command, emulator, kis, settings
from tests.support.database import connection, database, market_time, server, shared
from tests.support.managed import managed, unknown
from tests.support.proxy import proxy

__all__ = [
    "airflow", "airflow_home", "command", "connection", "database", "emulator", "kis", "managed", "market_time",
    "postgres", "proxy", "server", "settings", "shared", "template", "unknown", "warehouse",
]  # fmt: skip
