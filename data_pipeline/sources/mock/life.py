"""When instruments come and go: listings, delistings, halts, splits, and the last days before a delisting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from data_pipeline.sources.mock.issue import LIQUIDATION_SESSIONS, OLD, Step
from data_pipeline.sources.mock.noise import ONE, below, between

_OLDEST_LISTING = date(1975, 6, 2)
_SHORTEST_LIFE = 200
_QUIET_START, _QUIET_END = 10, 80
_SPLIT_HALT = 3
_SPLITS_FROM, _REVERSE_SPLITS_TO = 29 * ONE // 2, 23 * ONE // 2

_LISTED, _LISTED_ON, _DELISTED, _HALT, _SPLIT, _END = (salt << 48 for salt in range(1, 7))


class Life(NamedTuple):
    """The days of one instrument: its listing day, and the session indices of its first and of the end."""

    listed_on: date
    listed: int
    delisted: int | None


class Events(NamedTuple):
    """What happens to an instrument while it is listed."""

    halts: tuple[tuple[int, int], ...]
    steps: tuple[Step, ...]
    managed: bool


class Lives:
    """Draws the days of instruments against the sessions from ``SESSION_ZERO`` on, seen from a reference session."""

    def __init__(self, sessions: Sequence[date], reference: int) -> None:
        self.sessions = sessions
        self.reference = reference

    def present(self, key: int, oldest: int = OLD) -> Life:
        """Return the life of an instrument that is listed on the reference session; one in 120 ends later."""
        ends = below(key, _DELISTED, 120) == 0
        end = between(key, _DELISTED + 1, self.reference + 1, len(self.sessions) - 1) if ends else None
        return self._born(key, oldest, self.reference, end)

    def past(self, key: int, oldest: int = OLD) -> Life:
        """Return the life of an instrument that ended on or before the reference session."""
        earliest = max(oldest, 0) + _SHORTEST_LIFE + 1
        end = between(key, _DELISTED, earliest, self.reference)
        return self._born(key, oldest, end - _SHORTEST_LIFE, end)

    def coming(self, key: int) -> Life:
        """Return the life of an instrument that is listed after the reference session."""
        listed = between(key, _LISTED, self.reference + 1, len(self.sessions) - 1)
        return Life(self.sessions[listed], listed, None)

    def _born(self, key: int, oldest: int, newest: int, end: int | None) -> Life:
        if oldest == OLD and below(key, _LISTED, 100) < 55:
            return Life(_old_weekday(key, self.sessions[0]), OLD, end)
        listed = between(key, _LISTED + 1, max(oldest, 1), newest)
        return Life(self.sessions[listed], listed, end)


def draw_events(key: int, life: Life, sessions: int, level: int) -> Events:
    """Return the halts and price steps of an ordinary company.

    Args:
        key: The instrument's seed.
        life: Its days.
        sessions: Number of sessions in the calendar.
        level: Logarithm of its typical price: only dear instruments split, only cheap ones are merged.
    """
    first = max(life.listed, 0) + _QUIET_START
    last = (sessions if life.delisted is None else life.delisted) - _QUIET_END
    halts: list[tuple[int, int]] = []
    steps: list[Step] = []
    if last - first > _SHORTEST_LIFE:
        middle = first + last >> 1
        halves = [(first, middle - 1), (middle, last)]
        for_split, for_halt = halves if below(key, _SPLIT, 2) else halves[::-1]
        _add_split(key, for_split, level, halts, steps)
        _add_halt(key, for_halt, halts)
    long_halt = any(end - begin > 50 for begin, end in halts)
    if life.delisted is not None:
        _add_ending(key, life.delisted, halts, steps)
    return Events(tuple(sorted(halts)), tuple(sorted(steps, key=lambda step: step.index)), long_halt)


def _old_weekday(key: int, before: date) -> date:
    day = _OLDEST_LISTING + timedelta(days=below(key, _LISTED_ON, (before - _OLDEST_LISTING).days - 5))
    return day - timedelta(days=max(day.weekday() - 4, 0))


def _add_split(key: int, bounds: tuple[int, int], level: int, halts: list[tuple[int, int]], steps: list[Step]) -> None:
    index = between(key, _SPLIT + 1, bounds[0] + _SPLIT_HALT, bounds[1])
    ratio = (5, 10)[below(key, _SPLIT + 2, 2)]
    if below(key, _SPLIT + 3, 5):
        return
    if level > _SPLITS_FROM:
        steps.append(Step(index, 1, ratio))
    elif level < _REVERSE_SPLITS_TO:
        steps.append(Step(index, ratio, 1))
    else:
        return
    halts.append((index - _SPLIT_HALT, index - 1))


def _add_halt(key: int, bounds: tuple[int, int], halts: list[tuple[int, int]]) -> None:
    kind = below(key, _HALT, 100)
    if kind >= 33:
        return
    length = between(key, _HALT + 1, 100, 400) if kind < 20 else between(key, _HALT + 2, 1, 3)
    begin = between(key, _HALT + 3, *bounds)
    halts.append((begin, min(begin + length - 1, bounds[1])))


def _add_ending(key: int, delisted: int, halts: list[tuple[int, int]], steps: list[Step]) -> None:
    if below(key, _END, 3) == 0:
        return
    liquidation = delisted - LIQUIDATION_SESSIONS
    halts.append((liquidation - between(key, _END + 1, 10, 40), liquidation - 1))
    steps.append(Step(liquidation, between(key, _END + 2, 28, 65), 100, is_split=False))
