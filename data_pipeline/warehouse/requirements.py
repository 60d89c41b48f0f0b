"""What a database has to offer before it can be migrated, and what an administrator does where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_pipeline.exceptions import ConfigurationError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

OLDEST_SERVER = 150000

_DATABASE = (
    "SELECT current_database(), pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
)

# Since Postgres 16 whoever makes a role is its administrator; before, CREATEROLE makes one of every role.
_LACKING = """
WITH me AS (
    SELECT rolsuper, rolcreaterole, quote_ident(current_user) AS name, quote_ident(current_database()) AS database,
        current_setting('server_version_num')::integer >= 160000 AS newer
    FROM pg_roles WHERE rolname = current_user
), role AS (
    SELECT name, n, rolname IS NOT NULL AS made
    FROM unnest(ARRAY['market_owner', 'market_loader', 'market_reader']) WITH ORDINALITY AS wanted (name, n)
    LEFT JOIN pg_roles ON rolname = name
), right_of AS (
    SELECT name, privilege, n FROM (VALUES
        ('market_loader', 'CONNECT', 7), ('market_loader', 'TEMPORARY', 8), ('market_reader', 'CONNECT', 9)
    ) AS r (name, privilege, n)
)
SELECT statement FROM (
    SELECT n, format('CREATE ROLE %I NOLOGIN', role.name) AS statement
    FROM role, me WHERE NOT made AND NOT (rolsuper OR rolcreaterole)
    UNION ALL
    SELECT 5, format('GRANT market_owner TO %s', me.name) FROM me, role
    WHERE role.name = 'market_owner' AND NOT rolsuper AND CASE WHEN made THEN
        NOT pg_has_role(current_user, to_regrole('market_owner'), CASE WHEN newer THEN 'SET' ELSE 'MEMBER' END)
        AND NOT pg_has_role(current_user, to_regrole('market_owner'), 'MEMBER WITH ADMIN OPTION')
        AND (newer OR NOT rolcreaterole)
    ELSE NOT rolcreaterole END
    UNION ALL
    SELECT 6, format('GRANT CREATE ON DATABASE %s TO %s', database, me.name) FROM me
    WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'market')
        AND NOT has_database_privilege(current_database(), 'CREATE')
    UNION ALL
    SELECT r.n, format('GRANT %s ON DATABASE %s TO %I', privilege, database, r.name)
    FROM right_of r JOIN role USING (name), me
    WHERE NOT has_database_privilege(current_database(), privilege || ' WITH GRANT OPTION')
        AND NOT CASE WHEN made THEN has_database_privilege(to_regrole(r.name), current_database(), privilege)
            ELSE EXISTS (SELECT FROM pg_database d, aclexplode(coalesce(datacl, acldefault('d', datdba))) AS a
                WHERE datname = current_database() AND grantee = 0 AND privilege_type = privilege) END
) AS lacking ORDER BY n
"""


def require_suitable(connection: Connection, where: str) -> None:
    """Return when the connection's database and login can be migrated.

    Args:
        connection: Of the login that is going to migrate.
        where: The address without its password.

    Raises:
        ConfigurationError: The server is older than 15, the database is not UTF8, or an administrator has to grant
            something first; the message holds the statements.
    """
    if connection.server_version < OLDEST_SERVER:
        raise ConfigurationError(f"the warehouse needs Postgres 15 or newer, not {connection.server_version // 10000}")
    with connection.cursor() as cursor:
        cursor.execute(_DATABASE)
        database, encoding = cursor.fetchone() or ("", "")
        if encoding != "UTF8":
            raise ConfigurationError(
                f"the database {database} stores text as {encoding}, which lacks some Korean names: make one with "
                "CREATE DATABASE market ENCODING 'UTF8' TEMPLATE template0, name it in MARKET_DB_URL and migrate that"
            )
        cursor.execute(_LACKING)
        lacking = "; ".join(statement for (statement,) in cursor.fetchall())
    if lacking:
        raise ConfigurationError(
            f"{where} may not migrate the warehouse: let an administrator of the server run `{lacking}` in its "
            "database once, then migrate again"
        )
