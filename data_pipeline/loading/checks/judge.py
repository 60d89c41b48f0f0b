"""Judges a window: which rows may be loaded, which go into quarantine, and whether it is refused. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

from data_pipeline.exceptions import CalendarRangeError
from data_pipeline.loading.checks.findings import Finding, Severity
from data_pipeline.loading.checks.rows import Context, check_bar, check_price, check_session, check_time, is_repeated
from data_pipeline.loading.rows.tables import Table
from data_pipeline.market.records import CurrentPrice, DailyBar, MinuteBar, OrderBook

Cell = tuple[str, date]


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


def judge(records: Sequence[Any], table: Table, asked: Asked, context: Context, set_aside: int = 0) -> Verdict:
    """Return the verdict on all records of a window.

    Args:
        records: All records of the window, of the table's class, in any order.
        table: What they are for.
        asked: What was asked for.
        context: What is known around it.
        set_aside: How many rows the parsers have rejected already; they count as errors.
    """
    before = _Before(records, context)
    codes = frozenset(asked.stock_codes)
    copies = _copies(records, table)
    good: dict[int, Any] = {}
    errors: list[Finding] = []
    warnings: list[Finding] = []
    kept: set[tuple[object, ...]] = set()  # keys of copies of which one is kept
    # Oldest first: a bar that is wrong says nothing about the one after it.
    for place in sorted(range(len(records)), key=lambda place: table.key_of(records[place])):
        record = records[place]
        key = table.key_of(record)
        found = [
            *_check_asked(record, table, codes, asked),
            *_check_copies(record, copies.get(key, ())),
            *_check_record(record, before, context),
        ]
        wrong = next((one for one in found if one.severity is Severity.ERROR), None)
        if wrong is not None:
            errors.append(wrong)
            before.forget(record)
            continue
        warnings += found
        if key not in kept:
            good[place] = record
            if key in copies:
                kept.add(key)
    fatal = [*_check_errors(len(records), len(errors), set_aside, context)]
    if table.record is DailyBar:
        every = _Before(records, context) if errors else before
        fatal += chain(_check_missing(records, asked.expected, context), _check_echo(records, every, context))
        fatal += _check_priceless(records, context)
    return Verdict([good[place] for place in sorted(good)], errors, warnings, fatal)


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


def _check_record(record: Any, before: _Before, context: Context) -> Iterator[Finding]:
    if isinstance(record, DailyBar):
        yield from check_session(record, record.session, context)
        yield from check_bar(record, before.get(record), context)
    elif isinstance(record, MinuteBar):
        yield from check_session(record, record.at.date(), context)
        yield from check_time(record, record.at, context)
    elif isinstance(record, (CurrentPrice, OrderBook)):
        yield from check_time(record, record.observed_at, context)
        if isinstance(record, CurrentPrice):
            yield from check_price(record, context)


def _check_errors(rows: int, errors: int, set_aside: int, context: Context) -> Iterator[Finding]:
    limits, wrong, total = context.thresholds, errors + set_aside, rows + set_aside
    many = wrong >= max(1, limits.error_rows) and wrong > limits.error_share * total
    if many or 0 < wrong == total:
        yield Finding("errors", Severity.FATAL, f"{wrong} of {total} rows are wrong")


def _check_missing(records: Sequence[Any], expected: Collection[Cell], context: Context) -> Iterator[Finding]:
    limits = context.thresholds
    due = Counter(session for _, session in expected)
    missing = Counter(session for _, session in {*expected} - {(one.stock_code, one.session) for one in records})
    for session, count in sorted(missing.items()):
        if count >= max(1, limits.missing_rows) and count > limits.missing_share * due[session]:
            yield Finding("missing", Severity.FATAL, f"{count} of {due[session]} bars of {session} did not come")


def _check_echo(records: Sequence[Any], before: _Before, context: Context) -> Iterator[Finding]:
    limits = context.thresholds
    traded: Counter[date] = Counter()
    repeated: Counter[date] = Counter()
    for bar in records:
        earlier = before.get(bar)
        if earlier is not None and bar.volume:
            traded[bar.session] += 1
            repeated[bar.session] += is_repeated(bar, earlier)
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


class _Before:
    """Finds the bar of the session directly before a daily bar, in the window or in the warehouse."""

    def __init__(self, records: Sequence[Any], context: Context) -> None:
        self._calendar = context.calendar
        bars = [one for one in records if isinstance(one, DailyBar)]
        self._held = {(bar.stock_code, bar.session): bar for bar in [*context.previous.values(), *bars]}
        self._previous: dict[date, date] = {}

    def get(self, bar: DailyBar) -> DailyBar | None:
        """Return the bar before this one; None when it is unknown or was refused."""
        session = bar.session
        if session not in self._previous:
            self._previous[session] = date.min
            with suppress(CalendarRangeError):  # a session before the calendar begins has no known neighbour
                self._previous[session] = self._calendar.previous_session(session)
        return self._held.get((bar.stock_code, self._previous[session]))

    def forget(self, record: Any) -> None:
        """Leave out a bar that was refused."""
        if isinstance(record, DailyBar) and self._held.get((record.stock_code, record.session)) == record:
            del self._held[record.stock_code, record.session]
