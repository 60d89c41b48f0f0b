"""Divides the gaps of daily bars between a source of whole market days and one that is asked code by code. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from data_pipeline.backfill.requests import Run, plan_spans
from data_pipeline.datasets.dataset import Dataset
from data_pipeline.market.origin import Offer, RequestShape
from data_pipeline.market.window import Gap

MOST_ROWS = 50_000
"""Rows of one span, for counting the requests of the source that is asked code by code."""


@dataclass(frozen=True)
class Division:
    """Who is asked for what: every gap, and no cell twice."""

    sessions: tuple[date, ...]
    """The sessions that come as whole market days, oldest first."""
    calls: int
    """What they cost."""
    by_day: dict[str, list[Gap]]
    """The gaps on them: by code, oldest first."""
    by_code: dict[str, list[Gap]]
    """All others."""


def divide(
    dataset: Dataset,
    gaps: Mapping[str, Sequence[Gap]],
    sessions: Sequence[date],
    offer: Offer,
    shapes: tuple[RequestShape, RequestShape],
    markets: Mapping[str, str],
    quoted: date | None = None,
) -> Division:
    """Return the division that costs the fewest calls of both sources together; if two cost the same, by market days.

    A market day costs the same for one code as for all of them, while a request of the other source brings many
    sessions of one code. So the sessions that most codes lack are worth a market day. How many codes that takes is
    tried out: all sessions that at least 1, 2, 4, 8, ... codes lack, the newest first and no more than today's calls
    allow, and none at all.

    Args:
        dataset: One that the exchange has as whole market days.
        gaps: The gaps of each code, oldest first.
        sessions: All sessions of the exchange, oldest first; every gap begins and ends on one.
        offer: Of the source of market days.
        shapes: Of that source and of the other one.
        markets: Each code's board, ``ETF`` or ``ETN``; a code that is not in it may be on any of them.
        quoted: The session that the other source's quotes show, when it is final.
    """
    where = {session: position for position, session in enumerate(sessions)}
    runs = {code: [(where[first], where[last]) for first, last in found] for code, found in gaps.items()}
    costs, lacking = _market_days(runs, sessions, offer, shapes[0], markets)
    best: tuple[int, int, list[int]] | None = None
    rest: dict[str, list[Gap]] = {}
    for chosen in _candidates(costs, lacking, offer.calls_left):
        left = _as_gaps({code: list(_without(found, chosen)) for code, found in runs.items()}, sessions)
        asked = sum(one.requests for one in plan_spans(dataset, left, sessions, shapes[1], MOST_ROWS, quoted))
        cost = (sum(costs[position] for position in chosen) + asked, asked, chosen)
        if best is None or cost < best:
            best, rest = cost, left
    days = best[2] if best is not None else []
    by_day = _as_gaps({code: list(_within(found, days)) for code, found in runs.items()}, sessions)
    return Division(tuple(sessions[day] for day in days), sum(costs[day] for day in days), by_day, rest)


def clipped(gaps: Mapping[str, Sequence[Gap]], ranges: Sequence[Gap], sessions: Sequence[date]) -> dict[str, list[Gap]]:
    """Return the parts of the gaps that lie within these ranges."""
    where = {session: position for position, session in enumerate(sessions)}
    inside = [
        position
        for first, last in ranges
        for position in range(bisect_left(sessions, first), bisect_left(sessions, last) + 1)
        if position < len(sessions) and sessions[position] <= last
    ]
    runs = {code: [(where[first], where[last]) for first, last in found] for code, found in gaps.items()}
    return _as_gaps({code: list(_within(found, inside)) for code, found in runs.items()}, sessions)


def joined(cells: Iterable[tuple[str, date]], sessions: Sequence[date]) -> dict[str, list[Gap]]:
    """Return single cells as the gaps of each code."""
    where = {session: position for position, session in enumerate(sessions)}
    found: dict[str, set[int]] = defaultdict(set)
    for code, session in cells:
        found[code].add(where[session])
    return _as_gaps({code: list(_runs(sorted(positions))) for code, positions in found.items()}, sessions)


def merged(parts: Iterable[Mapping[str, Sequence[Gap]]], sessions: Sequence[date]) -> dict[str, list[Gap]]:
    """Return the gaps of several parts that share no cell: by code in order, and oldest first."""
    where = {session: position for position, session in enumerate(sessions)}
    found: dict[str, list[Run]] = defaultdict(list)
    for part in parts:
        for code, gaps in part.items():
            found[code] += [(where[first], where[last]) for first, last in gaps]
    whole: dict[str, list[Run]] = {}
    for code in sorted(found):
        whole[code] = []
        for start, end in sorted(found[code]):
            if whole[code] and whole[code][-1][1] + 1 == start:
                start = whole[code].pop()[0]  # noqa: PLW2901 - two neighbours are one run
            whole[code].append((start, end))
    return _as_gaps(whole, sessions)


def as_ranges(chosen: Iterable[date], sessions: Sequence[date]) -> list[Gap]:
    """Return days as ranges of neighbouring sessions, oldest first."""
    return joined((("", day) for day in chosen), sessions).get("", [])


def _market_days(
    runs: Mapping[str, Sequence[Run]],
    sessions: Sequence[date],
    offer: Offer,
    shape: RequestShape,
    markets: Mapping[str, str],
) -> tuple[dict[int, int], dict[int, int]]:
    """Return the calls of each session that can be asked for as a market day, and the number of codes that lack it."""
    steps: dict[str, Counter[int]] = defaultdict(Counter)
    for code, found in runs.items():
        for start, end in found:
            steps[markets.get(code, "")][start] += 1
            steps[markets.get(code, "")][end + 1] -= 1
    costs: dict[int, int] = {}
    lacking: dict[int, int] = {}
    level = Counter[str]()
    for position, session in enumerate(sessions):
        for market, change in steps.items():
            level[market] += change[position]
        wanted = [market for market, count in level.items() if count]
        if wanted and shape.first_day <= session <= offer.last:
            costs[position], lacking[position] = shape.calls_of_day(session, wanted), sum(level.values())
    return costs, lacking


def _candidates(costs: Mapping[int, int], lacking: Mapping[int, int], calls_left: int) -> Iterator[list[int]]:
    yield []
    least, before = 1, None
    while least <= max(lacking.values(), default=0):
        chosen: list[int] = []
        left = calls_left
        for position in sorted(lacking, reverse=True):
            if lacking[position] >= least and costs[position] <= left:
                chosen.append(position)
                left -= costs[position]
        chosen.reverse()
        if chosen != before:
            yield chosen
        least, before = 2 * least, chosen


def _within(runs: Iterable[Run], days: Sequence[int]) -> Iterator[Run]:
    """Yield the parts of runs that consist of these days, given in ascending order."""
    for start, end in runs:
        yield from _runs(days[bisect_left(days, start) : bisect_left(days, end + 1)])


def _without(runs: Iterable[Run], days: Sequence[int]) -> Iterator[Run]:
    """Yield the parts of runs between these days."""
    for start, end in runs:
        begin = start
        for first, last in _runs(days[bisect_left(days, start) : bisect_left(days, end + 1)]):
            if begin < first:
                yield begin, first - 1
            begin = last + 1
        if begin <= end:
            yield begin, end


def _runs(positions: Sequence[int]) -> Iterator[Run]:
    """Yield neighbouring positions together."""
    start = 0
    for number, position in enumerate(positions):
        if number + 1 == len(positions) or positions[number + 1] != position + 1:
            yield positions[start], position
            start = number + 1


def _as_gaps(runs: Mapping[str, Sequence[Run]], sessions: Sequence[date]) -> dict[str, list[Gap]]:
    return {code: [(sessions[start], sessions[end]) for start, end in found] for code, found in runs.items() if found}
