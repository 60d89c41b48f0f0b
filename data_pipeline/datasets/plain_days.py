"""Which daily bars of a window certainly pass every check: found in columns, so that only the others are looked at.

The sieve errs on one side only. What it lets pass has no finding, whatever else is known of the instrument: the
narrowest limits and the ticks of every board are held against it. Whatever does not pass is checked as any other row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from data_pipeline.exceptions import CalendarRangeError
from data_pipeline.market.price_rules import LEAST_PERCENT, Ticks, stock_ticks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data_pipeline.datasets.findings import Context
    from data_pipeline.market.records import DailyBar

    Numbers = NDArray[np.int64]
    Marks = NDArray[np.bool_]

FEWEST = 200
"""Rows from which on columns cost less than a look at each row."""
_MOST_WON, _MOST = 10**12, 2**62
"""Beyond these, products of columns would not fit into 64 bits."""
_VALUES = ("open", "high", "low", "close", "volume", "trading_value", "change")


class Sieved(NamedTuple):
    """What the sieve found."""

    doubtful: list[int]
    """The places of the records that have to be checked one by one, in the order of their keys."""
    quiet: bool
    """Whether no bar repeats the one before it or lacks its prices, so that a window can lack rows and no more."""


def sieved_days(
    records: Sequence[DailyBar], codes: Collection[str], first: date | None, last: date | None, context: Context
) -> Sieved | None:
    """Return which daily bars of a window are doubtful; None when every one of them is.

    Args:
        records: All of the window, in any order.
        codes: What was asked for; empty means any.
        first: The first session asked for, included; None means any.
        last: The last session asked for, included; None means any.
        context: What is known around the window.
    """
    if len(records) < FEWEST or context.replaced:
        return None
    bars = [*records, *context.stored]
    names, days = (list(map(attrgetter(name), bars)) for name in ("stock_code", "session"))
    places = _places(days, days[: len(records)], first, last, context)
    if places is None or (codes and not {*names[: len(records)]} <= {*codes}):
        return None
    try:
        return _sieved(bars, names, [places[day] for day in days], len(records), context)
    except (OverflowError, TypeError):  # a value that is no number of 64 bits
        return None


def _places(
    days: Sequence[date], asked: Sequence[date], first: date | None, last: date | None, context: Context
) -> dict[date, int] | None:
    """Return the place of each session among its neighbours; None when one is none, was not asked for or is to come."""
    calendar, latest = context.calendar, context.now + timedelta(seconds=context.thresholds.future_seconds)
    oldest, newest = min(asked), max(asked)
    try:
        places = {day: place for place, day in enumerate(calendar.sessions(min(days), max(days)))}
        begun = calendar.open_at(newest) <= latest
    except CalendarRangeError:
        return None
    within = (first is None or first <= oldest) and (last is None or newest <= last)
    return places if begun and within and {*days} <= places.keys() else None


def _sieved(
    bars: Sequence[Any], names: Sequence[str], places: Sequence[int], own: int, context: Context
) -> Sieved | None:
    import numpy as np  # whoever only declares or reads datasets does without it

    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    keys = np.array([numbers[name] for name in names], np.int64) * (max(places) + 2) + np.array(places, np.int64)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    of = {name: np.fromiter(map(attrgetter(name), bars), np.int64, len(bars))[order] for name in _VALUES}
    won = max(int(of["high"].max()), int(of["close"].max()))
    if (keys[1:] == keys[:-1]).any() or won > _MOST_WON or (won + 1) * int(of["volume"].max()) > _MOST:
        return None
    beside = keys[1:] == keys[:-1] + 1
    apart = beside & ((of["close"] - of["change"])[1:] != of["close"][:-1])
    repeated = beside & np.logical_and.reduce([column[1:] == column[:-1] for column in of.values()])
    good = _is_traded_within_limits(of)
    good[1:] &= ~(apart | repeated)
    good[:-1] &= ~apart
    for ticks, of_era in _eras(np.array(places)[order], [bars[place].session for place in order], context):
        good &= ~of_era | _is_on_ticks(of, ticks)
    ours = order < own
    doubtful = sorted(order[~good & ours].tolist(), key=lambda place: (bars[place].stock_code, bars[place].session))
    priceless = ours & (of["volume"] > 0) & (of["open"] == 0)
    return Sieved(doubtful, quiet=not (repeated.any() or priceless.any()))


def _is_traded_within_limits(of: Mapping[str, Numbers]) -> Marks:
    """Return which bars traded at a mean between low and high, within the narrowest limits that any board has."""
    low, high, volume, value, base = (
        of["low"],
        of["high"],
        of["volume"],
        of["trading_value"],
        of["close"] - of["change"],
    )
    reach = base * LEAST_PERCENT // 100
    fair = ((low - 1) * volume <= value) & (value <= (high + 1) * volume)
    return (of["open"] > 0) & (volume > 0) & fair & (base - reach <= low) & (high <= base + reach)


def _eras(places: Numbers, sessions: Sequence[date], context: Context) -> Iterator[tuple[Collection[Ticks], Marks]]:
    """Yield the ticks of all boards, and the bars whose sessions had them."""
    import numpy as np

    eras: dict[frozenset[Ticks], set[int]] = defaultdict(set)
    for place, session in {*zip(places.tolist(), sessions, strict=True)}:
        eras[stock_ticks(context.rules_of(session))].add(place)
    for ticks, held in eras.items():
        yield ticks, np.isin(places, [*held]) if len(eras) > 1 else np.ones(len(places), np.bool_)


def _is_on_ticks(of: Mapping[str, Numbers], tables: Collection[Ticks]) -> Marks:
    import numpy as np

    good = np.ones(len(of["open"]), np.bool_)
    for bounds, ticks in tables:
        for price in (of["open"], of["high"], of["low"], of["close"]):
            good &= price % np.array(ticks)[np.searchsorted(np.array(bounds), price, side="right")] == 0
    return good
