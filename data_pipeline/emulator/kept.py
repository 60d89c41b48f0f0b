"""What was computed once and is asked for again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class Kept:
    """A mapping of the newest ``size`` computed values."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, object] = OrderedDict()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the kept value of this key, computing it the first time; an error is not kept."""
        values = self._values
        if key in values:
            return values[key]  # type: ignore[return-value]
        value = compute()
        values[key] = value
        if len(values) > self._size:
            values.popitem(last=False)
        return value

    def has(self, key: Hashable) -> bool:
        """Return whether the value of this key is kept."""
        return key in self._values
