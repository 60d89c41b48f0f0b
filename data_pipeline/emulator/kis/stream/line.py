"""Sessions of the stream over real sockets: one talk a line, one thread for what is played."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.kis.stream.desk import StreamDesk
from data_pipeline.emulator.kis.stream.faults import StreamFaults
from data_pipeline.emulator.kis.stream.stage import Stage
from data_pipeline.emulator.kis.stream.talk import NO_CLOSE_FRAME, End, Talk

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
STEP = 0.01
"""Seconds between two looks at what is due."""


class Stream:
    """The stream of one emulated server.

    Args:
        stage: What is played.
        clock: The market's clock.
        feeds: The TR ids that it has.
        monotonic: Seconds of real time that only grow.
    """

    def __init__(
        self,
        stage: Stage,
        clock: MarketClock,
        feeds: frozenset[str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stage, self.clock, self._feeds = stage, clock, feeds
        self.desk = StreamDesk(monotonic)
        self.faults = StreamFaults()
        self.talks: dict[Talk, asyncio.Task[None] | None] = {}
        self._closing: dict[Talk, int] = {}
        self._worker = ThreadPoolExecutor(1, "stream")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one line until it ends."""
        await receive()  # the wish to connect
        address = str((scope.get("client") or ("",))[0])
        if not self.desk.admits(address):
            await send({"type": "websocket.close"})  # before it is accepted: HTTP 403
            return
        await send({"type": "websocket.accept"})
        talk = Talk(self.desk, self.stage, self.clock, self.faults, self._feeds)
        self.talks[talk] = None
        reader = asyncio.create_task(_read(talk, receive))
        try:
            await self._speak(talk, reader, send)
        finally:
            del self.talks[talk]
            self._closing.pop(talk, None)
            reader.cancel()
            properly = reader.done() and not reader.cancelled() and reader.exception() is None and reader.result()
            self.desk.ended(talk, address, talk.began, properly=properly)

    def close_all(self, code: int) -> int:
        """End every line with a code, 1006 without a close frame, and return how many there were."""
        self._closing = dict.fromkeys(self.talks, code)
        return len(self._closing)

    async def _speak(self, talk: Talk, reader: asyncio.Task[bool], send: Send) -> None:
        loop = asyncio.get_running_loop()
        while not reader.done():
            said = await loop.run_in_executor(self._worker, talk.due)
            if talk in self._closing:
                said = [*said, End(self._closing[talk])]
            for one in said:
                if isinstance(one, End):
                    await _end(send, one.code)
                    return
                try:
                    await asyncio.wait_for(send({"type": "websocket.send", "text": one}), self.desk.rules.slow)
                except asyncio.TimeoutError:  # it reads nothing of what was sent
                    self.desk.counts.dropped += 1
                    await _end(send, NO_CLOSE_FRAME)
                    return
                except OSError:  # it is gone
                    return
            await asyncio.sleep(STEP)


async def _read(talk: Talk, receive: Receive) -> bool:
    """Note what comes until the client is gone; return whether it said so with a close frame."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return message.get("code") not in (1005, NO_CLOSE_FRAME)
        if message["type"] == "websocket.pong":
            talk.pong(message["bytes"])
        else:
            talk.hear(message.get("text") or "")


async def _end(send: Send, code: int) -> None:
    if code != NO_CLOSE_FRAME:
        with suppress(OSError):
            await send({"type": "websocket.close", "code": code})
        return
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
