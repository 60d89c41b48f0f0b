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

_LIMIT = 0.31
"""No member may move further than 30 % a day, so no index may; a hundredth more for rounding."""
_EXACT = 0.011
"""Levels have two decimals: the base of a bar and the close before it differ by rounding alone."""
_REVISED = 0.005
"""Up to this share the close before may have been revised; beyond it the two are of different indices or days."""


def check_levels(bar: IndexBar, earlier: Earlier) -> Iterator[Finding]:
    """Yield what is wrong with the levels of an index bar: its move, its base, or that it repeats the one before."""
    base = bar.close - (bar.change or 0.0)
    if bar.change is not None and abs(bar.change) > _LIMIT * max(base, _EXACT):
        yield Finding("limit", Severity.ERROR, f"moved by {bar.change} from {base:.2f}", bar)
    before = earlier.get(bar)
    if before is None or bar.change is None:
        return
    away = abs(base - before.close)
    if away > _EXACT:
        severity = Severity.ERROR if away > _REVISED * before.close else Severity.WARNING
        yield Finding("base", severity, f"base {base:.2f} after close {before.close}", bar)
    if is_repeated_index(bar, before):
        yield Finding("stale", Severity.ERROR, f"the same levels, volume {bar.volume} as on {before.session}", bar)


def is_repeated_index(bar: IndexBar, before: IndexBar) -> bool:
    """Return whether a bar with trades says the same as another one but for its session and change."""
    names = ("open", "high", "low", "close", "volume", "trading_value")
    return bool(bar.volume) and all(getattr(bar, name) == getattr(before, name) for name in names)


def check_main_indices(
    bars: Sequence[IndexBar], expected: Collection[Cell], _: Earlier, __: Context
) -> Iterator[Finding]:
    """Yield the sessions that lack a main index: the answer was not whole."""
    lacking: dict[date, list[str]] = defaultdict(list)
    for label, session in sorted({*expected} - {(bar.label, bar.session) for bar in bars}):
        lacking[session].append(label)
    for session, labels in sorted(lacking.items()):
        yield Finding("missing", Severity.FATAL, f"{', '.join(labels)} of {session} did not come")
