"""What was sent under one budget: exact times of the newest sends, and counts of the last minute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from data_pipeline.coordination.store import damaged, number

MINUTE = 60.0
_BUCKET = 0.5
_BUCKETS = 121
_MOST_REFUSED = 64
_MINUTE_SPARE = 0.1
"""Seconds added to the minute, because a send may reach the server later than the one that left a minute after it."""


class SendLog:
    """A view on a shared state that holds its sends; changes go into the state at once.

    The minute is counted in half seconds, and a half second is forgotten only when all of it is a minute old, so the
    count errs towards too many.
    """

    def __init__(self, state: dict[str, Any], location: str) -> None:
        self._state = state
        self._location = location
        self.times = times(state, "sent", location)
        self._counts = _counts(state, "minute_counts", location)
        self._first = int(number(state, "minute_first", 0.0, location))

    def record(self, at: float, keep: int) -> None:
        """Add a send; the exact times of the newest ``keep`` are remembered."""
        self._state["sent"] = self.times = sorted([*self.times, at])[-keep:]
        self._state["sends"] = int(number(self._state, "sends", 0.0, self._location)) + 1
        bucket = int(at / _BUCKET)
        gap = bucket - self._first - len(self._counts) + 1
        if not self._counts or gap > _BUCKETS or bucket < self._first:
            self._first, self._counts = bucket, [0]
        else:
            self._counts = [*self._counts, *[0] * gap]
        self._counts[bucket - self._first] += 1
        surplus = max(len(self._counts) - _BUCKETS, 0)
        self._first += surplus
        self._counts = self._counts[surplus:]
        self._keep_counts()

    def take_back(self, at: float) -> None:
        """Forget a send that did not leave; one that is no longer among the newest still counts in its minute."""
        if at in self.times:
            self.times.remove(at)
            self._state["sent"] = self.times
            self._state["sends"] = int(number(self._state, "sends", 0.0, self._location)) - 1
            self._uncount(at)

    def refuse(self, at: float) -> None:
        """Note that the server rejected the send of that moment and so does not count it."""
        refused = times(self._state, "refused", self._location)
        self._state["refused"] = [*refused, at][-_MOST_REFUSED:]
        self._uncount(at)

    def _uncount(self, at: float) -> None:
        place = int(at / _BUCKET) - self._first
        if 0 <= place < len(self._counts) and self._counts[place] > 0:
            self._counts[place] -= 1
            self._keep_counts()

    def accepted(self, since: float, until: float) -> int:
        """Return how many sends after ``since`` and before ``until`` the server took, as far as is known by now."""
        refused = times(self._state, "refused", self._location)
        return sum(since < at < until for at in self.times) - sum(since < at < until for at in refused)

    def used(self, now: float) -> int:
        """Return how many sends of the last minute the server took; at most half a second's sends too many."""
        oldest = math.floor((now - MINUTE) / _BUCKET)
        return sum(self._counts[max(oldest - self._first, 0) :])

    def free_at(self, limit: float, now: float) -> float:
        """Return when a minute that holds ``limit`` sends has room for one more; minus infinity when it has now."""
        left, free = self.used(now) - limit, -math.inf
        for place in range(len(self._counts)):
            if left < 0:
                break
            end = (self._first + place + 1) * _BUCKET + MINUTE
            if end > now:
                left, free = left - self._counts[place], end + _MINUTE_SPARE
        return free

    def _keep_counts(self) -> None:
        self._state.update(minute_first=self._first, minute_counts=self._counts)


def times(state: Mapping[str, Any], name: str, location: str) -> list[float]:
    """Return a list of times from a shared state; empty when it is absent.

    Raises:
        CoordinationError: Something else is stored there.
    """
    found = state.get(name, [])
    if not isinstance(found, list) or not set(map(type, found)) <= {float} or not math.isfinite(math.fsum(found)):
        raise damaged(location, f"{name} is not a list of times")
    return found


def rebase(state: dict[str, Any], by: float, location: str) -> None:
    """Move every time in the state by that many seconds, because the clock it was taken from was set back.

    Raises:
        CoordinationError: Something that should be a time is none.
    """
    for name in state:
        if name in ("sent", "refused"):
            state[name] = [at + by for at in times(state, name, location)]
        elif name == "next_slot" or name.endswith("_at"):
            state[name] = number(state, name, 0.0, location) + by
        elif name == "minute_first":
            state[name] = int(number(state, name, 0.0, location)) + math.floor(by / _BUCKET)


def _counts(state: Mapping[str, Any], name: str, location: str) -> list[int]:
    found = state.get(name, [])
    if not isinstance(found, list) or len(found) > _BUCKETS or not set(map(type, found)) <= {int}:
        raise damaged(location, f"{name} is not a list of counts")
    return list(found)
