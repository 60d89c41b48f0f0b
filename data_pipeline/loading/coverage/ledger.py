"""What a window leaves behind besides its rows: which cells are now whole, and which are truly empty.

A daily bar that did not come is missing, whoever was asked and however many came beside it: an instrument on the list
has one on every session, halted or not. Minutes are settled, as whole or as empty, by what the source's answers prove.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from functools import cached_property
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from data_pipeline.datasets.dataset import Dataset, Due
from data_pipeline.datasets.rows import as_rows
from data_pipeline.loading.coverage import noted
from data_pipeline.loading.coverage.absence import require_some
from data_pipeline.loading.coverage.block import counted, left_out
from data_pipeline.loading.coverage.minute_figures import by_session
from data_pipeline.loading.coverage.opposed import OPPOSED, STATEMENTS, Weighed, weigh_minutes, weigh_rows
from data_pipeline.loading.coverage.superseded import Proved, held_before, supersede
from data_pipeline.market.evidence import UNSAID, MinuteEvidence
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell

log = logging.getLogger(__name__)

Record = TypeVar("Record")

NAMED = 10
"""How many unsettled cells the log names."""
OUTSIDE = "nothing was traded in regular hours: the day's open is 0"
QUARANTINED = "a row of it is in quarantine"

_TRADED = """
    SELECT stock_code::text, session::date, volume, open = 0 FROM market.daily_bar
    WHERE stock_code = ANY (%s) AND session BETWEEN %s AND %s
"""


class Ledger:
    """Counts the rows of one window by code and session as they pass, and records what that proves.

    For a dataset without cells it does nothing. A code whose answer was cut off
    (``forget``) proves nothing, and a cell with a row in quarantine (``refuse``) is neither whole nor empty.

    Args:
        dataset: The window's.
        expected: Cells of the window whose instrument was certainly listed on the session.
        final: Sessions of the window that were final when the source was asked.
        remember_empty: Whether cells whose minutes truly do not exist are noted as known to be empty.
        reach: Codes and sessions outside of which no cell is expected; None when they are not known.
    """

    def __init__(
        self, dataset: Dataset, expected: Collection[Cell], final: Collection[date], *, remember_empty: bool,
        reach: noted.Reach | None = None,
    ) -> None:  # fmt: skip
        self._table = dataset.table
        self._of_minutes = dataset.due is Due.AS_TRADED
        self._kept = dataset.has_cells and dataset.by_code  # rows of the whole market prove their cells themselves
        self._in_chain = bool(dataset.follows)
        """Whether each row has the close of the one before, so that a hole between two can be seen to fit."""
        self._final = frozenset(final)
        self._expected, self._expected_within = self._of_final(expected) if self._kept else set(), reach
        self._remember = remember_empty
        self._rows: Mapping[Cell, int] = {}
        self._reach = noted.Reach(set(), set())
        self._volumes: Counter[Cell] = Counter()
        self._minutes: dict[Cell, list[Any]] = defaultdict(list)
        """Those that came."""
        self._weighed = Weighed({}, set())
        self._believed: set[Cell] | None = None
        self._held_before: set[Cell] = set()
        """Sessions of which other minutes than those that came may be stored; no other can have too many."""
        self._superseded: dict[Cell, int] = {}
        """Minutes of earlier answers that were taken back."""
        self._evidence: dict[Cell, MinuteEvidence] = {}
        self._days: dict[Cell, list[int]] = {}
        """The volumes of the stored daily bars."""
        self._doubts: dict[Cell, str] = {}
        self._idle: set[Cell] = set()
        """Cells whose stored daily bar has an open of 0, which proves that nothing traded in regular hours."""
        self._failed: set[str] = set()
        self._refused: set[tuple[str | None, date | None]] = set()

    def _of_final(self, expected: Collection[Cell]) -> set[Cell]:
        """Return the cells whose sessions are final; nearly always that is all of them."""
        if isinstance(expected, set) and self._final.issuperset(map(itemgetter(1), expected)):
            return expected
        return {cell for cell in expected if cell[1] in self._final}

    def watch(self, records: Iterable[Record]) -> list[Record]:
        """Count the records, and return them as they came."""
        rows = as_rows(records)
        if self._kept and self._of_minutes:
            self._watch_minutes(rows)
        elif self._kept:
            self._rows = counted(rows, self._table.day, self._rows)
            self._reach.codes.update(rows.known("stock_code"))
            self._reach.sessions.update(rows.known(self._table.day))
        return rows

    def _watch_minutes(self, records: Iterable[Any]) -> None:
        came, volume = Counter(self._rows), attrgetter("volume")
        for code, of_code in groupby(records, attrgetter("stock_code")):
            self._reach.codes.add(code)
            for session, rows in by_session([*of_code]):
                cell = (code, session)
                came[cell] += len(rows)
                self._volumes[cell] += sum(map(volume, rows))
                self._minutes[cell] += rows
                self._reach.sessions.add(session)
        self._rows = came

    def hear(self, evidence: Iterable[MinuteEvidence]) -> None:
        """Take what the source's answers prove about the minutes of its sessions."""
        self._evidence.update(((one.stock_code, one.session), one) for one in evidence)

    def forget(self, stock_code: str) -> None:
        """Note that a code's answer did not come whole."""
        self._failed.add(stock_code)

    def refuse(self, stock_code: str | None, session: date | None) -> None:
        """Note that a row went to quarantine; None for a code or session that is unknown and so may be any."""
        self._refused.add((stock_code, session))

    @cached_property
    def _absent(self) -> set[Cell]:
        """The expected cells of which nothing came; looked at when every record has passed."""
        absent = left_out(self._expected, self._rows, self._expected_within)
        return {cell for cell in absent if cell[0] not in self._failed}

    def _is_refused(self, cell: Cell) -> bool:
        code, session = cell
        return not self._refused.isdisjoint({cell, (code, None), (None, session), (None, None)})

    def write(self, connection: Connection, source: str, run_id: int | None) -> int:
        """Record what is whole and what is empty, and return how many cells stay missing; never commits.

        Missing are the expected cells that are not settled, and every cell that is not whole because of a row in
        quarantine. Call it after the rows are loaded, in their transaction. What was asked for is expected from now on,
        whether or not it came, so that coverage lists what is missing.

        Raises:
            IncompleteDataError: So many cells are empty at once that the answer is doubted.
        """
        if not self._kept:
            return 0
        name, came, absent, stands = self._table.name, self._came, self._absent, self._weighed.withheld
        whole = came.keys() - stands if stands else came.keys()
        with said_plainly("coverage"), connection.cursor() as cursor:
            settled = (
                self._settled_minutes(connection, came, absent, source, run_id) - stands if self._of_minutes else whole
            )
            if self._remember:
                require_some({c for c in absent if c not in settled and self._is_doubtful(c)}, self._rows, name)
            noted.note_filled(cursor, name, whole, self._reach)
            noted.note_proofs(cursor, name, self._contradictions(), source, run_id)
            if self._of_minutes:
                noted.note_proofs(cursor, name, self._proofs(came, settled), source, run_id)
            elif self._remember and self._in_chain:
                asked = [(name, *cell, source, run_id) for cell in sorted(absent) if not self._is_refused(cell)]
                noted.note_in_vain(cursor, asked)
            noted.note_start(cursor, name, came, absent, self._reach)
        return len(self._unsettled(came, absent, settled) | self._torn(came) | self._weighed.opposed.keys())

    def _unsettled(self, came: Collection[Cell], absent: set[Cell], settled: AbstractSet[Cell]) -> set[Cell]:
        """Return the cells of the window that had to be settled and are not."""
        if not self._of_minutes:  # each row settles its cell, unless it stands against another
            return absent | self._expected.intersection(self._weighed.withheld)
        due = absent | self._expected.intersection(came)
        return due - (settled if self._remember else settled - absent)

    def weigh(
        self, connection: Connection, records: list[Record], source: str, run_id: int | None, *, fresh: bool = False
    ) -> list[Record]:
        """Return the records that may be written, in their order; never writes.

        Left out are those of cells that another answer proved before with other figures, so that what is stored stays
        until a third answer decides; :meth:`write` doubts those cells. Call it before the rows are loaded. ``fresh``
        says that none of their codes has a row between the first and the last of them.
        """
        came = self._came
        if not self._kept or not (came or self._remember):
            return records
        with said_plainly("coverage"):
            if self._of_minutes:
                proving = self._believable(connection, came, self._absent)
                proving = proving if self._remember else proving.intersection(came)
                idle, traded = self._idle, {cell for cell, volumes in self._days.items() if any(volumes)} - self._idle
                self._weighed = weigh_minutes(
                    connection, self._table, self._minutes, came, proving, idle, traded, source, run_id
                )
                self._held_before = held_before(connection, {*came, *proving} - self._weighed.repeated)
            elif not fresh:
                self._weighed = weigh_rows(connection, self._table, records, came, source, run_id)
        withheld = self._weighed.withheld
        return [one for one in records if self._cell(one) not in withheld] if withheld else records

    def _cell(self, record: object) -> Cell:
        return (record.stock_code, self._table.day_of(record))  # type: ignore[attr-defined]

    @cached_property
    def _came(self) -> Mapping[Cell, int]:
        """The final cells of which rows came, and how many."""
        final, failed = self._final, self._failed
        if not failed and final.issuperset(self._reach.sessions):
            return self._rows
        return {cell: rows for cell, rows in self._rows.items() if cell[1] in final and cell[0] not in failed}

    def _contradictions(self) -> Iterator[tuple[Cell, noted.Said]]:
        """Yield what is noted of the cells about which no two answers agree."""
        for cell, statements in sorted(self._weighed.opposed.items()):
            rows = max(self._rows.get(cell, 0), int(statements[0].get("minutes", 1)))
            yield cell, ("doubted", OPPOSED, Json({STATEMENTS: statements}), rows)

    def _proofs(self, came: Mapping[Cell, int], settled: AbstractSet[Cell]) -> Iterator[tuple[Cell, noted.Said]]:
        """Yield what is stored of each session of minutes: its state, what proves it or why it is doubted, and figures.

        Sessions without a minute are noted only when they are proved to be empty and that is to be remembered.
        """
        for cell in sorted({*came, *(settled if self._remember else ())} - self._weighed.withheld):
            told = self._evidence.get(cell)
            taken_back = {"taken_back": self._superseded[cell]} if cell in self._superseded else {}
            compared = {"volume": self._volumes[cell], "day_volumes": self._days.get(cell, [])}
            figures = Json(compared | noted.figures_of(told) | taken_back)
            if cell not in settled:
                doubt = QUARANTINED if self._is_refused(cell) else self._doubts.get(cell, UNSAID)
                yield cell, ("doubted", doubt, figures, came[cell])
            elif told is not None:
                state = "whole" if cell in came else "empty"
                outside = cell not in came and any(self._days.get(cell, ()))
                proof = OUTSIDE if outside else told.proof(self._volumes[cell])
                yield cell, (state, proof, figures, came.get(cell, 0))

    def _torn(self, came: Collection[Cell]) -> set[Cell]:
        """Return the cells that a refused row keeps from being whole, expected or not."""
        named = {(code, day) for code, day in self._refused if code and day and code not in self._failed}
        if not self._of_minutes:
            return {cell for cell in named if cell not in self._rows}
        return named | {cell for cell in came if self._is_refused(cell)}

    def _settled_minutes(
        self, connection: Connection, came: Collection[Cell], absent: Collection[Cell], source: str, run_id: int | None
    ) -> set[Cell]:
        """Return the cells whose minutes are whole, and those that truly have none; the log says why others are not."""
        settled = self._believable(connection, came, absent) - self._weighed.withheld
        doubts = self._doubts
        proved = settled if self._remember else settled.intersection(came)
        held = {
            cell: Proved([one.at for one in self._minutes[cell]], self._volumes[cell], cell in self._idle)
            for cell in proved & self._held_before
        }
        self._superseded, beside = supersede(connection, held, source, run_id)
        doubts |= beside
        for (code, session), doubt in sorted(doubts.items())[:NAMED]:
            log.warning("minutes of %s on %s are not whole: %s", code, session, doubt)
        if len(doubts) > NAMED:
            log.warning("minutes of %d more sessions are not whole", len(doubts) - NAMED)
        return settled - beside.keys()

    def _believable(self, connection: Connection, came: Collection[Cell], absent: Collection[Cell]) -> set[Cell]:
        """Return the cells whose minutes this answer proves whole or empty, and note why it does not prove others."""
        if self._believed is not None:
            return self._believed
        cells = {*came, *absent}
        self._days = self._read_days(connection, cells)
        settled: set[Cell] = set()
        self._believed = settled
        for cell in cells:
            if self._is_refused(cell):
                continue
            told = self._evidence.get(cell)
            doubt = self._doubt(cell, told) if told else UNSAID
            settled |= set() if doubt else {cell}
            self._doubts |= {cell: doubt} if doubt else {}
        return settled

    def _doubt(self, cell: Cell, told: MinuteEvidence) -> str:
        """Return why a cell is not settled. The shares of a day without an open traded outside of regular hours."""
        if cell in self._idle and cell not in self._rows:
            return told.problem
        return told.doubt(self._volumes[cell], self._days.get(cell, ()))

    def _is_doubtful(self, cell: Cell) -> bool:
        """Return whether nothing explains an absent cell: no row in quarantine, and no daily bar beside minutes."""
        return not self._is_refused(cell) and cell not in self._days

    def _read_days(self, connection: Connection, cells: Collection[Cell]) -> dict[Cell, list[int]]:
        found: dict[Cell, list[int]] = defaultdict(list)
        if cells:
            sessions = [session for _, session in cells]
            with connection.cursor() as cursor:
                cursor.execute(_TRADED, (sorted({code for code, _ in cells}), min(sessions), max(sessions)))
                for code, session, volume, idle in cursor.fetchall():
                    found[code, session].append(volume)
                    self._idle |= {(code, session)} if idle else set()
        return dict(found)
