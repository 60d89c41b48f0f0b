"""Rows as binary COPY, made of whole columns, month by month, and with what they add to the seals of their sessions.

A month's partition is copied into by its own name: far sooner than through its table, whose triggers keep the seals and
make Postgres take row by row. So the rows are added up here, in the form that docs/explanation/seals.md describes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from data_pipeline.datasets.rows import Rows, Values
from data_pipeline.datasets.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END = b"\xff\xff"
_DAY_0 = date(2000, 1, 1).toordinal()
_CODE = 6
_PIECE = 1000
"""Rows that are added up in one step, while the server stores those before them."""
_PARTS = 8
"""A SHA-256 as numbers of 32 bits, of which 2^32 add up within 64."""
MODULUS = 2**256
"""What the digest of a seal is a remainder of."""


class Sealed(NamedTuple):
    """What rows add to the seal of one session."""

    session: date
    rows: int
    digest: int


class ColumnCopy:
    """Rows that are ready to be copied; each month is read once, and then the seals are known.

    Args:
        block: A row of binary COPY each, in the order of their months.
        forms: The same rows in the binary form that their digests are of.
        days: Their sessions, in the same order.
        months: The first days of their months as ordinals, in the same order.
    """

    def __init__(
        self, block: NDArray[np.void], forms: NDArray[np.void], days: Values, months: NDArray[np.int64]
    ) -> None:
        self._block, self._forms, self._days, self._months = block, forms, days, months
        self._digests: list[bytes] = []

    def months(self) -> Iterator[tuple[date, Iterator[bytes]]]:
        """Yield each month as its first day, and the pieces of its COPY, which are read before the next month."""
        import numpy as np

        bounds = [0, *(np.flatnonzero(np.diff(self._months)) + 1), len(self._months)]
        for begin, end in pairwise(bounds):
            yield date.fromordinal(int(self._months[begin])), self._pieces(int(begin), int(end))

    def _pieces(self, begin: int, end: int) -> Iterator[bytes]:
        yield _SIGNATURE
        for start in range(begin, end, _PIECE):
            piece = slice(start, min(start + _PIECE, end))
            self._add_up(self._forms[piece])
            yield self._block[piece].tobytes()
        yield _END

    def _add_up(self, forms: NDArray[np.void]) -> None:
        begun = hashlib.sha256().copy  # sooner than beginning anew
        for form in forms.tolist():
            one = begun()
            one.update(form)
            self._digests.append(one.digest())

    def sealed(self) -> list[Sealed]:
        """Return what the rows that were read add to the seals, an item for each session, in no particular order."""
        import numpy as np

        places = self._days.places
        parts = np.frombuffer(b"".join(self._digests), ">u4").reshape(-1, _PARTS)
        order = np.argsort(places, kind="stable")
        found, starts, rows = np.unique(places[order], return_index=True, return_counts=True)
        sums = np.add.reduceat(parts[order].astype(np.uint64), starts)
        return [
            Sealed(self._days.known[place], int(count), _number(parts_of_sum))
            for place, count, parts_of_sum in zip(found, rows, sums.tolist(), strict=True)
        ]


class Pieces:
    """Pieces of bytes as the file that psycopg2 reads COPY from; each is made when the server has taken the one before.

    Args:
        pieces: None of them empty, of any length.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int = -1, /) -> bytes:
        """Return the next piece, however long; nothing at the end."""
        return next(self._pieces, b"")


def _number(parts: list[int]) -> int:
    return sum(part << 32 * (_PARTS - 1 - place) for place, part in enumerate(parts)) % MODULUS


def column_copy(rows: Rows, table: Table, source: str, run_id: int | None) -> ColumnCopy | None:
    """Return rows of a columnar table with the load's own two columns; None where only a text of each row will do.

    Args:
        rows: At least one, all of the table's class; else the answer is None.
        table: Where they go.
        source: Of the load.
        run_id: Of the load.

    Source: PostgreSQL documentation, COPY, "Binary Format".
    """
    import numpy as np  # a load of a few rows does without it

    if not table.columnar or run_id is None or {*map(type, rows)} != {table.record}:
        return None
    told = _columns(rows, table)
    if told is None:
        return None
    widths = {"stock_code": f"S{_CODE}", table.day: ">i4", "source": f"S{len(source.encode())}"}
    forms = np.empty(len(rows), np.dtype([(name, widths.get(name, ">i8")) for name in table.columns]))
    kinds = [("fields", ">i2")]
    for name in (*table.columns, "source", "run_id"):
        kinds += [(f"length of {name}", ">i4"), (name, widths.get(name, ">i8"))]
    block = np.empty(len(rows), np.dtype(kinds))
    block["fields"] = len(told) + 2
    for name, values in told.items():
        forms[name] = values
    for name, values in {**told, "source": source.encode(), "run_id": run_id}.items():
        block[name], block[f"length of {name}"] = values, block.dtype[name].itemsize
    return _by_month(block, forms.view(f"V{forms.itemsize}"), rows.values(table.day))


def _columns(rows: Rows, table: Table) -> dict[str, Any] | None:
    """Return each column as Postgres counts it; None where one holds what does not fit."""
    import numpy as np

    try:
        numbers = {name: rows.numbers(name) for name in table.columns if name not in ("stock_code", table.day)}
    except TypeError:
        return None
    codes, days = rows.values("stock_code"), rows.values(table.day)
    if any(type(day) is not date for day in days.known) or any(len(code.encode()) != _CODE for code in codes.known):
        return None
    ordinals = np.array([day.toordinal() - _DAY_0 for day in days.known], ">i4")[days.places]
    texts = np.array([code.encode() for code in codes.known], f"S{_CODE}")[codes.places]
    return {"stock_code": texts, table.day: ordinals, **numbers}


def _by_month(block: NDArray[np.void], forms: NDArray[np.void], days: Values) -> ColumnCopy:
    import numpy as np

    months = np.array([day.replace(day=1).toordinal() for day in days.known])[days.places]
    order = np.argsort(months, kind="stable")
    return ColumnCopy(block[order], forms[order], Values(days.known, days.places[order]), months[order])
