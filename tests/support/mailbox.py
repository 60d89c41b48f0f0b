"""A mail server on this machine that keeps what it is sent."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Mailbox(socketserver.ThreadingTCPServer):
    """Speaks enough of SMTP (RFC 5321) to take mails."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[tuple[list[str], str]] = []
        """The recipients of each mail, and its text."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Session(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say("220 mailbox")
        recipients: list[str] = []
        while line := self.rfile.readline().decode().strip():
            word = line[:4].upper()
            if word == "QUIT":
                return self._say("221 bye")
            if word == "DATA":
                self._say("354 go on")
                self.server.mails.append((recipients, "".join(iter(self._line, ".\r\n"))))
                recipients = []
            if word == "RCPT":
                recipients.append(line.partition("<")[2].partition(">")[0])
            self._say("250 ok")
        return None

    def _line(self) -> str:
        return self.rfile.readline().decode()

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Run one for the block."""
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
