"""Who subscribes to what: wishes in order of priority, spread over keys of which each takes only so many."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from data_pipeline.market.stream_records import Subscription

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Placement:
    """What each key registers, and what nobody can."""

    by_key: Mapping[str, tuple[Subscription, ...]]
    """In order of priority."""
    left: tuple[Subscription, ...]
    """What no key has room for, in order of priority; REST has to serve it."""


def place(wanted: Sequence[Subscription], limits: Mapping[str, int], held: Mapping[Subscription, str]) -> Placement:
    """Spread what is wanted over the keys.

    As many as all keys take together are placed, the most important ones. What a key holds stays there while it has
    room, because each change is a command; what is new goes to the key with most room.

    Args:
        wanted: Most important first.
        limits: How many registrations each key takes; 0 for one that is out of service.
        held: Where each one is now.
    """
    chosen = wanted[: sum(limits.values())]
    placed: dict[str, list[Subscription]] = {key: [] for key in limits}
    homeless = []
    for one in chosen:
        key = held.get(one, "")
        if len(placed.get(key, ())) < limits.get(key, 0):
            placed[key].append(one)
        else:
            homeless.append(one)
    for one in homeless:
        roomiest = max(limits, key=lambda key: limits[key] - len(placed[key]))
        placed[roomiest].append(one)
    order = {one: place for place, one in enumerate(wanted)}
    by_key = {key: tuple(sorted(found, key=order.__getitem__)) for key, found in placed.items()}
    return Placement(by_key, tuple(wanted[len(chosen) :]))


def named(subscriptions: Iterable[Subscription], most: int = 10) -> str:
    """Return a few of them as words, for a message."""
    told = [str(one) for one in subscriptions]
    more = f" and {len(told) - most} more" if len(told) > most else ""
    return ", ".join(told[:most]) + more


class Desk:
    """Who registers what at present, for the lines of several keys in threads of their own.

    Args:
        wanted: Most important first.
        limits: How many registrations each key takes.
    """

    def __init__(self, wanted: Sequence[Subscription], limits: Mapping[str, int]) -> None:
        self._lock = threading.Lock()
        self._wanted, self._limits = tuple(wanted), dict(limits)
        self._refused: set[Subscription] = set()
        self._told: tuple[Subscription, ...] = ()
        self._placed = place(self._wanted, self._limits, {})

    @property
    def left(self) -> tuple[Subscription, ...]:
        """What no key has room for, most important first."""
        return self._placed.left

    @property
    def rest(self) -> tuple[Subscription, ...]:
        """What REST has to serve, most important first: no key has room for it, or the server refuses it for good."""
        left = {*self._placed.left, *self._refused}
        return tuple(one for one in self._wanted if one in left)

    def of(self, key: str) -> tuple[Subscription, ...]:
        """Return what a key registers, most important first; the same object until it changes."""
        return self._placed.by_key.get(key, ())

    def limit(self, key: str) -> int:
        """Return how many registrations a key takes, as far as is known."""
        return self._limits[key]

    def learn(self, key: str, limit: int, refused: Collection[Subscription] = ()) -> tuple[Subscription, ...]:
        """Place anew when a key takes fewer than was thought, or the server refuses some for good.

        Returns:
            What the key registers now; see :meth:`of`.
        """
        with self._lock:
            refused = self._refused.union(refused)
            if limit == self._limits[key] and refused == self._refused:
                return self.of(key)
            self._limits[key], self._refused = limit, refused
            held = {one: name for name, placed in self._placed.by_key.items() for one in placed}
            self._placed = place([one for one in self._wanted if one not in refused], self._limits, held)
            if self._placed.left != self._told:
                self._told = self._placed.left
                log.warning("no app key has room for the %s: REST has to serve them", named(self._told))
            return self.of(key)
