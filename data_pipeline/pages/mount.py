"""What Airflow mounts: the pages are made when the first request comes, and not at all where nobody guards them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
CLOSED = b"The pages are closed, because they could not be put behind Airflow's login; its log says why.\n"


class Pages:
    """An ASGI application that loads another one late: only the API server needs it, and every component the plugin.

    Args:
        make: Makes the application; whatever it raises closes the pages until the process starts anew.
    """

    def __init__(self, make: Callable[[], App]) -> None:
        self._make = make
        self._made: App | None = None
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request by the application, or with 503 and nothing else where there is none."""
        if scope["type"] != "http":
            return
        async with self._turn:
            if self._made is None:
                self._made = await asyncio.to_thread(self._open)
        await self._made(scope, receive, send)

    def _open(self) -> App:
        try:
            return self._make()
        except Exception:  # whatever it is, an unguarded page is worse
            log.exception("The pages stay closed")
            return closed


async def closed(_scope: Message, _receive: Receive, send: Send) -> None:
    """Answer 503 in one sentence."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": CLOSED})


def airflow_pages() -> App:
    """Return the pages of this Airflow, behind its login."""
    from data_pipeline.pages.airflow_gate import AirflowGate
    from data_pipeline.pages.airflow_side import airflow_room
    from data_pipeline.pages.app import pages

    return pages(AirflowGate(), airflow_room())
