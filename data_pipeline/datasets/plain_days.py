"""Which daily bars of a window certainly pass every check: found in columns, so that only the others are looked at.

The sieve errs on one side only. What it lets pass has no finding, whatever else is known of the instrument: the
narrowest limits and the ticks of every board are held against it. Whatever does not pass is checked as any other row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from data_pipeline.datasets.rows import Rows, Values, as_rows
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
    own, beside = as_rows(records), Rows(context.stored)
    try:
        names, days = own.values("stock_code"), own.values("session")
        places = _places(days.known, beside.column("session"), first, last, context)
        if places is None or (codes and not {*names.known} <= {*codes}):
            return None
        return _sieved(own, beside, places, context)
    except TypeError:  # a value that is no whole number of 64 bits
        return None


def _places(
    asked: Sequence[date], beside: Sequence[date], first: date | None, last: date | None, context: Context
) -> dict[date, int] | None:
    """Return the place of each session among its neighbours; None when one is none, was not asked for or is to come."""
    calendar, latest = context.calendar, context.now + timedelta(seconds=context.thresholds.future_seconds)
    oldest, newest, days = min(asked), max(asked), {*asked, *beside}
    try:
        places = {day: place for place, day in enumerate(calendar.sessions(min(days), max(days)))}
        begun = calendar.open_at(newest) <= latest
    except CalendarRangeError:
        return None
    within = (first is None or first <= oldest) and (last is None or newest <= last)
    return places if begun and within and days <= places.keys() else None


def _sieved(own: Rows, beside: Rows, places: Mapping[date, int], context: Context) -> Sieved | None:
    import numpy as np  # whoever only declares or reads datasets does without it

    names, days = _joined("stock_code", own, beside), _joined("session", own, beside)
    at = np.array([places[day] for day in days.known], np.int64)[days.places]
    keys = names.places * (int(at.max()) + 2) + at
    order = np.argsort(keys, kind="stable")
    keys, at = keys[order], at[order]
    of = {name: np.concatenate((own.numbers(name), beside.numbers(name)))[order] for name in _VALUES}
    won = max(int(of["high"].max()), int(of["close"].max()))
    if (keys[1:] == keys[:-1]).any() or won > _MOST_WON or (won + 1) * int(of["volume"].max()) > _MOST:
        return None
    next_to = keys[1:] == keys[:-1] + 1
    apart = next_to & ((of["close"] - of["change"])[1:] != of["close"][:-1])
    repeated = next_to & np.logical_and.reduce([column[1:] == column[:-1] for column in of.values()])
    good = _is_traded_within_limits(of)
    good[1:] &= ~(apart | repeated)
    good[:-1] &= ~apart
    for ticks, of_era in _eras(at, {places[day]: day for day in days.known}, context):
        good &= ~of_era | _is_on_ticks(of, ticks)
    ours = order < len(own)
    doubtful = sorted(order[~good & ours].tolist(), key=lambda place: (own[place].stock_code, own[place].session))
    priceless = ours & (of["volume"] > 0) & (of["open"] == 0)
    return Sieved(doubtful, quiet=not (repeated.any() or priceless.any()))


def _joined(name: str, own: Rows, beside: Rows) -> Values:
    """Return a column of few values of both together."""
    import numpy as np

    found, more = own.values(name), beside.values(name)
    places = {value: place for place, value in enumerate(dict.fromkeys((*found.known, *more.known)))}
    moved = np.array([places[value] for value in more.known], np.int64)[more.places]
    return Values([*places], np.concatenate((found.places, moved)))


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


def _eras(at: Numbers, sessions: Mapping[int, date], context: Context) -> Iterator[tuple[Collection[Ticks], Marks]]:
    """Yield the ticks of all boards, and the bars whose sessions had them."""
    import numpy as np

    eras: dict[frozenset[Ticks], set[int]] = defaultdict(set)
    for place, session in sessions.items():
        eras[stock_ticks(context.rules_of(session))].add(place)
    for ticks, held in eras.items():
        yield ticks, np.isin(at, [*held]) if len(eras) > 1 else np.ones(len(at), np.bool_)


def _is_on_ticks(of: Mapping[str, Numbers], tables: Collection[Ticks]) -> Marks:
    import numpy as np

    good = np.ones(len(of["open"]), np.bool_)
    for bounds, ticks in tables:
        for price in (of["open"], of["high"], of["low"], of["close"]):
            good &= price % np.array(ticks)[np.searchsorted(np.array(bounds), price, side="right")] == 0
    return good
