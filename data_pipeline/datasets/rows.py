"""The records of a window and their columns, each of which is read once for all who look at it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]


class Values(NamedTuple):
    """A column with few values: what they are, and which of them each row has."""

    known: list[Any]
    places: Numbers


class Rows(list[Any]):
    """Records of one class; once a column was read, nobody changes the list any more."""

    def __init__(self, records: Iterable[Any] = ()) -> None:
        super().__init__(records)
        self._columns: dict[str, list[Any]] = {}
        self._known: dict[str, Collection[Any]] = {}
        self._numbers: dict[str, Numbers] = {}
        self._values: dict[str, Values] = {}

    def column(self, name: str) -> list[Any]:
        """Return one value of each record."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = [*map(attrgetter(name), self)]
        return found

    def known(self, name: str) -> Collection[Any]:
        """Return which values there are, each once, in the order in which they come."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = dict.fromkeys(self.column(name))
        return found

    def numbers(self, name: str) -> Numbers:
        """Return one whole number of each record.

        Raises:
            TypeError: One is no whole number of 64 bits.
        """
        import numpy as np  # whoever only declares or reads datasets does without it

        found = self._numbers.get(name)
        if found is None:
            found = np.array([*map(attrgetter(name), self)] or [0])[: len(self)]
            if found.dtype != np.int64:
                raise TypeError(f"{name} is not of whole numbers")
            self._numbers[name] = found
        return found

    def values(self, name: str) -> Values:
        """Return one value of each record as its place among all that there are, in the order in which they come."""
        import numpy as np

        found = self._values.get(name)
        if found is None:
            column = self.column(name)
            places = {value: place for place, value in enumerate(self.known(name))}
            each = np.fromiter(map(places.__getitem__, column), np.int64, len(column))
            found = self._values[name] = Values([*places], each)
        return found


def as_rows(records: Iterable[Any]) -> Rows:
    """Return records whose columns can be read."""
    return records if isinstance(records, Rows) else Rows(records)
