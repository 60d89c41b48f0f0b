"""How whole each of the last sessions is, kept in memory: a session is counted anew when a load about it has ended.

Counting sixty sessions of the whole market takes seconds, and almost nothing of it changes between two looks. The
reader's login writes nothing, so what was counted stays in this process and not in a table.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.exceptions import TransientError
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from data_pipeline.loading.coverage.cells import Coverage

AT_ONCE = 10
"""Sessions that one statement counts; half as many when that took too long, down to one."""
OLDEST = timedelta(minutes=15)
"""After which everything is counted anew, because somebody may have changed rows without a load."""
OF_EVERY_SESSION = ("instrument", "trading_session")
"""Datasets whose loads change what must exist."""
_ENDED = """
    SELECT dataset, first, last, finished_at FROM market.ingest_run
    WHERE finished_at > coalesce(%(since)s::timestamptz - interval '2 minutes', now() - interval '15 minutes')
        AND started_at > coalesce(%(since)s::timestamptz, now()) - interval '2 days' ORDER BY finished_at
"""
# By the server's clock, which says when a load ended, and two minutes before what was seen: a load says when it ended
# before its transaction does.


class Summary:
    """What was counted, by session; safe among threads, of which one counts at a time."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._counted: dict[date, tuple[Coverage, ...]] = {}
        self._ended: datetime | None = None
        self._begun: datetime | None = None

    def read(self, connection: Connection, sessions: Sequence[date], now: datetime) -> dict[date, tuple[Coverage, ...]]:
        """Return the coverage of each session, in their order; an empty one where nothing is expected.

        Args:
            connection: Of any role.
            sessions: Final sessions, oldest first.
            now: The market's time.

        Raises:
            TransientError: Even one session takes longer than a statement may; trying again can help.
            ConfigurationError: The warehouse is not migrated to the newest schema.
        """
        with self._turn:
            self._forget(connection, now)
            lacking = [session for session in sessions if session not in self._counted]
            while lacking:
                at_once = lacking[-AT_ONCE:]
                self._counted |= _counted(connection, at_once)
                lacking = lacking[: -len(at_once)]
            return {session: self._counted[session] for session in sessions}

    def _forget(self, connection: Connection, now: datetime) -> None:
        with said_plainly("coverage"), connection.cursor() as cursor:
            cursor.execute(_ENDED, {"since": self._ended})
            runs = cursor.fetchall()
        if self._begun is None or not timedelta(0) <= now - self._begun < OLDEST:
            self._counted, self._begun = {}, now
        for dataset, first, last, finished in runs:
            self._ended = max(finished, self._ended or finished)
            every = dataset in OF_EVERY_SESSION or first is None
            stale = [one for one in self._counted if every or first <= one <= last]
            for session in stale:
                del self._counted[session]


def _counted(connection: Connection, sessions: Sequence[date]) -> dict[date, tuple[Coverage, ...]]:
    from data_pipeline.loading.coverage.cells import coverage

    try:
        rows = coverage(connection, sessions[0], sessions[-1])
    except TransientError:
        if len(sessions) == 1:
            raise
        connection.rollback()
        half = len(sessions) // 2
        return _counted(connection, sessions[:half]) | _counted(connection, sessions[half:])
    found: dict[Any, list[Coverage]] = defaultdict(list)
    for row in rows:
        found[row.session].append(row)
    return {session: tuple(found[session]) for session in sessions}
