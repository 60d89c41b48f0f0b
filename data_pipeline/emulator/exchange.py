"""One HTTP request and its reply, or its refusal, as cheaply as ASGI allows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

LARGEST_BODY = 65_536
JSON = "application/json; charset=utf-8"
CODE_NAMES = ("msg_cd", "error_code", "respCode")
"""Under which name an answer carries its code: KIS's data, KIS's tokens, KRX."""


class WireError(Exception):
    """An answer that refuses the call: its HTTP status and its JSON body."""

    def __init__(self, status: int, body: Mapping[str, str]) -> None:
        self.status = status
        self.body = body
        super().__init__(f"HTTP {status} {self.code}")

    @property
    def code(self) -> str:
        """The server's own code, for example EGW00201; the status where the body has none."""
        return next((self.body[name] for name in CODE_NAMES if self.body.get(name)), str(self.status))


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back; status 0 means that the connection is closed without an answer."""

    status: int
    body: bytes
    code: str = ""
    """The server's own code of a refusal."""
    tr_cont: str = ""
    media: str = JSON
    location: str = ""
    """Where a redirect leads."""
    lie: str = ""
    """Which lie it tells, when a hostile seed is at work."""


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

    async def body(self, receive: Callable[[], Awaitable[MutableMapping[str, Any]]], too_large: WireError) -> bytes:
        """Return the whole body; raise ``too_large`` when it is larger than any real one."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > LARGEST_BODY:
                raise too_large
            if not message.get("more_body"):
                return b"".join(parts)


def parse_query(raw: bytes) -> dict[str, str]:
    """Return the query with its names in upper case, as the real server reads them in either case."""
    return {name.upper(): value for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True)}


def dumps(value: Any) -> bytes:
    """Return compact JSON in UTF-8, Korean as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


async def drop(send: Any) -> None:
    """Close the connection without an answer.

    Raises:
        ConnectionResetError: There is no connection to close, because the app runs in process.
    """
    _transport(send).abort()
    await _ended()


async def drip(send: Any, at_once: bytes, slowly: bytes, seconds: float) -> None:
    """Send the bytes of an answer, the second part one by one so many seconds apart, and close the connection.

    Raises:
        ConnectionResetError: There is no connection to write to, because the app runs in process.
    """
    transport = _transport(send)
    transport.write(at_once)
    for byte in slowly:
        if transport.is_closing():
            break
        transport.write(bytes((byte,)))
        await asyncio.sleep(seconds)
    transport.close()
    await _ended()


def _transport(send: Any) -> Any:
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None or not hasattr(transport, "abort"):
        raise ConnectionResetError("the emulator left HTTP, as a fault asked")
    return transport


async def _ended() -> None:
    """Let the web server see that the connection is closed, so that it does not answer by itself."""
    for _ in range(3):
        await asyncio.sleep(0)
