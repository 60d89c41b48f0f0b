"""A KIS of prepared bytes in a process of its own: ``python -m benchmarks._keys_server CODES RATE LATENCY_MS``.

It prints its port, answers tokens and daily charts behind the emulator's own gate, and stops with its standard input.
``/figures`` tells what it saw, and forgets it.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from email.utils import format_datetime

from benchmarks._keys_rows import page
from benchmarks._loading_bars import ANSWERED, codes_of
from data_pipeline.emulator.kis.gate import Gate

_TOKEN = {"access_token": "T" * 64, "token_type": "Bearer", "expires_in": 86400}
_OVER = {"rt_cd": "1", "msg_cd": "EGW00201", "msg1": "초당 거래건수를 초과하였습니다."}
_HEAD = (
    "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: application/json; charset=utf-8\r\n"
    "Content-Length: {length}\r\n\r\n"
)
_CODE = b"FID_INPUT_ISCD="
_KEY = b"\r\nappkey: "


class _Desk:
    """What all connections share."""

    def __init__(self, codes: int, rate: int, latency: tuple[float, float]) -> None:
        self._date = format_datetime(ANSWERED)
        self.pages = {
            code.encode(): self._answer("200 OK", page(number)) for number, code in enumerate(codes_of(codes))
        }
        self.over = self._answer("500 Internal Server Error", json.dumps(_OVER).encode())
        self.token = self._answer("200 OK", json.dumps(_TOKEN).encode())
        self.gate, self._latency, self._random = Gate(rate), latency, random.Random(20261120)
        self._forget()

    def _answer(self, status: str, body: bytes) -> bytes:
        return _HEAD.format(status=status, date=self._date, length=len(body)).encode() + body

    def _forget(self) -> None:
        self.accepted, self.rejected, self.first, self.last = 0, 0, 0.0, 0.0

    def answer(self, request: bytes) -> bytes:
        """Return the bytes that answer one request."""
        if request.startswith(b"POST"):
            return self.token
        if request.startswith(b"GET /figures"):
            return self._figures()
        start = request.index(_KEY) + len(_KEY)
        if not self.gate.admit(request[start : request.index(b"\r", start)].decode()):
            self.rejected += 1
            return self.over
        self.accepted, self.last = self.accepted + 1, time.monotonic()
        self.first = self.first or self.last
        start = request.index(_CODE) + len(_CODE)
        return self.pages[request[start : start + 6]]

    def latency(self) -> float:
        """Return how long the next answer takes on its way, in seconds."""
        return self._random.uniform(*self._latency)

    def _figures(self) -> bytes:
        used = resource.getrusage(resource.RUSAGE_SELF)
        found = {
            "accepted": self.accepted, "rejected": self.rejected, "seconds": self.last - self.first,
            "cpu": used.ru_utime + used.ru_stime,
        }  # fmt: skip
        self._forget()
        return self._answer("200 OK", json.dumps(found).encode())


class _Wire(asyncio.Protocol):
    """One connection, which is kept; a request of a client arrives whole before it sends the next one."""

    def __init__(self, desk: _Desk) -> None:
        self._desk, self._held = desk, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, found, body = self._held.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        answer, self._held = self._desk.answer(head + b"\r\n"), b""
        asyncio.get_running_loop().call_later(self._desk.latency(), self._transport.write, answer)  # type: ignore[attr-defined]


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length: ")
    return int(rest.partition(b"\r")[0]) if found else 0


async def _serve(desk: _Desk) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Wire(desk), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    """Serve until standard input ends."""
    codes, rate, *latency = sys.argv[1:]
    low, high = (float(one) / 1000 for one in latency[0].split(":"))
    asyncio.run(_serve(_Desk(int(codes), int(rate), (low, high))))


if __name__ == "__main__":
    main()
