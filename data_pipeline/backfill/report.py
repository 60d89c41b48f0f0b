"""Says what a backfill still lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data_pipeline.backfill.wish import Backfill
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Gap

NAMED = 10
"""How many instruments a sentence names."""


def spelled(gaps: Sequence[Gap]) -> str:
    """Return gaps as text: ``2026-09-14, 2026-09-16 to 2026-09-18``."""
    return ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in gaps)


def said_lacking(backfill: Backfill, found: Mapping[str, Sequence[Gap]]) -> str:
    """Return the sentence that says how much of a backfill is not there; ``found`` may be empty."""
    if backfill.by_code:
        some = ", ".join(f"{code} from {gaps[0][0]}" for code, gaps in list(found.items())[:NAMED])
        return f"{len(found):,} instruments lack sessions ({some or 'none'})"
    gaps = found.get("", ())
    number = sum(len(krx_calendar().sessions(first, last)) for first, last in gaps)
    begins = f" from {gaps[0][0]} on" if gaps else ""
    if backfill.declared.of_sessions:
        return f"{number:,} {'lists' if backfill.of_lists else 'sessions'}{begins} are not there"
    return (
        f"{backfill.source} has not said whether the market opens on {number:,} sessions{begins}: one call brings only "
        "some weeks, and KIS is asked once a day; do the same again tomorrow"
    )


def said_complete(backfill: Backfill) -> str:
    """Return the sentence that says that nothing of the range is missing."""
    return f"Every{' list' if backfill.of_lists else 'thing'} of the range is there."
