"""Checks of index bars: pure functions that yield what is wrong with a row, or with all rows of a window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from data_pipeline.datasets.findings import Context, Earlier, Finding, Severity
from data_pipeline.market.index_records import IndexBar

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell

MOST_MOVED = 0.31
"""No member may move further than 30 % a day, so no index may; a hundredth more for rounding."""
_EXACT = 0.011
"""Levels have two decimals: the base of a bar and the close before it differ by rounding alone."""
BASE_REVISED = 0.005
"""Up to this share the close before may have been revised; beyond it the two are of different indices or days."""


def check_levels(bar: IndexBar, earlier: Earlier) -> Iterator[Finding]:
    """Yield what is wrong with the levels of an index bar: its move, its base, or that it repeats the one before.

    A bar whose base is a close that was refused is as wrong as that: rows of another index fit each other.
    """
    base = bar.close - (bar.change or 0.0)
    if bar.change is not None and abs(bar.change) > MOST_MOVED * max(base, _EXACT):
        yield Finding("limit", Severity.ERROR, f"moved by {bar.change} from {base:.2f}", bar)
    before, refused = earlier.get(bar), earlier.refused(bar)
    if refused is not None and bar.change is not None and abs(base - refused.close) <= _EXACT:
        yield Finding("base", Severity.ERROR, f"base {base:.2f} is the refused close of {refused.session}", bar)
    if before is None or bar.change is None:
        return
    if abs(base - before.close) > _EXACT:
        severity = Severity.ERROR if _is_of_another(bar, before) else Severity.WARNING
        yield Finding("base", severity, f"base {base:.2f} after close {before.close}", bar)
    if is_repeated_index(bar, before):
        yield Finding("stale", Severity.ERROR, f"the same levels, volume {bar.volume} as on {before.session}", bar)


def _is_of_another(bar: IndexBar, before: IndexBar | None) -> bool:
    """Return whether the base of a bar is further from the close before than a revision would move it."""
    if before is None or bar.change is None:
        return False
    return abs(bar.close - bar.change - before.close) > BASE_REVISED * before.close


def is_repeated_index(bar: IndexBar, before: IndexBar) -> bool:
    """Return whether a bar with trades says the same as another one but for its session and change."""
    names = ("open", "high", "low", "close", "volume", "trading_value")
    return bool(bar.volume) and all(getattr(bar, name) == getattr(before, name) for name in names)


def check_main_indices(
    bars: Sequence[IndexBar], expected: Collection[Cell], earlier: Earlier, _: Context
) -> Iterator[Finding]:
    """Yield the sessions that lack a main index, and the main indices whose levels do not follow what is known.

    When the first bar of an index is of another one, so are those after it, which fit each other.
    """
    main = {label for label, _ in expected}
    for bar in bars:
        if bar.label in main and _is_of_another(bar, earlier.get(bar)):
            problem = f"{bar.label} of {bar.session} does not follow the close before"
            yield Finding("base", Severity.FATAL, problem)
    lacking: dict[date, list[str]] = defaultdict(list)
    for label, session in sorted({*expected} - {(bar.label, bar.session) for bar in bars}):
        lacking[session].append(label)
    for session, labels in sorted(lacking.items()):
        yield Finding("missing", Severity.FATAL, f"{', '.join(labels)} of {session} did not come")
