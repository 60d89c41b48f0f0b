"""Mends what Airflow's *Test* button posts for a connection without a port.

The list of connections posts an empty port as 0 (``Number(null)`` in its page), and the API takes that for another
address than the stored one, to which stored secrets must not go: "Bad Request". No connection of this package has a
port, so 0 means empty there; the API's check of the address stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from data_pipeline.get_provider_info import get_provider_info

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

TYPES = frozenset(item["connection-type"] for item in get_provider_info()["connection-types"])
PATH = "/api/v2/connections/test"


class EmptyPort:
    """
    An ASGI middleware of the API server: in a test of one of our connections, port 0 is no port.

    :param app: The application behind it.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        asked = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith(PATH)
        await self._app(scope, await _mended(receive) if asked else receive, send)


async def _mended(receive: Receive) -> Receive:
    """Read the request to its end, and return what hands it on in one piece."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":  # the browser has left
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
    told: list[Message] = [{"type": "http.request", "body": _without_zero(body), "more_body": False}]

    async def again() -> Message:
        return told.pop() if told else await receive()

    return again


def _without_zero(body: bytes) -> bytes:
    try:
        asked = json.loads(body)
    except ValueError:
        return body
    if not isinstance(asked, dict) or asked.get("conn_type") not in TYPES or asked.get("port") != 0:
        return body
    return json.dumps({**asked, "port": None}).encode()
