"""A shared store that stands still now and then, as several processes see it, on one simulated clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from data_pipeline.client.slot import Slot
from data_pipeline.coordination.shared_clock import SharedClock
from tests.support.limiter_simulation import Simulation


@dataclass(frozen=True)
class Stall:
    """A time in which questions wait: ``before`` the store works on them, or ``after`` that, on their way back."""

    began: float
    seconds: float
    where: str

    @property
    def ended(self) -> float:
        return self.began + self.seconds


class View:
    """The store as one process sees it: the server's time comes with answers, and nothing else tells it.

    Args:
        store: The store itself, with a ``clock``.
        shift: The offset that whoever takes the server's clock to be wrong writes for everybody.
    """

    def __init__(self, store: Any, shift: list[float]) -> None:
        self._store = store
        self._shift = shift
        self._shared = SharedClock(store.clock)
        self._told = 0.0

    def update(self, key: str, change: Callable[..., Any], *, lasting: bool = False) -> Any:
        """Change the state, with the server's time of now."""
        self._told = self._store.clock() + self._shift[0]
        return self._store.update(key, lambda state, _: change(state, self._told))

    def answered(self, asked_at: float, told: float) -> None:
        """Take the time out of an answer, as the store over a network does."""
        self._shift[0] -= self._shared.hear(asked_at, told)

    def now(self) -> float:
        """The shared time as this process knows it."""
        known = self._shared.estimate()
        return self._store.clock() + self._shift[0] if known is None else known

    def read(self, key: str, *, lasting: bool = False) -> dict[str, Any]:
        """Return the state, at once."""
        state: dict[str, Any] = self._store.read(key)
        return state

    @property
    def told(self) -> float:
        """The time that the last change got."""
        return self._told

    def location(self, key: str) -> str:
        return f"stalled:{key}"


@dataclass
class StalledSimulation(Simulation):
    """Saturated callers whose questions to the store take time, and much of it during a stall.

    Args:
        views: What each limiter asks, in their order.
        stalls: When the store stands still.
    """

    views: list[View] = None  # type: ignore[assignment]
    stalls: tuple[Stall, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sends: list[float] = []

    def most_in_a_second(self) -> int:
        """The most sends in any sliding second."""
        return max(sum(first <= at < first + 1.0 for at in self.sends) for first in self.sends)

    def _ask(self, who: int) -> None:
        asked = self.store.clock.now
        self._question(who, lambda: self.limiters[who].reserve(send=True), lambda slot: self._go(who, asked, slot))

    def _go(self, who: int, asked: float, slot: Slot) -> None:
        if not slot.sent:
            self._after(slot.wait + self.random.uniform(0, self.late), lambda: self._wake(who, asked, slot))
        elif self.limiters[who].lateness(slot) > 0.002:
            self._wake(who, asked, slot)
        else:
            self.sends.append(self.store.clock.now - self.began)
            super()._go(who, asked, slot)

    def _wake(self, who: int, asked: float, slot: Slot) -> None:
        self._question(who, lambda: self.limiters[who].try_send(slot), lambda found: self._go(who, asked, found))

    def _question(self, who: int, change: Callable[[], Slot], then: Callable[[Slot], None]) -> None:
        asked_at, way = self.store.clock.now, self.random.uniform(0.0001, 0.0004)

        def work() -> None:
            result, told = change(), self.views[who].told
            back = self._held(self.store.clock.now - self.began + way, "after")
            self.at(back, lambda: hear(result, told))

        def hear(result: Slot, told: float) -> None:
            self.views[who].answered(asked_at, told)
            then(result)

        self.at(self._held(asked_at - self.began + way, "before"), work)

    def _held(self, at: float, where: str) -> float:
        """Return when something comes through that comes to the store, or back from it, at that moment."""
        for stall in self.stalls:
            if stall.where == where and stall.began <= at < stall.ended:
                return stall.ended + self.random.uniform(0, 0.002)
        return at
