"""Judges a window: which rows may be loaded, which go into quarantine, and whether it is refused. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from data_pipeline.datasets.findings import Context, Earlier, Finding, Severity, joins
from data_pipeline.datasets.rows import as_rows
from data_pipeline.datasets.table import Table
from data_pipeline.market.records import DailyBar

if TYPE_CHECKING:
    from data_pipeline.datasets.dataset import Dataset
    from data_pipeline.market.window import Cell


@dataclass(frozen=True, slots=True)
class Asked:
    """What a window asked for."""

    stock_codes: Collection[str] = ()
    """Empty means any."""
    first: date | None = None
    """First and last session, both included; None means any."""
    last: date | None = None
    expected: Collection[Cell] = ()
    """Code and session of each daily bar that must come."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of checking a window."""

    good: list[Any]
    """The records to load, in the order in which they came, each key once."""
    errors: list[Finding]
    """One for each refused record: the first thing wrong with it."""
    warnings: list[Finding]
    fatal: list[Finding]
    """Why the window is refused; empty when it is not."""
    contradicted: set[Cell] = field(default_factory=set)
    """Stored daily bars that are all that contradicts a refused one, by code and session."""
    unjoined: set[Cell] = field(default_factory=set)
    """Daily bars beside a base price that moved, by code and session: they may have to be told twice."""


def judge(records: Sequence[Any], dataset: Dataset, asked: Asked, context: Context, set_aside: int = 0) -> Verdict:
    """Return the verdict on all records of a window.

    Args:
        records: All records of the window, of the dataset's class, in any order.
        dataset: What they are for.
        asked: What was asked for.
        context: What is known around it.
        set_aside: How many rows the parsers have rejected already; they count as errors.
    """
    table, codes = dataset.table, frozenset(asked.stock_codes)
    sieve = dataset.sieve or None
    sieved = sieve.sift(records, codes, asked.first, asked.last, context) if sieve else None
    doubtful = _in_order(records, table) if sieved is None else sieved.doubtful
    # What is looked at beside a bar is of its own code.
    near = records if sieved is None else _of_codes(records, {records[place].stock_code for place in doubtful})
    earlier, copies = Earlier(near, context), _copies(near, table) if doubtful else {}
    errors: list[Finding] = []
    warnings: list[Finding] = []
    left_out: set[int] = set()
    kept: set[tuple[object, ...]] = set()  # keys of copies of which one is kept
    for place in doubtful:
        record = records[place]
        key = table.key_of(record)
        found = [
            *_check_asked(record, table, codes, asked),
            *_check_copies(record, copies.get(key, ())),
            *(dataset.check(record, earlier, context) if dataset.check else ()),
        ]
        wrong = next((one for one in found if one.severity is Severity.ERROR), None)
        if wrong is not None:
            errors.append(wrong)
            earlier.forget(record)
            left_out.add(place)
            continue
        warnings += found
        if key in kept:
            left_out.add(place)
        elif key in copies:
            kept.add(key)
    fatal = [*_check_errors(len(records), len(errors), set_aside, context)]
    if sieve and sieved is not None and sieved.quiet:
        fatal += sieve.check_window(records, asked.expected, earlier, context)
    elif dataset.check_window:
        every = Earlier(records, context) if errors or sieved is not None else earlier
        fatal += dataset.check_window(records, asked.expected, every, context)
    contradicted = {*_contradicted(errors, earlier, context)}
    unjoined = {*_unjoined(warnings, earlier, context)}
    good: list[Any] = as_rows(records)
    good = [record for place, record in enumerate(good) if place not in left_out] if left_out else good
    return Verdict(good, errors, warnings, fatal, contradicted, unjoined)


def _unjoined(warnings: Sequence[Finding], earlier: Earlier, context: Context) -> Iterator[Cell]:
    """Yield the bars that why_doubtful is asked of when all are written: those on either side of a moved base price.

    Of bars that came together, it is asked only of one without a trade.
    """
    moved = [one.record for one in warnings if one.check == "base" and isinstance(one.record, DailyBar)]
    stored = {(bar.stock_code, bar.session) for bar in context.stored if isinstance(bar, DailyBar)} if moved else set()
    for bar in moved:
        before, after = earlier.get(bar), earlier.after(bar)
        if before is not None and (not before.volume or (before.stock_code, before.session) in stored):
            yield before.stock_code, before.session
        if after is not None and (after.stock_code, after.session) in stored and not joins(bar, after):
            yield bar.stock_code, bar.session


def _in_order(records: Sequence[Any], table: Table) -> list[int]:
    """Return the places of all records, oldest first: a bar that is wrong says nothing about the one after it."""
    return sorted(range(len(records)), key=lambda place: table.key_of(records[place]))


def _of_codes(records: Sequence[Any], codes: Collection[str]) -> Sequence[Any]:
    return [one for one in records if one.stock_code in codes] if codes else ()


def _contradicted(errors: Sequence[Finding], earlier: Earlier, context: Context) -> Iterator[Cell]:
    """Yield the stored bar beside each bar that was refused for its base price alone, if that is the only one.

    A bar that joins neither of two neighbours is the wrong one; beside one of them, either may be.
    """
    stored = {(bar.stock_code, bar.session) for bar in context.stored if isinstance(bar, DailyBar)}
    for bar in [one.record for one in errors if one.check == "base" and isinstance(one.record, DailyBar)]:
        before, after = earlier.get(bar), earlier.after(bar)
        against = [before] if before is not None and not joins(before, bar) else []
        against += [after] if after is not None and not joins(bar, after) else []
        cells = [(one.stock_code, one.session) for one in against]
        if len(cells) == 1 and cells[0] in stored:
            yield cells[0]


def _check_asked(record: Any, table: Table, codes: frozenset[str], asked: Asked) -> Iterator[Finding]:
    day = table.day_of(record)
    if codes and record.stock_code not in codes:
        yield Finding("code", Severity.ERROR, "was not asked for", record)
    if (asked.first is not None and day < asked.first) or (asked.last is not None and day > asked.last):
        yield Finding("day", Severity.ERROR, f"{day} is outside {asked.first} to {asked.last}", record)


def _check_copies(record: Any, copies: Sequence[Any]) -> Iterator[Finding]:
    if not copies:
        return
    if all(one == record for one in copies):
        yield Finding("duplicate", Severity.WARNING, f"came {len(copies)} times", record)
    else:
        yield Finding("duplicate", Severity.ERROR, f"came {len(copies)} times with different values", record)


def _check_errors(rows: int, errors: int, set_aside: int, context: Context) -> Iterator[Finding]:
    limits, wrong, total = context.thresholds, errors + set_aside, rows + set_aside
    many = wrong >= max(1, limits.error_rows) and wrong > limits.error_share * total
    if many or 0 < wrong == total:
        yield Finding("errors", Severity.FATAL, f"{wrong} of {total} rows are wrong")


def _copies(records: Sequence[Any], table: Table) -> dict[tuple[object, ...], list[Any]]:
    """Return the records by key where several share one; a list for every key would outweigh the records."""
    seen: set[tuple[object, ...]] = set()
    found: dict[tuple[object, ...], list[Any]] = {}
    for record in records:
        key = table.key_of(record)
        if key in seen:
            found[key] = []
        seen.add(key)
    for record in records if found else ():
        if (key := table.key_of(record)) in found:
            found[key].append(record)
    return found
