"""The fewest requests that can fill gaps, worked out cell by cell and independently of the planner that it judges."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from math import ceil

Cell = tuple[str, int]
"""A code, and a session's position among the sessions."""


def fewest_daily_requests(cells: Iterable[Cell], page: int = 100, quotes: int = 30, quoted: int | None = None) -> int:
    """Return the fewest requests that bring these daily bars.

    Args:
        cells: What is missing; each cell once or more.
        page: Sessions of one code that one chart call brings, counted back from any session.
        quotes: Codes of the quoted session that one call brings, after one chart call that proves the session.
        quoted: The position of the quoted session; None when there is none.
    """
    by_code: dict[str, set[int]] = defaultdict(set)
    for code, position in cells:
        by_code[code].add(position)
    alone = sum(_pages(sorted(held), page) for held in by_code.values())
    savings = sorted(
        (_pages(sorted(held), page) - _pages(sorted(held - {quoted}), page) for held in by_code.values()), reverse=True
    )
    best = alone
    saved = 0
    for pooled, saving in enumerate(savings, 1):
        saved += saving
        if quoted is not None:
            best = min(best, alone - saved + 1 + ceil(pooled / quotes))
    return best


def _pages(held: list[int], page: int) -> int:
    """Return how few intervals of ``page`` sessions cover these, by dynamic programming from the oldest on."""
    fewest = [0] * (len(held) + 1)
    for index in range(len(held) - 1, -1, -1):
        fewest[index] = 1 + fewest[bisect_left(held, held[index] + page)]
    return fewest[0] if held else 0


def fewest_minute_requests(cells: Iterable[Cell], page: int = 120, minutes: int = 381) -> int:
    """Return the fewest requests that bring these sessions' minutes, pages packed over neighbouring sessions only."""
    by_code: dict[str, set[int]] = defaultdict(set)
    for code, position in cells:
        by_code[code].add(position)
    total = 0
    for held in by_code.values():
        for start in (position for position in held if position - 1 not in held):
            length = 1
            while start + length in held:
                length += 1
            total += ceil(length * minutes / page)
    return total
