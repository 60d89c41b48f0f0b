"""Asks the warehouse one question of the morning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.warehouse.errors import said_plainly


def asked(
    connection: Connection, statement: str, values: Mapping[str, object] | Sequence[object] | None = None
) -> list[tuple[Any, ...]]:
    """Return the rows of a statement.

    Raises:
        ConfigurationError: The schema is older than this package, or the login may not read it.
        ConnectionFailedError, TransientError: The server went away, or the statement took too long; trying again can
            help.
    """
    with said_plainly("the morning's facts"), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
