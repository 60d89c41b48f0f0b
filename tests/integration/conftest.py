"""One embedded Postgres for the whole test run, a fresh migrated database for each test, and an Airflow beside it."""

from tests.support.airflow_process import airflow, airflow_home, warehouse
from tests.support.command import command, emulator, kis, settings
from tests.support.database import connection, contents, database, market_time, server, shared
from tests.support.listed import kis_list, mock_list
from tests.support.managed import managed, unknown
from tests.support.proxy import proxy

__all__ = [
    "airflow", "airflow_home", "command", "connection", "contents", "database", "emulator", "kis", "kis_list",
    "managed", "market_time", "mock_list", "proxy", "server", "settings", "shared", "unknown", "warehouse",
]  # fmt: skip
