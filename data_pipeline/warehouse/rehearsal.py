"""What an upgrade does to stored rows, as told by the migrations themselves and counted by the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

# In the schema and not temporary: whoever migrates owns the schema, and need not be allowed temporary tables.
_BEGIN = """
    DROP TABLE IF EXISTS market.migration_report;
    CREATE TABLE market.migration_report (line integer GENERATED ALWAYS AS IDENTITY, what text NOT NULL, rows bigint)
"""
_END = "DROP TABLE market.migration_report"
_VERSION = "SELECT to_regclass('market.alembic_version') IS NOT NULL"
_CHANGES = """
    SELECT coalesce(parent.relname, c.relname)::text AS name, sum(n_tup_ins)::bigint, sum(n_tup_upd)::bigint,
        sum(n_tup_del)::bigint
    FROM pg_stat_xact_user_tables s JOIN pg_class c ON c.oid = s.relid
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
    WHERE s.schemaname = 'market' AND c.relname NOT IN ('alembic_version', 'migration_report')
    GROUP BY 1 HAVING sum(n_tup_ins + n_tup_upd + n_tup_del) > 0 ORDER BY 1
"""


@dataclass(frozen=True)
class Change:
    """How many rows of one table an upgrade writes; partitions count as their table."""

    table: str
    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True)
class Rehearsal:
    """What an upgrade would do."""

    before: str | None
    """The schema's version now; None when there is none yet."""
    after: str
    told: tuple[tuple[str, int], ...]
    """What the migrations say about stored data, in the order they ran, and how many rows each is about."""
    changes: tuple[Change, ...]


def begin_report(connection: Connection) -> None:
    """Make the table ``market.migration_report (what, rows)``, which migrations fill; as the schema's owner."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN)


def end_report(connection: Connection) -> None:
    """Take the table away again, in the same transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_END)


def version_of(connection: Connection) -> str | None:
    """Return the schema's version; None when it was never migrated."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSION)
        if not (cursor.fetchone() or (False,))[0]:
            return None
        cursor.execute("SELECT version_num FROM market.alembic_version")
        return str((cursor.fetchone() or ("",))[0])


def read_rehearsal(connection: Connection, before: str | None) -> Rehearsal:
    """Return what the migrations have done so far in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT what, rows FROM market.migration_report WHERE rows > 0 ORDER BY line")
        told = tuple(cursor.fetchall())
        cursor.execute(_CHANGES)
        changes = tuple(Change(*row) for row in cursor.fetchall())
    return Rehearsal(before, version_of(connection) or "", told, changes)
