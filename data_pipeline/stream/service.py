"""One long-running service: a line for each app key, one writer, and leases so that nobody else opens the same line."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from data_pipeline.client.connects import Connects
from data_pipeline.coordination.lease import RENEW_S, Lease
from data_pipeline.coordination.store import Store
from data_pipeline.exceptions import DataPipelineError, TransientError
from data_pipeline.market.stream_batch import Sink
from data_pipeline.market.stream_records import Heartbeat, Subscription, Trade
from data_pipeline.sources.live import VendorKey
from data_pipeline.stream.gaps import GapWatch
from data_pipeline.stream.link import Link
from data_pipeline.stream.subscriptions import Desk
from data_pipeline.stream.writer import Writer

log = logging.getLogger(__name__)

DRAIN_S, LOOK_S = 5.0, 1.0
MOST_TOLD = 100
"""What is left to REST is told by name as far as here, because a heartbeat is written every five seconds."""


class Service:
    """Runs the lines until it is told to stop.

    Args:
        keys: The app keys.
        wanted: What is to be registered, most important first.
        sink: Where it is written.
        store: The state that processes share.
        clock: The market's clock.
        in_session: Whether the market is open.
        host: What this process is called in heartbeats.
        resume: Whether lines that were stopped after ten short sessions begin anew.
    """

    def __init__(
        self,
        keys: Sequence[VendorKey],
        wanted: Sequence[Subscription],
        sink: Sink,
        store: Store,
        clock: Callable[[], datetime],
        in_session: Callable[[], bool],
        host: str,
        *,
        resume: bool = False,
    ) -> None:
        self._sink, self._clock, self._host = sink, clock, host
        self._stopping, self._closed = threading.Event(), threading.Event()
        self.writer = Writer(sink, self._heartbeats)
        self._desk = Desk(wanted, {key.name: key.limit for key in keys})
        self._gaps = GapWatch()
        self.links = []
        for key in keys:
            connects = Connects(store, key.name)
            if resume:
                connects.resume()
            lease = Lease(store, f"stream-{key.name}")
            self.links.append(
                Link(key, lease, connects, self._desk, self._gaps, self.writer, in_session, self._stopping.wait)
            )
        self._errors: list[BaseException] = []

    def stop(self) -> None:
        """Close the lines, write what was received and end, within five seconds; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Run until :meth:`stop`, or until no line can be opened any more.

        Raises:
            DataPipelineError: Why no line can be opened, or nothing can be written, any more.
        """
        self._gaps.know(self._stored())
        lines = [threading.Thread(target=self._keep, args=(link,), name="stream line") for link in self.links]
        writer = threading.Thread(target=self._write, name="stream writer", daemon=True)
        for thread in (writer, *lines):
            thread.start()
        self._hold_leases(lines)
        deadline = time.monotonic() + DRAIN_S
        for thread in lines:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._closed.set()
        writer.join(max(0.0, deadline - time.monotonic()))
        if self.writer.waiting:
            log.error("%d records were received and could not be written in time", self.writer.waiting)
        if self._errors:
            raise self._errors[0]

    def _hold_leases(self, lines: Sequence[threading.Thread]) -> None:
        renewed = time.monotonic()
        while not self._stopping.wait(LOOK_S) and any(thread.is_alive() for thread in lines):
            due = time.monotonic() >= renewed + RENEW_S
            renewed = time.monotonic() if due else renewed
            for link in self.links:
                if due:
                    link.lease.renew()
                if (session := link.session) is not None and not link.lease.holds:
                    session.cut()

    def _keep(self, link: Link) -> None:
        try:
            while not self._stopping.is_set():
                link.step()
        except Exception as error:
            link.state = f"stopped: {error}"
            log.error(  # noqa: TRY400 - a fault of our own has its traceback
                "the line of key %s is stopped: %s", link.key.fingerprint, error,
                exc_info=None if isinstance(error, DataPipelineError) else error,
            )  # fmt: skip
            self._desk.learn(link.key.name, 0)
            self._errors.append(error)
        finally:
            link.end("the service stops")
            link.lease.release()

    def _write(self) -> None:
        try:
            self.writer.run(self._closed)
        except Exception as error:  # noqa: BLE001 - told by `run`, whatever it is
            self._errors.append(error)
            self._stopping.set()

    def _stored(self) -> Iterable[Trade]:
        while not self._stopping.is_set():
            try:
                return list(self._sink.last_trades(self._clock().date()))
            except TransientError as error:  # noqa: PERF203 - once in two seconds
                log.warning("no line is opened while the warehouse is away: %s", error)
                self._stopping.wait(LOOK_S)
        return ()

    def _heartbeats(self, lag: float | None, queue: int) -> Iterator[Heartbeat]:
        now, rest = self._clock(), self._desk.rest
        told = (tuple(map(str, rest[:MOST_TOLD])), len(rest))
        for link in self.links:
            session = link.session  # another thread opens and closes it
            placed = tuple(map(str, self._desk.of(link.key.name))) if session is not None else ()
            registered = len(session.registrations.registered) if session is not None else 0
            state = link.state[:200]
            yield Heartbeat(self._host, link.key.fingerprint, now, lag, queue, state, placed, registered, *told)
