"""What one live session has registered, asks for and may ask again, whichever vendor it is with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from data_pipeline.market.stream_records import Subscription

ANSWER_S, TRIES = 10.0, 3
"""Seconds that the answer to a command is waited for, and how often it is given without one."""
AGAIN_S, LONGEST_S = 10.0, 300.0
"""Seconds before a registration that failed in passing is tried again: the first time, and at most."""


class Command(NamedTuple):
    """A command whose answer is waited for."""

    one: Subscription
    registers: bool
    """Whether it registers, or takes a registration back."""
    at: float
    """When it was given, in seconds that never jump."""
    tries: int = 1
    """How often it has been given."""


@dataclass
class Registrations:
    """Brings what is registered in line with what is wanted, one command for each subscription at a time.

    Nothing is sent here: whoever has the line asks what is due, and tells what the server said to it.
    """

    limit: int
    """How many registrations the key takes; lowered to what is registered when the server refuses one more."""
    pace: float
    """Seconds between two commands."""
    registered: set[Subscription] = field(default_factory=set)
    """What the server has acknowledged."""
    failed: dict[Subscription, str] = field(default_factory=dict)
    """What the server refuses for good, and in which words."""

    def __post_init__(self) -> None:
        self._known: set[Subscription] = set()
        self._wanted: dict[Subscription, None] = {}
        self._asked: dict[Subscription, Command] = {}
        self._later: dict[Subscription, float] = {}
        self._failures: Counter[Subscription] = Counter()
        self._next_at = -math.inf

    def want(self, wanted: Sequence[Subscription]) -> None:
        """Say what is to be registered from now on, most important first."""
        self._wanted = dict.fromkeys(wanted)
        self._known.update(wanted)

    def knows(self, one: Subscription) -> bool:
        """Return whether one was ever wanted, so that a late answer may be about it."""
        return one in self._known

    @property
    def waits(self) -> bool:
        """Whether the answer to any command is waited for."""
        return bool(self._asked)

    def unanswered(self, now: float) -> list[Subscription]:
        """Return those for which the last try has no answer in time; they are tried again in five minutes."""
        silent = [last.one for last in self._asked.values() if last.tries >= TRIES and now >= last.at + ANSWER_S]
        for one in silent:
            self.settle(one, registered=False)
            self._later[one] = now + LONGEST_S
        return silent

    def due(self, now: float) -> Command | None:
        """Return the command to give now, whose answer is waited for from then on; None when there is none."""
        if now < self._next_at:
            return None
        self._next_at = now + self.pace
        command = self._next(now)
        if command is not None:
            self._asked[command.one] = command
        return command

    def settle(self, one: Subscription, *, registered: bool) -> bool:
        """Note what the server says of one, and return whether it was asked."""
        (self.registered.add if registered else self.registered.discard)(one)
        return self._asked.pop(one, None) is not None

    def confirm(self, one: Subscription) -> None:
        """Note that data came of one: if its answer is waited for, it was lost, and said that it is registered."""
        if one in self._asked:
            self.settle(one, registered=True)

    def try_later(self, one: Subscription, now: float) -> float:
        """Note that one failed in passing, and return in how many seconds it is tried again."""
        wait = min(LONGEST_S, AGAIN_S * 2.0 ** self._failures[one])
        self._failures[one] += 1
        self._later[one] = now + wait
        return wait

    def full(self) -> None:
        """Note that the key takes no more than is registered."""
        self.limit = min(self.limit, len(self.registered))

    def _next(self, now: float) -> Command | None:
        """What was not answered comes first, and what goes makes room for what comes."""
        for last in self._asked.values():
            if now >= last.at + ANSWER_S:
                return last._replace(at=now, tries=last.tries + 1)
        for one in self.registered:
            if one not in self._wanted and one not in self._asked:
                return Command(one, registers=False, at=now)
        if len(self.registered) + sum(asked.registers for asked in self._asked.values()) >= self.limit:
            return None
        for one in self._wanted:
            taken = one in self.registered or one in self._asked or one in self.failed
            if not taken and now >= self._later.get(one, now):
                return Command(one, registers=True, at=now)
        return None
