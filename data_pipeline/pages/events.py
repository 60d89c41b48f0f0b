"""Server-sent events: an answer that goes on while somebody listens, may still look, and the server runs."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import ExitStack
from typing import Any, NamedTuple

import anyio
from fastapi.responses import PlainTextResponse, Response

from data_pipeline.exceptions import BusyError
from data_pipeline.pages.poll import Look, Poll
from data_pipeline.pages.render import Page

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

CHECK_S = 30.0
"""Seconds after which it is asked again whether the listener may still look."""
AGAIN_MS = 2000
"""Milliseconds after which a browser whose line broke comes back by itself."""
FULL_S = 30
"""Seconds after which somebody for whom there was no place is told to come back."""


class Watched(NamedTuple):
    """What somebody sees: an instrument, in a language."""

    code: str
    page: Page


def event(name: str, text: str) -> bytes:
    """Return one event as it is sent; a text of several lines arrives as it was."""
    data = "".join(f"data: {line}\n" for line in text.split("\n"))
    return f"event: {name}\n{data}\n".encode()


class EventStream(Response):
    """The answer to one listener.

    Args:
        poll: Where it listens.
        watched: To what.
        may_stay: Whether the listener may still look.
        monotonic: Seconds that never jump.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        poll: Poll[Watched],
        watched: Watched,
        may_stay: Callable[[], Awaitable[bool]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(headers={"x-accel-buffering": "no", "cache-control": "no-store"})
        del self.headers["content-length"]
        self._poll, self._watched, self._may_stay, self._monotonic = poll, watched, may_stay, monotonic

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        """Answer until the listener goes, may not look any more, or the server stops; 503 when there is no place."""
        with ExitStack() as place:
            try:
                place.enter_context(self._poll.listening(self._watched))
            except BusyError:
                said = self._watched.page.t("live_full", most=self._poll.listeners)
                await PlainTextResponse(said, 503, {"retry-after": f"{FULL_S}"})(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _send(send, f"retry: {AGAIN_MS}\n\n".encode())
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                await self._tell(send)
                group.cancel_scope.cancel()
            await _send(send, b"", more=False)

    async def _tell(self, send: Send) -> None:
        told: dict[str, str] = {}
        look, next_check = None, self._monotonic() + CHECK_S
        while (look := await self._poll.next(look)) is not None:
            if self._monotonic() >= next_check:
                if not await self._may_stay():
                    await _send(send, event("end", self._watched.page.t("live_gone")))
                    return
                next_check = self._monotonic() + CHECK_S
            new = {name: text for name, text in self._texts(look).items() if told.get(name) != text}
            told |= new
            # A comment where nothing is new: a proxy sees that the line is alive.
            await _send(send, b"".join(event(*one) for one in new.items()) or b":\n\n")

    def _texts(self, look: Look[Watched]) -> dict[str, str]:
        if look.error:
            return {"trouble": self._watched.page.t("live_trouble", said=look.error)}
        texts: dict[str, str] | None = look.found.get(self._watched)
        return {} if texts is None else {"trouble": "", **texts}


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _until_gone(receive: Callable[[], Awaitable[Message]], scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
