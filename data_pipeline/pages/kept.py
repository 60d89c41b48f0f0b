"""Keeps an answer for some seconds, so that fifty viewers of one page ask the warehouse once."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

MOST = 32


class Kept:
    """Answers by their question; whoever asks while one is being worked out waits for that one.

    Args:
        clock: Seconds on a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._turns: dict[Hashable, asyncio.Lock] = {}

    async def get(self, question: Hashable, seconds: float, work_out: Callable[[], Awaitable[Any]]) -> Any:
        """Return the answer that is not older than so many seconds, or work it out; an error is kept by nobody."""
        turn = self._turns.setdefault(question, asyncio.Lock())
        try:
            async with turn:
                since, answer = self._answers.get(question, (-float("inf"), None))
                if self._clock() - since < seconds:
                    return answer
                answer = await work_out()
                self._answers[question] = (self._clock(), answer)
                self._answers.move_to_end(question)
                while len(self._answers) > MOST:
                    self._answers.popitem(last=False)
                return answer
        finally:
            if not turn.locked():
                self._turns.pop(question, None)
