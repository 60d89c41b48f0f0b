"""One HTTP request and its reply, as cheaply as ASGI allows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from data_pipeline.emulator.kis.errors import auth_error
from data_pipeline.emulator.kis.wire import parse_query

LARGEST_BODY = 65_536
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back; status 0 means that the connection is closed without an answer."""

    status: int
    body: bytes
    code: str = ""
    """The server's own code of a refusal."""
    tr_cont: str = ""
    media: str = JSON


class Exchange:
    """The parts of a request that the emulator looks at; header names are in lower case, query names in upper."""

    __slots__ = ("app_key", "headers", "method", "path", "query", "tr_id")

    def __init__(self, scope: MutableMapping[str, Any]) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"].replace("//", "/")
        self.headers: dict[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        self.query = parse_query(scope["query_string"])
        self.app_key = self.headers.get("appkey", "")
        self.tr_id = self.headers.get("tr_id", "")

    async def body(self, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> bytes:
        """Return the whole body; EGW00101 when it is larger than any real one."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > LARGEST_BODY:
                raise auth_error("EGW00101")
            if not message.get("more_body"):
                return b"".join(parts)


async def drop(send: Any) -> None:
    """Close the connection without an answer.

    Raises:
        ConnectionResetError: There is no connection to close, because the app runs in process.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None or not hasattr(transport, "abort"):
        raise ConnectionResetError("the emulator dropped the connection, as a fault asked")
    transport.abort()
    for _ in range(3):
        await asyncio.sleep(0)
