"""What a window leaves behind besides its rows: which cells are now whole, and which are truly empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import TypeVar

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import execute_values

from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.loading.errors import said_plainly
from data_pipeline.loading.tables import Table

Record = TypeVar("Record")
Cell = tuple[str, date]

DOUBTFUL = 20
"""So many cells without one row among them are an answer to be doubted, not true emptiness."""
REASON = "the source answered, and has nothing for this session"

_WHOLE = """
    INSERT INTO market.loaded_day (dataset, stock_code, session, rows, source, run_id) VALUES %s
    ON CONFLICT (dataset, stock_code, session) DO UPDATE SET rows = excluded.rows, source = excluded.source,
        run_id = excluded.run_id, loaded_at = now()
"""
_EMPTY = """
    INSERT INTO market.no_data (dataset, stock_code, session, reason, source, run_id) VALUES %s
    ON CONFLICT (dataset, stock_code, session) DO NOTHING
"""
_FILLED = """
    DELETE FROM market.no_data n USING (VALUES %s) AS v (dataset, stock_code, session)
    WHERE n.dataset = v.dataset AND n.stock_code = v.stock_code AND n.session = v.session::date
"""
_START = """
    INSERT INTO market.coverage_start (dataset, stock_code, session)
    SELECT v.dataset, v.stock_code, v.session::date FROM (VALUES %s) AS v (dataset, stock_code, session)
    WHERE NOT EXISTS (SELECT FROM market.coverage_start s
        WHERE s.dataset = v.dataset AND s.stock_code = v.stock_code AND s.session <= v.session::date)
    ORDER BY v.stock_code
    ON CONFLICT (dataset, stock_code) DO UPDATE SET session = least(coverage_start.session, excluded.session)
"""
_TRADED = """
    SELECT stock_code::text, session::date, volume FROM market.daily_bar
    WHERE stock_code = ANY (%s) AND session BETWEEN %s AND %s
"""


class Ledger:
    """Counts the rows of one window by code and session while they pass, and writes down what that proves.

    It is only for daily_bar and minute_bar; for any other table it does nothing. A code whose answer broke off
    (``forget``) proves nothing, and a cell with a row in quarantine (``refuse``) is neither whole nor empty.

    Args:
        table: The window's table.
        expected: Cells of the window whose issue was certainly listed on the session.
        final: Sessions of the window that were final when the source was asked.
        remember_empty: Whether expected cells without a row are to be known as empty from now on.
    """

    def __init__(
        self, table: Table, expected: Collection[Cell], final: Collection[date], *, remember_empty: bool
    ) -> None:
        self._table = table
        self._kept = table.name in ("daily_bar", "minute_bar")
        self._final = frozenset(final)
        self._expected = {cell for cell in expected if cell[1] in self._final} if self._kept else set()
        self._remember = remember_empty
        self._rows: Counter[Cell] = Counter()
        self._failed: set[str] = set()
        self._refused: set[tuple[str | None, date | None]] = set()

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records as they come."""
        if not self._kept:
            yield from records
            return
        code_at, day_at = self._table.columns.index("stock_code"), self._table.columns.index(self._table.day)
        for record in records:
            values = self._table.values(record)
            self._rows[str(values[code_at]), values[day_at]] += 1  # type: ignore[index]
            yield record

    def forget(self, stock_code: str) -> None:
        """Take note that a code's answer did not come whole."""
        self._failed.add(stock_code)

    def refuse(self, stock_code: str | None, session: date | None) -> None:
        """Take note that a row went to quarantine; None when its code or session is unknown, and so may be any."""
        self._refused.add((stock_code, session))

    @property
    def empty(self) -> set[Cell]:
        """Expected cells of codes that were answered, without a row, good or refused."""
        return {cell for cell in self._absent if not self._is_refused(cell)}

    @property
    def _absent(self) -> set[Cell]:
        return {cell for cell in self._expected if cell[0] not in self._failed and not self._rows[cell]}

    def _is_refused(self, cell: Cell) -> bool:
        code, session = cell
        return not self._refused.isdisjoint({cell, (code, None), (None, session), (None, None)})

    def write(self, connection: Connection, source: str, run_id: int | None) -> int:
        """Write down what is whole and what is empty, and return how many cells stay missing; never commits.

        These are the expected cells without a row, and every cell that is not whole because of a row in quarantine.
        Call it after the rows are loaded, in their transaction.

        Raises:
            IncompleteDataError: So many cells are empty at once that the answer is to be doubted.
        """
        if not self._kept:
            return 0
        name = self._table.name
        came = {
            cell: rows for cell, rows in self._rows.items() if cell[1] in self._final and cell[0] not in self._failed
        }
        with said_plainly("coverage"), connection.cursor() as cursor:
            empty = self._true_emptiness(connection) if self._remember else set()
            if name == "minute_bar":
                whole = [
                    (name, *cell, rows, source, run_id)
                    for cell, rows in sorted(came.items())
                    if not self._is_refused(cell)
                ]
                execute_values(cursor, _WHOLE, whole, page_size=1000) if whole else None
            if came:
                execute_values(cursor, _FILLED, [(name, *cell) for cell in sorted(came)], page_size=1000)
            if empty:
                rows = [(name, *cell, REASON, source, run_id) for cell in sorted(empty)]
                execute_values(cursor, _EMPTY, rows, page_size=1000)
            first: dict[str, date] = {}
            for code, session in sorted({*came, *empty}):
                first.setdefault(code, session)
            if first:
                execute_values(cursor, _START, [(name, *start) for start in first.items()], page_size=1000)
        return len((self._absent - empty) | self._torn(came))

    def _torn(self, came: Collection[Cell]) -> set[Cell]:
        """Return the cells that a refused row keeps from being whole, expected or not."""
        named = {(code, day) for code, day in self._refused if code and day and code not in self._failed}
        if self._table.name == "daily_bar":
            return {cell for cell in named if not self._rows[cell]}
        return named | {cell for cell in came if self._is_refused(cell)}

    def _true_emptiness(self, connection: Connection) -> set[Cell]:
        """Return the empty cells that nothing contradicts.

        Raises:
            IncompleteDataError: None of many cells came, or none of a session that many issues must have.
        """
        volumes = self._volumes(connection) if self._table.name == "minute_bar" else {}
        unproven = {cell for cell in self.empty if volumes.get(cell) != 0}
        doubted = {cell for cell in unproven if not volumes.get(cell)}
        _require_some(doubted, self._rows, self._table.name)
        return {cell for cell in self.empty if not volumes.get(cell)}

    def _volumes(self, connection: Connection) -> dict[Cell, int]:
        empty = self.empty
        if not empty:
            return {}
        sessions = [session for _, session in empty]
        with connection.cursor() as cursor:
            cursor.execute(_TRADED, (sorted({code for code, _ in empty}), min(sessions), max(sessions)))
            return {(code, session): volume for code, session, volume in cursor.fetchall()}


def _require_some(doubted: Collection[Cell], came: Collection[Cell], name: str) -> None:
    if len(doubted) >= DOUBTFUL and not came:
        code, session = min(doubted)
        raise IncompleteDataError(
            f"{name}: not one row came for {len(doubted)} cells of listed issues, the first is {code} on {session}"
        )
    present = {session for _, session in came}
    absent = Counter(session for _, session in doubted if session not in present)
    for session, issues in sorted(absent.items()):
        if issues >= DOUBTFUL:
            raise IncompleteDataError(f"{name}: not one row came for {session}; {issues} listed issues must have some")
