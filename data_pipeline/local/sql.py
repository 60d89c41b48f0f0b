"""`data-pipeline sql`: ask the warehouse a question, with a role that can only read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, NoReturn

import psycopg2
from psycopg2 import errors

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import Answer
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.rights import require_reader

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

MOST_ROWS = 1000
ALL_ROWS = 1_000_000
TIMEOUT_S = 60
LONGEST_S = 86_400

PASSING = ("08", "53", "57", "58")
"""Classes of SQLSTATE that say something about the server and nothing about the statement.

Source: PostgreSQL documentation, "PostgreSQL Error Codes"."""

# A cursor of PL/pgSQL takes exactly one statement, and one that returns rows: the server's own parser decides, so text
# like `SELECT 1; COMMIT; DROP ...` never runs, not even its first part.
OPEN = """
DO $$
DECLARE
    answer refcursor := 'answer';
BEGIN
    OPEN answer NO SCROLL FOR EXECUTE current_setting('data_pipeline.statement');
END
$$
"""


def query(
    home: Home, environ: Mapping[str, str], statement: str, timeout_s: int = TIMEOUT_S, most: int = MOST_ROWS
) -> Answer:
    """Return at most ``most`` rows of the answer; a server that was not running runs only for the question.

    The statement runs in a transaction that is read-only and never committed, with a login that can only read.

    Args:
        home: The installation's folder.
        environ: ``MARKET_READER_URL`` or ``MARKET_DB_URL`` name the login; without them it is ``market_reader``.
        statement: One SELECT, VALUES, TABLE, WITH, SHOW or EXPLAIN.
        timeout_s: Seconds after which the server stops the statement.
        most: Rows, up to 1,000,000, which all are in memory.

    Raises:
        InvalidRequestError: It is no such statement, Postgres refuses it, or it took too long.
        ConfigurationError: The login may do more than read; the message says the way out.
        psycopg2.Error: The server went away.
    """
    if not 1 <= timeout_s <= LONGEST_S:
        raise InvalidRequestError(f"--timeout must be from 1 to {LONGEST_S} seconds, not {timeout_s}")
    if not 1 <= most <= ALL_ROWS:
        raise InvalidRequestError(f"--rows must be from 1 to {ALL_ROWS:,}, not {most}")
    with (
        open_warehouse(home, environ, migrated=False) as warehouse,
        closing(
            connect(warehouse.reader_url, application_name="data-pipeline sql", statement_timeout=timeout_s)
        ) as connection,
    ):
        connection.set_session(readonly=True)
        require_reader(connection, "sql")
        with connection.cursor() as cursor:
            try:
                return _answer(cursor, statement, timeout_s, most)
            except psycopg2.Error as error:
                _raise_refusal(error, timeout_s)


def _answer(cursor: Cursor, statement: str, timeout_s: int, most: int) -> Answer:
    settings = {
        "search_path": "market, public",
        "timezone": "Asia/Seoul",
        "statement_timeout": str(timeout_s * 1000),
        "data_pipeline.statement": statement,
    }
    try:
        for name, value in settings.items():
            cursor.execute("SELECT set_config(%s, %s, true)", (name, value))
        cursor.execute(OPEN)
        # One FETCH: the statement could lift the timeout for the next one.
        cursor.execute(f"FETCH FORWARD {most + 1} FROM answer")
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()
        return Answer(names, rows[:most], more=len(rows) > most)
    except UnicodeEncodeError:
        raise InvalidRequestError("the statement is not UTF-8") from None
    except (ValueError, OverflowError) as error:
        raise InvalidRequestError(f"a value cannot be shown ({error}): cast it to text") from None


def _raise_refusal(error: psycopg2.Error, timeout_s: int) -> NoReturn:
    if isinstance(error, errors.QueryCanceled):
        raise InvalidRequestError(f"it took longer than {timeout_s} s and was stopped; --timeout allows more") from None
    if isinstance(error, errors.InvalidCursorDefinition):
        raise InvalidRequestError(
            "`sql` is read-only and takes exactly one statement: SELECT, VALUES, TABLE, WITH, SHOW or EXPLAIN"
        ) from None
    if error.pgcode is None or error.pgcode.startswith(PASSING):
        raise error
    hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
    raise InvalidRequestError(f"Postgres: {error.diag.message_primary}{_place(error)}{hint}") from None


def _place(error: psycopg2.Error) -> str:
    text, position = error.diag.internal_query, error.diag.internal_position
    if not text or not position:
        return ""
    before, after = text[: int(position) - 1], text[int(position) - 1 :]
    return f", in line {before.count(chr(10)) + 1} at {after.splitlines()[0][:40]!r}" if after else ", at its end"
