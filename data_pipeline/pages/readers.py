"""A few connections that can only read, for everybody who looks; whoever finds none free waits without a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.exceptions import BusyError
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.rights import require_reader

T = TypeVar("T")

MOST = 4
"""Connections, and threads, that all pages of one process take together."""
STATEMENT_S = 2.0
"""Seconds after which the server stops a statement of a page."""
WAIT_S = 20.0
"""Seconds that a viewer waits for a connection to become free."""
IDLE_S = 60.0
"""Seconds after which a connection that nobody used is closed by the next one who comes."""


def open_reader(url: str, statement_s: float = STATEMENT_S) -> Connection:
    """Open a connection whose transactions can only read.

    Raises:
        ConfigurationError: The login may do more than read, or the address is wrong.
        ConnectionFailedError: The server cannot be reached; trying again can help.
    """
    connection = connect(
        url, application_name="data-pipeline pages", connect_timeout=3, lock_timeout=1, statement_timeout=statement_s
    )
    try:
        connection.set_session(readonly=True)
        require_reader(connection, "the pages")
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    return connection


class Readers:
    """Lends connections to threads of its own, so that those of the API server stay free for tasks.

    Args:
        open_one: Opens a connection that can only read.
        most: How many there are at most.
        clock: Seconds on a clock that never goes back.
    """

    def __init__(
        self, open_one: Callable[[], Connection], most: int = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._open, self._most, self._clock = open_one, most, clock
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Connection]] = []
        self._limiter: anyio.CapacityLimiter | None = None
        self._drawing: anyio.CapacityLimiter | None = None

    async def ask(self, work: Callable[[Connection], T], wait_s: float = WAIT_S) -> T:
        """Return what the work returns, which reads in a transaction that is rolled back.

        Raises:
            BusyError: No connection became free in time; trying again can help.
        """
        return await self.run(lambda: self._lend(work), wait_s)

    async def run(self, work: Callable[[], T], wait_s: float = WAIT_S) -> T:
        """Return what the work returns, in one of these threads.

        Raises:
            BusyError: None became free in time; trying again can help.
        """
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._most)
        place = object()
        try:
            with anyio.fail_after(wait_s):
                await self._limiter.acquire_on_behalf_of(place)
        except TimeoutError:
            raise BusyError("too many people look at the pages at this moment; load the page again") from None
        try:
            return await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1))
        finally:
            self._limiter.release_on_behalf_of(place)

    async def draw(self, work: Callable[[], T]) -> T:
        """Return what the work returns, which is done while no other page is drawn.

        Drawing holds the interpreter, and every further thread that does keeps the server from its other work longer.
        """
        if self._drawing is None:
            self._drawing = anyio.CapacityLimiter(1)
        return await anyio.to_thread.run_sync(work, limiter=self._drawing)

    def close(self) -> None:
        """Close every connection that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def _lend(self, work: Callable[[Connection], T]) -> T:
        connection = self._take()
        try:
            return work(connection)
        finally:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        """Take a connection back; one that is gone is gone, and what was read over it is whole all the same."""
        try:
            connection.rollback()
        except psycopg2.Error:
            connection.close()
        if not connection.closed:
            self._give_back(connection)

    def _take(self) -> Connection:
        now = self._clock()
        with self._lock:
            old = [one for since, one in self._idle if now - since > IDLE_S]
            self._idle = [(since, one) for since, one in self._idle if now - since <= IDLE_S]
            found = self._idle.pop()[1] if self._idle else None
        for one in old:
            one.close()
        return found if found is not None and not found.closed else self._open()

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            self._idle.append((self._clock(), connection))
