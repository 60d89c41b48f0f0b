"""What only a complete list of instruments can tell: which issues are no longer on it."""

from __future__ import annotations

from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.loading.errors import said_plainly


def mark_absent(connection: Connection, session: date, run_id: int | None = None, *, at_most: float = 0.05) -> int:
    """Mark issues that the complete list of this session lacks as delisted on it, and return how many; never commits.

    Call it after ``upsert`` of the whole list, in the same transaction. A stored issue whose ``as_of`` is older than
    the session was not on the list. Twice is safe; an issue that comes back is listed again by its next upsert.

    Args:
        connection: The one the list was loaded on.
        session: The session of the list.
        run_id: The ``ingest_run`` that marked rows point to.
        at_most: Share of the listed issues that may vanish at once, 0 to 1; three always may.

    Raises:
        IncompleteDataError: More have vanished than that, so the list was not complete; nothing is marked.
    """
    with said_plainly("instrument"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE as_of < %s), count(*) FROM market.instrument WHERE delisted_on IS NULL",
            (session,),
        )
        absent, listed = cursor.fetchone() or (0, 0)
        if absent > max(3, at_most * listed):
            raise IncompleteDataError(
                f"the list of {session} lacks {absent} of {listed} listed issues: it was cut short"
            )
        cursor.execute(
            "UPDATE market.instrument SET delisted_on = %s, run_id = %s, loaded_at = statement_timestamp()"
            " WHERE as_of < %s AND delisted_on IS NULL",
            (session, run_id, session),
        )
        return cursor.rowcount
