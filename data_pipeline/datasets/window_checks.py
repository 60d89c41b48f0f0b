"""Checks of all rows of a window together: pure functions that yield why they cannot be believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING, Any

from data_pipeline.datasets.findings import Context, Earlier, Finding, Severity, is_repeated
from data_pipeline.datasets.rows import as_rows
from data_pipeline.market.records import DailyBar

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell


def check_days(
    bars: Sequence[DailyBar], expected: Collection[Cell], earlier: Earlier, context: Context
) -> Iterator[Finding]:
    """Yield why the daily bars of a window cannot be believed: too many are missing, repeated, or without prices."""
    return chain(
        check_missing(bars, expected, earlier, context),
        _check_echo(bars, earlier, context),
        _check_priceless(bars, context),
    )


def check_missing(
    records: Sequence[Any], expected: Collection[Cell], _: Earlier, context: Context
) -> Iterator[Finding]:
    """Yield the sessions of which too many of the rows that must come did not, one for each instrument and session."""
    if not expected:
        return
    limits, rows = context.thresholds, as_rows(records)
    due = Counter(session for _, session in expected)
    came = zip(rows.column("stock_code"), rows.column("session"), strict=True)
    missing = Counter(session for _, session in {*expected}.difference(came))
    for session, count in sorted(missing.items()):
        if count >= max(1, limits.missing_rows) and count > limits.missing_share * due[session]:
            yield Finding("missing", Severity.FATAL, f"{count} of {due[session]} bars of {session} did not come")


def _check_echo(records: Sequence[Any], earlier: Earlier, context: Context) -> Iterator[Finding]:
    limits = context.thresholds
    traded: Counter[date] = Counter()
    repeated: Counter[date] = Counter()
    for bar in records:
        before = earlier.get(bar)
        if before is not None and bar.volume:
            traded[bar.session] += 1
            repeated[bar.session] += is_repeated(bar, before)
    for session, count in sorted(repeated.items()):
        if count >= max(1, limits.stale_rows) and count > limits.stale_share * traded[session]:
            yield Finding(
                "stale", Severity.FATAL, f"{count} of {traded[session]} bars of {session} repeat the one before"
            )


def _check_priceless(records: Sequence[Any], context: Context) -> Iterator[Finding]:
    """A few instruments trade outside of regular hours alone; of a whole market, the source left out the prices."""
    limits = context.thresholds
    traded = Counter(bar.session for bar in records if bar.volume)
    priceless = Counter(bar.session for bar in records if bar.volume and not bar.open)
    for session, count in sorted(priceless.items()):
        if count >= max(1, limits.stale_rows) and count > limits.stale_share * traded[session]:
            problem = f"{count} of {traded[session]} traded bars of {session} have no open, high and low"
            yield Finding("volume", Severity.FATAL, problem)
