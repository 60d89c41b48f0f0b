"""An end to waiting for a server that has gone silent: libpq itself waits for an answer without end."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from select import POLLIN, POLLOUT, poll
from threading import Event, Lock, Thread
from weakref import ref

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ
from psycopg2.extensions import connection as Connection  # noqa: N812

REFUSED = ("FATAL", "치명적오류")
"""How a server begins a refusal, in its two likely languages. A server that refuses is not silent."""


@dataclass(frozen=True)
class Patience:
    """How long an answer of the server may take; seconds."""

    quiet: float = 30.0
    """From then on a server that has not answered is asked over a second connection whether it is there at all."""
    asking: float = 15.0
    """How long that question may take."""
    questions: int = 2
    """So many of them in a row without an answer end the waiting."""
    longest: float | None = None
    """When waiting ends although the server answers the second connection; None for never."""


class Watch:
    """Cuts one connection off when the server behind it is silent; a statement may take as long as it needs.

    TCP itself notices a host or a network that is gone (keepalives, ``tcp_user_timeout``). This is for what goes on
    acknowledging and says nothing more: a stopped process, a hung disk, a pooler or a proxy without its server.

    Args:
        connection: Which one; it is not kept alive by this.
        answers: Asks the server over another connection, for at most so many seconds, and tells whether it answered.
        patience: How long is too long.
    """

    def __init__(self, connection: Connection, answers: Callable[[float], bool], patience: Patience) -> None:
        self._connection = ref(connection)
        self._answers, self._patience = answers, patience
        self._closed, self._lock = Event(), Lock()
        self._waiting: list[float] = []
        """When the statement that is under way began; empty between statements."""
        self._reason: str | None = None
        self._thread: Thread | None = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Watch a block that waits for the server.

        Raises:
            psycopg2.OperationalError: The server was silent, and the connection is cut off.
        """
        if self._thread is None or not self._thread.is_alive():  # not started yet, or lost by a fork
            self._thread = Thread(target=self._run, name="data-pipeline silence", daemon=True)
            self._thread.start()
        self._waiting = [time.monotonic()]
        try:
            yield
        except psycopg2.Error:
            if self._reason is None:
                raise
            raise psycopg2.OperationalError(self._reason) from None
        finally:
            with self._lock:
                self._waiting = []

    def close(self) -> None:
        """End watching."""
        self._closed.set()

    def _run(self) -> None:
        watched, vain = self._waiting, 0
        while not self._closed.wait(self._patience.quiet / 2) and self._connection() is not None:
            waiting = self._waiting
            if not waiting or waiting is not watched:
                watched, vain = waiting, 0
            waited = time.monotonic() - waiting[0] if waiting else 0.0
            if waited < self._patience.quiet:
                continue
            vain = 0 if self._answers(self._patience.asking) else vain + 1
            waited = time.monotonic() - waiting[0]
            if vain == self._patience.questions:
                self._cut(waiting, f"the server has been silent for {waited:.0f} s and answers no other connection")
            elif self._patience.longest is not None and waited > self._patience.longest:
                self._cut(waiting, f"the server has not ended a statement within {waited:.0f} s")

    def _cut(self, waiting: list[float], reason: str) -> None:
        with self._lock:
            connection = self._connection()
            if waiting is self._waiting and connection is not None:
                self._reason = reason
                with suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(connection.fileno())) as wire:
                    wire.shutdown(socket.SHUT_RDWR)


def answers(dsn: str, seconds: float) -> bool:
    """Return whether the server answers a question over a new connection in time; a refusal is an answer."""
    deadline = time.monotonic() + seconds
    try:
        with closing(psycopg2.connect(dsn, async_=1)) as connection:
            if not _ready(connection, deadline):
                return False
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")  # a pooler lets in by itself and asks the server only now
                return _ready(connection, deadline)
    except psycopg2.Error as error:
        return any(word in str(error) for word in REFUSED)


def _ready(connection: Connection, deadline: float) -> bool:
    while (state := connection.poll()) != POLL_OK:
        wire = poll()
        wire.register(connection.fileno(), POLLIN if state == POLL_READ else POLLOUT)
        if not wire.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return False
    return True
