"""A plain GET over a connection that is open already, without the layers that nothing of it needs.

Connections are made, proved, kept and closed by urllib3. Whatever is not the plainest of answers, one with a length and
in no encoding, is read by http.client and urllib3, from its first byte on.
"""

from __future__ import annotations

import io
import re
import socket
import time
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from typing import TYPE_CHECKING, Any, NamedTuple

import requests
import urllib3
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from typing_extensions import Buffer
from urllib3.exceptions import IncompleteRead, ProtocolError

if TYPE_CHECKING:
    from urllib3.connectionpool import HTTPConnectionPool

_PIECE = 65_536
_LONGEST_HEAD = 32_768
_LARGEST_BODY = 4 * 1024 * 1024
_SOON = 0.02
"""Seconds that sending may take without the socket being told anew how long it may wait."""
_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) ([\x20-\x7e]*)")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*)")
_LENGTH = re.compile("[0-9]{1,9}")
_ODD = ("transfer-encoding", "content-encoding", "set-cookie", "upgrade", "trailer")
_BODILESS = frozenset({204, 304})


class _Head(NamedTuple):
    """The beginning of a plain answer."""

    status: int
    reason: str
    fields: CaseInsensitiveDict[str]
    length: int


class KeptConnection:
    """An open connection out of a pool, for one call; it goes back when the answer was read.

    Args:
        pool: Where it is kept.
        connection: Open.
        response_class: What reads an answer that is not plain.
    """

    def __init__(self, pool: HTTPConnectionPool, connection: Any, response_class: type[HTTPResponse]) -> None:
        self._pool, self._connection, self._class = pool, connection, response_class
        self._sock: socket.socket = connection.sock

    def exchange(self, request: requests.PreparedRequest, target: str, seconds: float) -> requests.Response | Any:
        """Return the answer to a GET without a body: as requests gives it, or as urllib3 does when it is not plain.

        Args:
            request: What is sent.
            target: Its path and query.
            seconds: How long sending and the whole answer may take.

        Raises:
            OSError: The connection broke, or the time is over; it is closed.
            ProtocolError: It broke off in the middle of the answer, or what came is none.
        """
        try:
            return self._exchanged(request, target, seconds)
        except BaseException:
            self._connection.close()
            self._pool._put_conn(self._connection)  # noqa: SLF001 - as urllib3 does; it opens it anew when it is wanted
            raise

    def _exchanged(self, request: requests.PreparedRequest, target: str, seconds: float) -> requests.Response | Any:
        began = time.monotonic()
        until = began + seconds
        self._sock.settimeout(seconds)
        self._sock.sendall(self._rendered(request, target))
        received = self._received(until, soon=time.monotonic() - began < _SOON)
        if not received:
            raise RemoteDisconnected("the connection was closed without an answer")
        while (end := received.find(b"\r\n\r\n")) < 0:
            more = b"" if b"\n\n" in received or len(received) > _LONGEST_HEAD else self._received(until)
            if not more:
                return self._read_by_urllib3(received, target, until)
            received += more
        head = _plain_head(received[:end])
        if head is None:
            return self._read_by_urllib3(received, target, until)
        body = self._body(received[end + 4 :], head.length, until)
        self._pool._put_conn(self._connection)  # noqa: SLF001 - see above
        return _response(request, head, body)

    def _rendered(self, request: requests.PreparedRequest, target: str) -> bytes:
        host, port = self._connection.host, self._connection.port
        named = f"[{host}]" if ":" in host else host
        named = named if port == self._connection.default_port else f"{named}:{port}"
        lines = [f"GET {target} HTTP/1.1", f"Host: {named}", *map(": ".join, request.headers.items()), "\r\n"]
        content = "\r\n".join(lines).encode("latin-1")
        if content.count(b"\n") != len(lines) or b"\0" in content:
            raise ValueError("a line end stands in a header or an address")
        return content

    def _received(self, until: float, *, soon: bool = False) -> bytes:
        if not soon:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer was not complete in time")
            self._sock.settimeout(left)
        return self._sock.recv(_PIECE)

    def _body(self, begun: bytes, length: int, until: float) -> bytes:
        pieces, size = [begun], len(begun)
        while size < length:
            piece = self._received(until)
            if not piece:
                raise IncompleteRead(size, length - size)
            pieces.append(piece)
            size += len(piece)
        if size > length:  # nobody asked for more, so the next answer would be a wrong one
            self._connection.close()
        return b"".join(pieces)[:length]

    def _read_by_urllib3(self, begun: bytes, target: str, until: float) -> Any:
        self._sock.settimeout(max(until - time.monotonic(), 0.001))
        found = self._class(_Begun(self._sock, begun), method="GET")  # type: ignore[arg-type]
        try:
            found.begin()
        except HTTPException as error:
            raise ProtocolError("what came is no answer", error) from error
        if found.will_close:
            self._connection.close()
        return urllib3.HTTPResponse(
            body=found, headers=urllib3.HTTPHeaderDict(found.msg.items()), status=found.status, version=found.version,
            reason=found.reason, preload_content=False, decode_content=False, original_response=found,
            pool=self._pool, connection=self._connection, request_method="GET", request_url=target,
        )  # fmt: skip


class _Begun:
    """A socket from which the beginning of an answer was read already."""

    def __init__(self, sock: socket.socket, begun: bytes) -> None:
        self._sock, self._begun = sock, begun
        self.gettimeout, self.settimeout = sock.gettimeout, sock.settimeout

    def makefile(self, mode: str) -> io.BufferedReader:
        del mode
        return io.BufferedReader(_Joined(self._begun, self._sock.makefile("rb", buffering=0)))


class _Joined(io.RawIOBase):
    """Reads what was read already, and then on."""

    def __init__(self, begun: bytes, rest: Any) -> None:
        self._begun, self._rest = begun, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        if not self._begun:
            found: int | None = self._rest.readinto(buffer)
            return found
        view = memoryview(buffer).cast("B")
        piece, self._begun = self._begun[: len(view)], self._begun[len(view) :]
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._rest.close()
        super().close()


def _plain_head(content: bytes) -> _Head | None:
    """Return the head of an answer whose body is just so many bytes; None for any other."""
    first, *lines = content.split(b"\r\n")
    status, found = _STATUS.fullmatch(first), [*map(_FIELD.fullmatch, lines)]
    if status is None or None in found:
        return None
    fields = CaseInsensitiveDict((one[1].decode(), one[2].decode().rstrip()) for one in found if one)
    length = fields.get("content-length", "")
    odd = len(fields) < len(found) or any(map(fields.__contains__, _ODD)) or int(status[1]) in _BODILESS
    if odd or fields.get("connection", "keep-alive").lower() != "keep-alive" or not _LENGTH.fullmatch(length):
        return None
    if int(length) > _LARGEST_BODY:
        return None
    return _Head(int(status[1]), status[2].decode(), fields, int(length))


def _response(request: requests.PreparedRequest, head: _Head, body: bytes) -> requests.Response:
    response: Any = requests.Response()
    response.status_code, response.reason, response.headers = head.status, head.reason, head.fields
    response.encoding = get_encoding_from_headers(head.fields)
    response.url, response.request = request.url or "", request
    response._content = body  # noqa: SLF001 - all of it is here
    response._content_consumed = True  # noqa: SLF001
    answer: requests.Response = response
    return answer
