"""One open WebSocket: texts come, texts and Pongs go; nothing is sent that the caller did not ask for but answers."""

from __future__ import annotations

import os
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from data_pipeline.client.address import Address
from data_pipeline.exceptions import ConfigurationError, ConnectionFailedError, RequestTimeoutError

OPEN_S, SEND_S, CLOSE_S = 10.0, 10.0, 2.0
MOST_BYTES = 16 * 1024 * 1024
"""A longer message ends the line; whoever reads it refuses shorter ones by name and keeps it."""
_PIECE = 262_144


class UnreachedError(ConnectionFailedError):
    """Nobody answered at all: no address, no connection, or it broke before the first byte of an answer."""


class Wire(Protocol):
    """What a session needs of an open line; :class:`Line` is one."""

    def send(self, text: str) -> None:
        """Send a text."""

    def pong(self, text: str) -> None:
        """Answer a heartbeat."""

    def receive(self, seconds: float) -> list[str]:
        """Return the texts that came within so many seconds."""
        ...

    def cut(self) -> None:
        """End the line at once, from whichever thread."""

    def close(self) -> None:
        """End the line as the protocol wants it."""


class Line:
    """A WebSocket client without a thread of its own: what is not received stays with the system and slows the sender.

    It goes through no proxy, offers no compression, sends no Ping and no Pong but an answer.

    Args:
        address: Host and port, judged by :func:`~data_pipeline.client.address.require_socket`.
        url: The whole address, with its path.
        monotonic: Seconds that never jump.

    Raises:
        UnreachedError: Nobody is there; trying again later can help.
        ConnectionFailedError: The server does not open a WebSocket; trying again later can help.
        RequestTimeoutError: It does not answer in time; trying again later can help.
        ConfigurationError: The library is not installed, or the TLS certificate is not trusted.
    """

    def __init__(self, address: Address, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._what = f"live session with {address.host}"
        self._monotonic = monotonic
        try:
            from websockets.client import ClientProtocol
            from websockets.uri import parse_uri
        except ImportError:
            raise ConfigurationError(
                "the live stream needs one more library: pip install 'korean-market-pipeline[stream]'"
            ) from None
        self._protocol = ClientProtocol(parse_uri(url), max_size=MOST_BYTES)
        self._parts: list[bytes] = []
        self._socket = self._connected(address)
        self._wait = selectors.DefaultSelector()
        self._wait.register(self._socket, selectors.EVENT_READ)
        try:
            self._shake_hands()
        except BaseException:
            self.cut()
            self._wait.close()
            self._socket.close()
            raise

    def send(self, text: str) -> None:
        """Send a text.

        Raises:
            ConnectionFailedError: The line is down, or the server takes nothing for ten seconds.
        """
        self._protocol.send_text(text.encode())
        self._flush()

    def pong(self, text: str) -> None:
        """Send a Pong that carries a text of up to 125 bytes; the errors are those of :meth:`send`."""
        self._protocol.send_pong(text.encode()[:125])
        self._flush()

    def receive(self, seconds: float) -> list[str]:
        """Return the texts that came, waiting for the first one so long; empty when none did. Only they are read.

        Raises:
            ConnectionFailedError: The line is down; the message says how it ended.
        """
        if texts := self._texts():  # what came along with the handshake
            return texts
        self._require_open()
        if not (self._buffered() or self._wait.select(seconds)):
            return []
        try:
            data = self._socket.recv(_PIECE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return []
        except OSError as error:
            raise ConnectionFailedError(f"{self._what}: it broke: {_said(error)}") from None
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        texts = self._texts()
        if not texts:
            self._require_open()
        return texts

    def close(self) -> None:
        """Say goodbye, wait up to two seconds until the server has hung up, and close; closing twice is safe."""
        deadline = self._monotonic() + CLOSE_S
        with suppress(Exception):
            self._protocol.send_close(1000)
            self._flush()
            while self._wait.select(max(deadline - self._monotonic(), 0)) and self._socket.recv(_PIECE):
                pass
        self.cut()
        self._wait.close()
        self._socket.close()

    def cut(self) -> None:
        """End the line at once, from whichever thread; its owner then finds it down and closes it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _connected(self, address: Address) -> socket.socket:
        secure = address.scheme == "https"
        host = address.host.strip("[]")
        try:
            made = socket.create_connection((host, address.port or (443 if secure else 80)), OPEN_S)
        except OSError as error:
            raise UnreachedError(f"{self._what}: no connection: {_said(error)}") from None
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.settimeout(SEND_S)
        if not secure:
            return made
        try:
            return ssl.create_default_context().wrap_socket(made, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            made.close()
            raise ConfigurationError(
                f"{self._what}: the TLS certificate is not trusted ({error.verify_message})"
            ) from None
        except OSError as error:
            made.close()
            raise ConnectionFailedError(f"{self._what}: no TLS: {_said(error)}") from None

    def _shake_hands(self) -> None:
        protocol = self._protocol
        protocol.send_request(protocol.connect())
        self._flush()
        deadline = self._monotonic() + OPEN_S
        while protocol.state.name == "CONNECTING" and protocol.handshake_exc is None:
            if not self._wait.select(max(deadline - self._monotonic(), 0)):
                raise RequestTimeoutError(f"{self._what}: no answer within {OPEN_S:g} s")
            try:
                data = self._socket.recv(_PIECE)
            except OSError as error:
                raise UnreachedError(f"{self._what}: it broke before an answer: {_said(error)}") from None
            if not data:
                raise UnreachedError(f"{self._what}: it was closed before an answer")
            protocol.receive_data(data)
        if protocol.handshake_exc is not None:
            raise ConnectionFailedError(f"{self._what}: refused: {str(protocol.handshake_exc)[:120]}")

    def _buffered(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _texts(self) -> list[str]:
        texts = [text for event in self._protocol.events_received() if (text := self._text(event)) is not None]
        self._flush()
        return texts

    def _text(self, event: Any) -> str | None:
        """Return the text that an event completes; None for control frames and parts."""
        code = getattr(getattr(event, "opcode", None), "name", "")
        if code not in {"TEXT", "BINARY", "CONT"}:
            return None
        if code != "CONT" and event.fin:
            return str(event.data, "utf-8", "replace")
        self._parts.append(bytes(event.data))
        if not event.fin:
            return None
        whole, self._parts = b"".join(self._parts), []
        return str(whole, "utf-8", "replace")

    def _flush(self) -> None:
        try:
            for data in self._protocol.data_to_send():
                if data:
                    self._socket.sendall(data)
        except OSError as error:
            raise ConnectionFailedError(f"{self._what}: it broke: {_said(error)}") from None

    def _require_open(self) -> None:
        if self._protocol.state.name != "OPEN":
            closing = self._protocol.close_rcvd
            said = "without a word" if closing is None else f"with code {closing.code}"
            raise ConnectionFailedError(f"{self._what}: it ended {said}")


def _said(error: OSError) -> str:
    number = (
        error.errno if isinstance(error.errno, int) and error.errno > 0 and not isinstance(error, ssl.SSLError) else 0
    )
    return os.strerror(number) if number else type(error).__name__
