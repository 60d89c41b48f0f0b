"""One poll for everybody who listens: what they listen to is looked up once a second, however many they are."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from data_pipeline.exceptions import BusyError, DataPipelineError

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

MOST = 20
"""Listeners of one process of the API server."""
EVERY_S = 1.0
"""Seconds between two looks."""


@dataclass(frozen=True)
class Look(Generic[K]):
    """What one look found."""

    found: Mapping[K, Any]
    """By what is listened to; what came into it during the look is in the next one."""
    error: str = ""
    """Why nothing was found, a sentence."""


class Poll(Generic[K]):
    """Looks while anybody listens, and tells all of them; who is slow misses a look and gets the newest.

    It belongs to one event loop.

    Args:
        look: Looks everything up that is listened to.
        ends: Whether the server is to stop, so that nobody is told any more.
        most: Listeners at a time.
        wait: Waits for so many seconds.
    """

    def __init__(
        self,
        look: Callable[[Collection[K]], Awaitable[Mapping[K, Any]]],
        ends: Callable[[], bool],
        most: int = MOST,
        wait: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._look, self._ends, self._most, self._wait = look, ends, most, wait
        self._listeners: Counter[K] = Counter()
        self._came = asyncio.Event()
        self._newest: Look[K] | None = None
        self._over = False
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return self._listeners.total()

    @contextmanager
    def listening(self, to: K) -> Iterator[None]:
        """Take a place for the block.

        Raises:
            BusyError: None is free; trying again can help.
        """
        if self.listeners >= self._most:
            raise BusyError(f"{self._most} listen on this server already")
        self._listeners[to] += 1
        if self._task is None or self._task.done():
            self._newest, self._over = None, False
            self._task = asyncio.get_running_loop().create_task(self._run())
        try:
            yield
        finally:
            self._listeners[to] -= 1
            if not self._listeners[to]:
                del self._listeners[to]

    async def next(self, seen: Look[K] | None = None) -> Look[K] | None:
        """Return the newest look once it is another one than was seen; None when no more will come."""
        while not self._over and self._newest is seen:
            await self._came.wait()
        return None if self._over else self._newest

    async def _run(self) -> None:
        while self._listeners:
            if self._ends():
                self._tell(None)
                return
            try:
                self._tell(Look(await self._look(list(self._listeners))))
            except DataPipelineError as error:
                self._tell(Look({}, str(error)))
            except Exception:  # a fault of our own; nobody may wait for ever
                log.exception("Nobody is told any more")
                self._tell(None)
                return
            await self._wait(EVERY_S)

    def _tell(self, look: Look[K] | None) -> None:
        self._newest, self._over = look, look is None
        came, self._came = self._came, asyncio.Event()
        came.set()
