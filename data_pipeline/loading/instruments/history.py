"""What was true of an instrument (종목) and when, worked out from the lists of two voices. Pure.

The voices are the exchange (KRX base info, published a day later) and the brokers (KIS stock master, of the same
morning). Each voice's lists are kept as runs, and the history is a function of the runs alone, so it does not matter in
which order the lists were loaded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from data_pipeline.market.listed import ROUNDED_TO
from data_pipeline.market.records import Instrument


@dataclass(frozen=True, slots=True)
class Facts:
    """What a list says about an instrument, except what is true of that one session only (its base price)."""

    isin: str
    name: str
    market: str
    security_group: str
    listed_on: date | None
    listed_shares: int | None
    face_value: float | None
    halted: bool | None
    managed: bool | None
    liquidation: bool | None
    preferred: bool

    @classmethod
    def of(cls, one: Instrument) -> Facts:
        """Return the facts in one record of a list."""
        return cls(*(getattr(one, name) for name in FIELDS))


FIELDS = tuple(field.name for field in fields(Facts))
EXCHANGE_KNOWS = frozenset({"isin", "name", "market", "listed_on", "listed_shares"})
"""Fields in which the exchange is believed over the brokers; in all others it is the other way round."""


@dataclass(frozen=True, slots=True)
class Run:
    """A series of lists of one voice that all say the same, from ``first`` to ``last``, both included."""

    first: date
    last: date
    facts: Facts


@dataclass(frozen=True, slots=True)
class Voice:
    """Everything that one voice said about one instrument."""

    runs: Sequence[Run] = ()
    """Oldest first."""
    lists: Sequence[date] = ()
    """Sessions of its complete lists, oldest first. Empty for an instrument that the exchange never listed: its base
    info leaves out funds, so their absence says nothing."""


@dataclass(frozen=True, slots=True)
class Range:
    """The facts from ``valid_from``, included, to ``valid_to``, excluded; None while they are still true."""

    valid_from: date
    valid_to: date | None
    facts: Facts


@dataclass(frozen=True, slots=True)
class Stay:
    """One unbroken time on the list; a code that was used twice has two."""

    listed_from: date | None
    """None when no list gives the first day and there was no earlier stay."""
    delisted_on: date | None
    """The first session that is known not to list it; None while it is listed."""
    isin: str


def observe(
    runs: Sequence[Run], session: date, facts: Facts | None, lists: Sequence[date], complete: Sequence[date]
) -> list[Run]:
    """Return one instrument's runs of a voice after one more list.

    Args:
        runs: The runs so far, oldest first; all of them, or at least those around the session.
        session: The session of the new list.
        facts: What the new list says; None when the instrument is not on it.
        lists: The sessions of all lists of the voice, including the new one, oldest first.
        complete: The sessions among them whose list was complete.
    """
    kept: list[Run] = []
    for run in runs:
        if not run.first <= session <= run.last:
            kept.append(run)
        elif run.facts == facts:
            return list(runs)
        else:
            if run.first < session:
                kept.append(Run(run.first, lists[bisect_left(lists, session) - 1], run.facts))
            if session < run.last:
                kept.append(Run(lists[bisect_right(lists, session)], run.last, run.facts))
    if facts is not None:
        kept.append(Run(session, session, facts))
    return _joined(sorted(kept, key=lambda run: run.first), complete)


def history(exchange: Voice, broker: Voice) -> list[Range]:
    """Return the facts by range, oldest first.

    On a session with a list of the exchange, the exchange is believed in the fields that it knows better, and the
    brokers in the others. After the exchange's newest list, the brokers are believed in whatever they have changed
    since then, so that a lasting difference does not make the history flip back and forth.
    """
    ranges: list[Range] = []
    moments = _moments(exchange, broker)
    for moment, following in zip(moments, [*moments[1:], None], strict=False):
        facts = _at(moment, exchange, broker)
        if facts is None:
            continue
        if ranges and ranges[-1].valid_to == moment and ranges[-1].facts == facts:
            ranges[-1] = Range(ranges[-1].valid_from, following, facts)
        else:
            ranges.append(Range(moment, following, facts))
    return ranges


def stays(ranges: Sequence[Range]) -> list[Stay]:
    """Return the stays on the list that follow from a history, oldest first.

    A stay begins on the listing day (상장일) if that is known. It ends when a list lacks the instrument, or when
    another instrument (another ISIN with a later listing day) takes over the code.
    """
    found: list[Stay] = []
    seen: list[date] = []
    for before, one in zip([None, *ranges], ranges, strict=False):
        if before is None or before.valid_to != one.valid_from:
            found.append(Stay(_begin(one, found), one.valid_to, one.facts.isin))
            seen.append(one.valid_from)
        elif _is_another(before, one):
            begins = min(one.valid_from, one.facts.listed_on or one.valid_from)
            found[-1] = Stay(found[-1].listed_from, begins, found[-1].isin)
            found.append(Stay(_begin(one, found), one.valid_to, one.facts.isin))
            seen.append(one.valid_from)
        else:
            found[-1] = Stay(found[-1].listed_from, one.valid_to, one.facts.isin)
    return [_in_order(stay, first_seen) for stay, first_seen in zip(found, seen, strict=True)]


def is_rounded(exact: int | None, rounded: int | None) -> bool:
    """Return whether ``rounded`` is ``exact`` in whole thousands, rounded up or down; False when either is unknown."""
    if exact is None or rounded is None:
        return False
    return rounded % ROUNDED_TO == 0 and abs(exact - rounded) < ROUNDED_TO


def _joined(runs: Sequence[Run], complete: Sequence[date]) -> list[Run]:
    joined: list[Run] = []
    for run in runs:
        before = joined[-1] if joined else None
        if before and before.facts == run.facts and not _any_between(complete, before.last, run.first):
            joined[-1] = Run(before.first, run.last, run.facts)
        else:
            joined.append(run)
    return joined


def _any_between(lists: Sequence[date], after: date, before: date) -> bool:
    return bisect_right(lists, after) < bisect_left(lists, before)


def _moments(exchange: Voice, broker: Voice) -> list[date]:
    """Return every session on which the history may change, oldest first."""
    moments = {moment for voice in (exchange, broker) for moment in _events(voice)}
    # What the brokers changed is true until the next list of the exchange.
    for moment in _events(broker):
        place = bisect_left(exchange.lists, moment)
        moments.update(exchange.lists[place : place + 1])
    # If the brokers' lists begin after the exchange's and lack the instrument, no run of theirs says so.
    for run in exchange.runs if not broker.runs else ():
        moments.update(broker.lists[bisect_right(broker.lists, run.last) :][:1])
    return sorted(moments)


def _events(voice: Voice) -> Iterator[date]:
    for run in voice.runs:
        yield run.first
        place = bisect_right(voice.lists, run.last)
        yield from voice.lists[place : place + 1]


@dataclass(frozen=True, slots=True)
class _State:
    """What a voice says on a session."""

    told: date | None
    """The session of its newest list until then; None when there is none."""
    facts: Facts | None
    """None when that list lacks the instrument, or there is no list."""


def _state(voice: Voice, moment: date) -> _State:
    runs, lists = voice.runs, voice.lists
    place = bisect_right(runs, moment, key=lambda run: run.first)
    run = runs[place - 1] if place else None
    if run is not None and moment <= run.last:
        return _State(moment, run.facts)
    newest = lists[bisect_right(lists, moment) - 1] if lists and lists[0] <= moment else None
    if run is not None and (newest is None or newest <= run.last):
        return _State(run.last, run.facts)
    return _State(newest, None)


def _at(moment: date, exchange: Voice, broker: Voice) -> Facts | None:
    first, second = _state(exchange, moment), _state(broker, moment)
    if first.told is None or second.told is None:
        return first.facts if second.told is None else second.facts
    before = None if first.told == moment else _state(broker, first.told)
    if (second if _is_news(before, second) else first).facts is None:
        return None
    if first.facts is None or second.facts is None:
        return first.facts or second.facts
    values: list[Any] = [_value(name, first.facts, second.facts, before) for name in FIELDS]
    return Facts(*values)


def _is_news(before: _State | None, now: _State) -> bool:
    """Return whether the brokers began to tell, or listed or left it out, since the exchange's newest list."""
    if before is None:
        return False
    return before.told is None or (before.facts is None) != (now.facts is None)


def _value(name: str, exchange: Facts, broker: Facts, before: _State | None) -> object:
    official, brokers = getattr(exchange, name), getattr(broker, name)
    if name == "listed_shares" and is_rounded(official, brokers):
        return official
    first = name in EXCHANGE_KNOWS
    if first and before is not None:
        known = None if before.facts is None else getattr(before.facts, name)
        first = before.facts is not None and known == brokers
    one, other = (official, brokers) if first else (brokers, official)
    return other if one is None else one


def _is_another(before: Range, one: Range) -> bool:
    was, now = before.facts, one.facts
    return was.isin != now.isin and now.listed_on is not None and now.listed_on > before.valid_from


def _begin(one: Range, earlier: Sequence[Stay]) -> date | None:
    day, ended = one.facts.listed_on, earlier[-1].delisted_on if earlier else None
    if day is None:
        return one.valid_from if earlier else None
    contradicted = (ended is not None and day < ended) or (one.valid_to is not None and day >= one.valid_to)
    return one.valid_from if contradicted else day


def _in_order(stay: Stay, first_seen: date) -> Stay:
    """Return the stay, beginning with its first list if its listing day is not before its end."""
    wrong = stay.listed_from is not None and stay.delisted_on is not None and stay.listed_from >= stay.delisted_on
    return Stay(first_seen, stay.delisted_on, stay.isin) if wrong else stay
