"""What is asked for and loaded at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.trading_calendar import krx_calendar

Cell = tuple[str, date]
"""A stock code on a session."""
Gap = tuple[date, date]
"""The first and the last of neighbouring sessions that are missing, both included."""


@dataclass(frozen=True)
class Window:
    """What is asked for and loaded in one transaction; both ends of the range are included."""

    stock_codes: tuple[str, ...]
    """Empty for datasets that are not asked for by code."""
    first: date
    last: date

    @property
    def sessions(self) -> list[date]:
        """The sessions of the range, oldest first."""
        return krx_calendar().sessions(self.first, self.last)

    @property
    def cells(self) -> int:
        """Codes times calendar days, as a measure of work; without codes, the days."""
        return max(1, len(self.stock_codes)) * ((self.last - self.first).days + 1)

    def of(self, stock_codes: Sequence[str]) -> Window:
        """Return the same range for these codes only."""
        return replace(self, stock_codes=tuple(stock_codes))

    def __str__(self) -> str:
        days = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        if not self.stock_codes:
            return days
        more = f" and {len(self.stock_codes) - 1} more" if len(self.stock_codes) > 1 else ""
        return f"{days}, {self.stock_codes[0]}{more}"


@dataclass(frozen=True)
class Span:
    """What is asked for and loaded at once: each of these codes from ``first`` to ``last``, both included."""

    stock_codes: tuple[str, ...]
    first: date
    last: date
    requests: int
    """How many requests it takes at most."""


def chunks(stock_codes: Sequence[str], size: int) -> list[list[str]]:
    """Return the codes in order, in lists of ``size``; the last list may be shorter.

    Raises:
        InvalidRequestError: ``size`` is not positive.
    """
    if size < 1:
        raise InvalidRequestError(f"chunk_size must be 1 or more, not {size}")
    return [list(stock_codes[start : start + size]) for start in range(0, len(stock_codes), size)]
