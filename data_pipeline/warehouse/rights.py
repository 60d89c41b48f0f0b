"""What a login may do besides reading, because somebody else's statement is about to run with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_pipeline.exceptions import ConfigurationError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

HARMLESS = [
    "pg_monitor", "pg_read_all_data", "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables",
    "pg_use_reserved_connections",
]  # fmt: skip
"""Postgres's own roles that only read. Source: PostgreSQL documentation, "Predefined Roles"."""

OF_THE_HOST = [
    "lo_export", "lo_import", "pg_ls_dir", "pg_promote", "pg_read_binary_file", "pg_read_file", "pg_reload_conf",
    "pg_rotate_logfile", "pg_stat_file",
]  # fmt: skip
"""Functions that reach the server's files or its work, closed to all but superusers unless somebody opened them."""

# Also roles that the login could become: a function, set_config('role', ...), takes them inside any statement.
MORE_THAN_READING = r"""
WITH role AS (
    SELECT oid, rolname, rolsuper, rolcreaterole OR rolcreatedb OR rolreplication AS makes
    FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(session_user, oid, 'MEMBER')
), found AS (
    SELECT rolname, 1 AS rank, 'is a superuser' AS what FROM role WHERE rolsuper
    UNION ALL
    SELECT rolname, 2, 'may make roles or databases, or replicate' FROM role WHERE makes
    UNION ALL
    SELECT rolname, 3, 'has rights over the whole server' FROM role
    WHERE rolname LIKE 'pg\_%%' AND rolname <> ALL (%(harmless)s)
    UNION ALL
    SELECT rolname, 4, 'may change the schema market' FROM role, pg_catalog.pg_namespace AS n
    WHERE n.nspname = 'market' AND pg_catalog.has_schema_privilege(role.oid, n.oid, 'CREATE')
    UNION ALL
    SELECT rolname, 5, 'may write to market.' || c.relname
    FROM role, pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'market' AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
      AND pg_catalog.has_table_privilege(role.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
    UNION ALL
    SELECT rolname, 6, 'may call ' || p.proname FROM role, pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY (%(of_the_host)s)
      AND pg_catalog.has_function_privilege(role.oid, p.oid, 'EXECUTE')
)
SELECT session_user, rolname, what FROM found ORDER BY rolname <> session_user, rank, what LIMIT 1
"""


def more_than_reading(connection: Connection) -> str | None:
    """Return what the connection's login may do besides reading, as a clause; None when it can only read."""
    with connection.cursor() as cursor:
        cursor.execute(MORE_THAN_READING, {"harmless": HARMLESS, "of_the_host": OF_THE_HOST})
        row = cursor.fetchone()
    if row is None:
        return None
    login, role, what = row
    return f"{login} {what}" if login == role else f"{login} can become {role}, which {what}"


def require_reader(connection: Connection, command: str) -> None:
    """Refuse a login that may do more than read.

    Args:
        connection: Of the login.
        command: Who asks, for the message.

    Raises:
        ConfigurationError: It may; the message says the way out.
    """
    if more := more_than_reading(connection):
        raise ConfigurationError(
            f"`{command}` asks with a login that can only read, and {more}: set MARKET_READER_URL to one that can, for "
            "example postgresql://market_reader:password@host:5432/market after "
            "ALTER ROLE market_reader LOGIN PASSWORD 'password'"
        )
