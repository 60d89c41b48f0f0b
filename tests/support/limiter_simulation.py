"""Callers, limiters and a server's gate on one simulated clock: an hour of traffic in seconds, the same every time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from typing_extensions import Self

from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.slot import Slot
from data_pipeline.emulator.kis.gate import Gate


@dataclass
class Simulation:
    """Saturated callers: each asks again as soon as it is answered.

    Args:
        store: A store whose ``clock.now`` the simulation moves.
        gate: The server's quota, on the same clock.
        limiters: One a process, two callers each.
        jitter: Seconds that a call may take to arrive, drawn evenly from 0 up.
        answer: Seconds that the server takes to answer.
        late: Seconds that a sleeper may wake up late.
    """

    store: Any
    gate: Gate
    limiters: list[TokenBucketRateLimiter]
    jitter: float = 0.0
    answer: float = 0.02
    late: float = 0.002
    seed: int = 3
    arrivals: list[tuple[float, bool]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    served: dict[int, int] = field(default_factory=dict)
    dead: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.began = self.store.clock.now
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.order = count()
        for process in range(len(self.limiters)):
            for _ in range(2):
                self.at(self.random.uniform(0, 0.01), partial(self._ask, process))

    def at(self, seconds: float, event: Callable[[], None]) -> None:
        """Let something happen that many seconds after the beginning."""
        heapq.heappush(self.events, (self.began + seconds, next(self.order), event))

    def run(self, seconds: float) -> Self:
        """Let time pass until that many seconds after the beginning."""
        while self.events and self.events[0][0] <= self.began + seconds:
            self.store.clock.now, _, event = heapq.heappop(self.events)
            event()
        return self

    def used(self, first: float, last: float, quota: float) -> float:
        """Return the share of the quota that was accepted between two moments."""
        return sum(ok for at, ok in self.arrivals if first <= at < last) / (quota * (last - first))

    def rejected(self, first: float, last: float) -> float:
        """Return the share of the arrivals between two moments that was rejected."""
        found = [ok for at, ok in self.arrivals if first <= at < last]
        return found.count(False) / len(found)

    def _after(self, seconds: float, event: Callable[[], None]) -> None:
        self.at(self.store.clock.now - self.began + seconds, event)

    def _ask(self, who: int) -> None:
        if who not in self.dead:
            asked = self.store.clock.now
            self._go(who, asked, self.limiters[who].reserve(send=True))

    def _go(self, who: int, asked: float, slot: Slot) -> None:
        if slot.sent:
            self.waits.append(self.store.clock.now - asked)
            self._after(self.random.uniform(0, self.jitter), lambda: self._arrive(who, slot.at))
        else:
            self._after(slot.wait + self.random.uniform(0, self.late), lambda: self._wake(who, asked, slot))

    def _wake(self, who: int, asked: float, slot: Slot) -> None:
        if who not in self.dead:
            self._go(who, asked, self.limiters[who].try_send(slot))

    def _arrive(self, who: int, sent_at: float) -> None:
        accepted = self.gate.admit("key")
        self.arrivals.append((self.store.clock.now - self.began, accepted))
        self.served[who] = self.served.get(who, 0) + accepted
        self._after(self.answer, lambda: self._answered(who, sent_at, accepted))

    def _answered(self, who: int, sent_at: float, accepted: bool) -> None:
        self.limiters[who].note_trip(self.store.clock.now - sent_at)
        if not accepted:
            self.limiters[who].slow_down(sent_at)
        self._ask(who)
