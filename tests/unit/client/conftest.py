"""A clock that only moves when told, and a store in memory that keeps JSON like the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


class FakeClock:
    """Seconds that pass only by ``sleep`` or ``advance``."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def advance(self, seconds: float) -> None:
        self.now += seconds


class MemoryStore:
    """A store of one process."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.texts: dict[str, str] = {}
        self.updates = 0
        self.twice = False
        """Whether the next change is applied twice, as after an answer that was lost."""

    def now(self) -> float:
        return self.clock()

    def read(self, key: str, *, lasting: bool = False) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.texts.get(key, "{}"))
        return state

    def put(self, key: str, **state: Any) -> None:
        self.update(key, lambda shared, _: shared.update(state))

    def update(self, key: str, change: Callable[[dict[str, Any], float], T], *, lasting: bool = False) -> T:
        state = self.read(key)
        result = change(state, self.now())
        self.updates += 1
        self.texts[key] = json.dumps(state, allow_nan=False)
        if self.twice:
            self.twice = False
            return self.update(key, change)
        return result

    def location(self, key: str) -> str:
        return f"memory:{key}"


@pytest.fixture
def clock() -> FakeClock:
    """A clock at 100 seconds."""
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> MemoryStore:
    """An empty store on that clock."""
    return MemoryStore(clock)


@pytest.fixture(scope="session")
def new_store() -> Any:
    """Makes a fresh store, with a clock of its own, for tests that need many."""
    return lambda: MemoryStore(FakeClock())
