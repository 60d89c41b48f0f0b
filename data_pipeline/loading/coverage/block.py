"""Cells that need not be written out: each of some codes on each of some sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from itertools import product
from typing import TYPE_CHECKING

from data_pipeline.datasets.rows import Rows

if TYPE_CHECKING:
    from data_pipeline.loading.coverage.noted import Reach
    from data_pipeline.market.window import Cell

WORTHWHILE = 1000
"""Rows below which it costs less to write every cell out."""


class Block(Mapping["Cell", int]):
    """One row of every cell that the codes and the sessions make, by cell; code after code, in the order given.

    Args:
        codes: Each once.
        sessions: Each once.
    """

    def __init__(self, codes: Collection[str], sessions: Collection[date]) -> None:
        self._codes, self._sessions = dict.fromkeys(codes), dict.fromkeys(sessions)

    def __getitem__(self, cell: Cell) -> int:
        if cell not in self:
            raise KeyError(cell)
        return 1

    def __contains__(self, cell: object) -> bool:
        return isinstance(cell, tuple) and cell[0] in self._codes and cell[1] in self._sessions

    def __iter__(self) -> Iterator[Cell]:
        return product(self._codes, self._sessions)

    def __len__(self) -> int:
        return len(self._codes) * len(self._sessions)

    def covers(self, codes: AbstractSet[str], sessions: AbstractSet[date]) -> bool:
        """Return whether every cell that these make is one of its own."""
        return self._codes.keys() >= codes and self._sessions.keys() >= sessions


def counted(rows: Rows, day: str, before: Mapping[Cell, int]) -> Mapping[Cell, int]:
    """Return how many rows there are of each cell; what makes a block is not written out.

    Args:
        rows: Of a table with one row a cell.
        day: The column of the session.
        before: What was counted already.
    """
    if not before and len(rows) >= WORTHWHILE and (block := _block_of(rows, day)) is not None:
        return block
    counts = Counter(before)
    counts.update(zip(rows.column("stock_code"), rows.column(day), strict=True))
    return counts


def left_out(cells: set[Cell], counts: Mapping[Cell, int], reach: Reach | None) -> set[Cell]:
    """Return those of the cells that are not counted; of which none lies outside of the reach, if there is one."""
    if isinstance(counts, Block):
        return set() if reach and counts.covers(*reach) else {cell for cell in cells if cell not in counts}
    return cells.difference(counts)


def _block_of(rows: Rows, day: str) -> Block | None:
    import numpy as np  # a load of a few rows does without it

    codes, sessions = rows.values("stock_code"), rows.values(day)
    if len(codes.known) * len(sessions.known) != len(rows):
        return None
    times = np.bincount(codes.places * len(sessions.known) + sessions.places)
    return Block(codes.known, sessions.known) if times.max() == 1 else None
