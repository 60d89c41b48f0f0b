"""What held for an issue from when to when, worked out of the lists that were loaded, in any order. Pure.

Two voices tell of an issue: the exchange (KRX base info, published a day later) and the brokers (KIS stock master, of
the same morning). Each voice's lists are kept as runs; the history is a function of the runs, so no order of arrival
matters.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from data_pipeline.market.records import Instrument


@dataclass(frozen=True, slots=True)
class Facts:
    """What a list says of an issue, but for what holds for one session only."""

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
        """Return what a record of a list says."""
        return cls(*(getattr(one, name) for name in FIELDS))


FIELDS = tuple(field.name for field in fields(Facts))
EXCHANGE_KNOWS = frozenset({"isin", "name", "market", "listed_on", "listed_shares"})
"""Fields of which the exchange is believed first; of the others, the brokers."""
ROUNDED_TO = 1000
"""The brokers count listed shares in thousands, the exchange one by one."""


@dataclass(frozen=True, slots=True)
class Run:
    """The same facts in every list of one voice from ``first`` to ``last``, both included."""

    first: date
    last: date
    facts: Facts


@dataclass(frozen=True, slots=True)
class Voice:
    """What one voice told of one issue."""

    runs: Sequence[Run] = ()
    """Oldest first."""
    lists: Sequence[date] = ()
    """Sessions of its complete lists, oldest first. None of them for an issue that the exchange never listed: funds
    have no base info, and that they are left out says nothing."""


@dataclass(frozen=True, slots=True)
class Range:
    """What held from ``valid_from``, included, to ``valid_to``, excluded; None while it holds."""

    valid_from: date
    valid_to: date | None
    facts: Facts


@dataclass(frozen=True, slots=True)
class Listing:
    """One unbroken stay on the list; a code that was used twice has two."""

    listed_from: date | None
    """None when no list says since when and no stay came before."""
    delisted_on: date | None
    """The first session known not to list it; None while it is listed."""
    isin: str


def observe(
    runs: Sequence[Run], session: date, facts: Facts | None, lists: Sequence[date], complete: Sequence[date]
) -> list[Run]:
    """Return the runs of a voice with one more list.

    Args:
        runs: Of one issue, oldest first; all, or at least those around the session.
        session: Of the list.
        facts: What the list says; None when the issue is not on it.
        lists: Every session of which the voice has told something, the new one included, oldest first.
        complete: Those of them that were complete lists.
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
    """Return what held when, oldest first.

    On a session of the exchange's own list the exchange is believed in what it knows better, and the brokers in the
    rest. After its last list the brokers are believed in what they changed since, so that a lasting difference between
    the two does not change the history back and forth.
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


def listings(ranges: Sequence[Range]) -> list[Listing]:
    """Return the stays on the list that a history holds, oldest first.

    A stay begins on the listing day (상장일) where that is known. It ends where a list lacks the issue, or where
    another issue (another ISIN with a later listing day) has taken the code over.
    """
    found: list[Listing] = []
    seen: list[date] = []
    for before, one in zip([None, *ranges], ranges, strict=False):
        if before is None or before.valid_to != one.valid_from:
            found.append(Listing(_begin(one, found), one.valid_to, one.facts.isin))
            seen.append(one.valid_from)
        elif _is_another(before, one):
            begins = min(one.valid_from, one.facts.listed_on or one.valid_from)
            found[-1] = Listing(found[-1].listed_from, begins, found[-1].isin)
            found.append(Listing(_begin(one, found), one.valid_to, one.facts.isin))
            seen.append(one.valid_from)
        else:
            found[-1] = Listing(found[-1].listed_from, one.valid_to, one.facts.isin)
    return [_in_order(stay, first_seen) for stay, first_seen in zip(found, seen, strict=True)]


def is_rounded(exact: int | None, rounded: int | None) -> bool:
    """Return whether a number of shares is another one in whole thousands, rounded either way; unknown ones are not."""
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
    """Return every session on which something may change."""
    moments = {moment for voice in (exchange, broker) for moment in _events(voice)}
    # What the brokers changed holds until the exchange tells of it.
    for moment in _events(broker):
        place = bisect_left(exchange.lists, moment)
        moments.update(exchange.lists[place : place + 1])
    # Brokers who begin to tell after the exchange did may lack the issue, and have no run to say so.
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
    """What a voice says at a moment."""

    told: date | None
    """The newest list at or before the moment; None when there is none."""
    facts: Facts | None
    """None when that list lacks the issue, or there is none."""


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
    """Return whether the brokers say something that they had not said when the exchange told last."""
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


def _begin(one: Range, earlier: Sequence[Listing]) -> date | None:
    day, ended = one.facts.listed_on, earlier[-1].delisted_on if earlier else None
    if day is None:
        return one.valid_from if earlier else None
    contradicted = (ended is not None and day < ended) or (one.valid_to is not None and day >= one.valid_to)
    return one.valid_from if contradicted else day


def _in_order(stay: Listing, first_seen: date) -> Listing:
    """Return the stay; a listing day that its own end contradicts does not count."""
    wrong = stay.listed_from is not None and stay.delisted_on is not None and stay.listed_from >= stay.delisted_on
    return Listing(first_seen, stay.delisted_on, stay.isin) if wrong else stay
