"""Lets a few pages in at a time: the API server serves tasks as well, whose signs of life pass between them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

import anyio
from fastapi import Request
from fastapi.responses import PlainTextResponse

from data_pipeline.pages.render import Page

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MOST = 4
"""Pages that one process works on at a time, the guard's questions included."""
WAITING = 100
"""Viewers of one process that wait for their turn."""
WAIT_S = 20.0
"""Seconds that a viewer waits for it."""
AGAIN_S = 5
"""Seconds after which whoever was sent away is told to come back."""


class Door:
    """An ASGI application around another one: whoever finds no place waits in a line, which has an end.

    Args:
        app: The application.
        pages: The last part of the path of each page; whatever else is asked for passes, such as a form or a stream.
        most: Pages at a time.
        waiting: Viewers in the line.
        wait_s: Seconds that one of them waits.
    """

    def __init__(
        self, app: App, pages: frozenset[str], most: int = MOST, waiting: int = WAITING, wait_s: float = WAIT_S
    ) -> None:
        self._app, self._pages = app, pages
        self._most, self._line, self._wait_s = most, waiting, wait_s
        self._places: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer in turn; 503 in one sentence to whoever comes when the line is full, or waits too long."""
        if scope["type"] != "http" or scope["method"] != "GET" or not self._is_page(scope["path"]):
            await self._app(scope, receive, send)
            return
        place = object()
        if not await self._entered(place):
            said = Page.of(Request(scope)).t("crowded", seconds=AGAIN_S)
            await PlainTextResponse(said, 503, {"retry-after": f"{AGAIN_S}"})(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._limiter.release_on_behalf_of(place)

    @property
    def _limiter(self) -> anyio.CapacityLimiter:
        if self._places is None:  # it belongs to the loop that asks first
            self._places = anyio.CapacityLimiter(self._most)
        return self._places

    def _is_page(self, path: str) -> bool:
        return path.rpartition("/")[2] in self._pages

    async def _entered(self, place: object) -> bool:
        """Take a place, or return False where there is none and none to wait for."""
        with suppress(anyio.WouldBlock):
            self._limiter.acquire_on_behalf_of_nowait(place)
            return True
        if self._limiter.statistics().tasks_waiting >= self._line:
            return False
        with anyio.move_on_after(self._wait_s):
            await self._limiter.acquire_on_behalf_of(place)
            return True
        return False
