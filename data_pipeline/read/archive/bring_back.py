"""Brings an archived month back into Postgres: out of its file, and only as it was sealed."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.exceptions import InvalidRequestError, LoadError
from data_pipeline.read.archive.files import last_day
from data_pipeline.read.archive.opened import rows_of
from data_pipeline.read.archive.stored import columns_of, to_csv
from data_pipeline.warehouse.errors import said_plainly

NOT_AS_SEALED = "DP002"
"""SQLSTATE of ``market.prove_month``: rows and seals differ."""
# Whoever brings the same month back waits here, and then finds it stored.
_NOTED = """
    SELECT dropped_at IS NOT NULL, file, rows FROM market.archive WHERE dataset = %s AND month = %s FOR UPDATE
"""
_TAKE_ROWS = """
    UPDATE market.archive SET file = NULL, dropped_at = NULL, dropped_by = NULL WHERE dataset = %s AND month = %s
"""
_IS_STORED = "SELECT to_regclass('market.' || quote_ident(%s)) IS NOT NULL"


def bring_back(connection: Connection, dataset: str, month: date, folder: Path) -> int | None:
    """Bring a month back in one transaction and return how many rows came; None when it is stored already.

    The rows go into the partition itself, so that no trigger takes them for new ones: nothing goes into
    ``market.restatement``, and the seals stay as they are and have to fit. Its file stays where it is.

    Args:
        connection: Of the schema's owner, without a transaction open and without a limit of time.
        dataset: One of ``data_pipeline.read.archive.let_go.ARCHIVABLE``.
        month: Its first day.
        folder: The archive's.

    Raises:
        InvalidRequestError: Nothing of the month was ever stored, or it was let go without a file.
        ConfigurationError: The file is not there, cannot be read or has another number of rows, or the login may not
            do this.
        LoadError: The file does not hold the rows that were sealed; the month stays archived.
        ConnectionFailedError, TransientError: The server went away; trying again can help.
    """
    what, partition = f"{dataset} of {month:%Y-%m}", f"{dataset}_{month:%Y_%m}"
    with said_plainly(what), connection, connection.cursor() as cursor:
        cursor.execute(_NOTED, (dataset, month))
        archived, file, rows = cursor.fetchone() or (False, None, 0)
        if not archived:
            _require_stored(cursor, what, partition)
            return None
        if file is None:
            raise InvalidRequestError(f"{what} was let go without a file: its rows are nowhere but in a backup")
        cursor.execute(_TAKE_ROWS, (dataset, month))
        cursor.execute("SELECT market.ensure_partitions(%s, %s, %s)", (dataset, month, month))
        _copy(cursor, dataset, partition, month, folder / file, rows)
        _prove(cursor, dataset, month, folder / file)
        return int(rows)


def _require_stored(cursor: Cursor, what: str, partition: str) -> None:
    cursor.execute(_IS_STORED, (partition,))
    if not (cursor.fetchone() or (False,))[0]:
        raise InvalidRequestError(f"{what} is neither archived nor stored: there is nothing to bring back")


def _copy(cursor: Cursor, dataset: str, partition: str, month: date, path: Path, rows: int) -> None:
    columns = columns_of(cursor, dataset)
    copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, ENCODING 'UTF8')").format(
        sql.Identifier("market", partition), sql.SQL(", ").join(sql.Identifier(one.name) for one in columns)
    )
    for table in rows_of(path, columns, rows, None, month, last_day(month)):
        cursor.copy_expert(copy, BytesIO(to_csv(table)))


def _prove(cursor: Cursor, dataset: str, month: date, path: Path) -> None:
    try:
        cursor.execute("SELECT market.prove_month(%s, %s)", (dataset, month))
    except psycopg2.Error as error:
        if error.pgcode != NOT_AS_SEALED:
            raise
        raise LoadError(
            f"{path} does not hold {dataset} of {month:%Y-%m} as it was sealed, so the month stays archived: "
            f"{error.diag.message_primary}"
        ) from None
