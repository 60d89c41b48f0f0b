"""The line of one app key: opened when it may be, listened to, and given up before anybody else may have it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from data_pipeline.client.connects import FIRST_S, Connects
from data_pipeline.client.line import UnreachedError
from data_pipeline.coordination.lease import Lease
from data_pipeline.exceptions import AuthenticationError, CoordinationError, KeyInUseError, TransientError
from data_pipeline.market.stream_records import Subscription
from data_pipeline.sources.live import LiveSession, VendorKey
from data_pipeline.stream.gaps import GapWatch
from data_pipeline.stream.subscriptions import Desk
from data_pipeline.stream.writer import Writer

log = logging.getLogger(__name__)

SILENT_S = 30.0
"""Seconds of a session of the market after which a line that brings nothing at all is dead."""
LISTEN_S, LOOK_S, LONGEST_WAIT_S = 0.1, 0.5, 5.0


@dataclass
class Link:
    """The line of one app key: when it is opened, listened to and given up. One thread calls :meth:`step`."""

    key: VendorKey
    lease: Lease
    """Who may open a line; the keeper of the service renews it."""
    connects: Connects
    """When one may be opened."""
    desk: Desk
    """What is to be registered."""
    gaps: GapWatch
    writer: Writer
    in_session: Callable[[], bool]
    """Whether the market is open, so that silence means a dead line."""
    wait: Callable[[float], object]
    """Waits that many seconds, or shorter when the service is to stop."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds that never jump."""
    session: LiveSession | None = field(default=None, init=False)
    state: str = field(default="standby", init=False)

    def __post_init__(self) -> None:
        self._wanted: tuple[Subscription, ...] = ()
        self._opened = self._quiet_since = 0.0

    def step(self) -> None:
        """Do the next thing, which takes half a second at most, but for opening and closing a line.

        Raises:
            PermanentError: The line can never be opened again without somebody's help; it is closed.
        """
        if self.session is None:
            self._open()
        elif not self.lease.holds:
            self.end("the lease is no longer held")
        else:
            self._listen(self.session)

    def end(self, why: str, *, in_use: bool = False) -> None:
        """Close the line if it is open, so that the server frees the key, and say what came of it."""
        session, self.session = self.session, None
        if session is None:
            return
        age = self.monotonic() - self._opened
        log.warning("the line of key %s ends after %.0f s: %s", self.key.fingerprint, age, why)
        session.close()
        self.gaps.line_cut((one.venue, one.stock_code) for one in self._wanted)
        self.connects.ended(in_use=in_use)

    def _open(self) -> None:
        try:
            pause, self.state = self._may_open()
        except CoordinationError as error:
            pause, self.state = LOOK_S, "the shared state is away"
            log.warning("no line is opened: %s", error)
        except TransientError as error:
            pause, self.state = error.retry_after or FIRST_S, "waiting for an approval key"
            log.warning("no approval key: %s", error)
        if pause:
            self.wait(min(pause, LONGEST_WAIT_S))
            return
        try:
            self.session = self.key.open(self.desk.limit(self.key.name))
        except TransientError as error:
            log.warning("no line for key %s: %s", self.key.fingerprint, error)
            self.connects.ended(reached=not isinstance(error, UnreachedError))
            return
        self._opened = self._quiet_since = self.monotonic()
        self.state, self._wanted = "up", ()
        log.info("the line of key %s is open", self.key.fingerprint)

    def _may_open(self) -> tuple[float, str]:
        """Return for how many seconds no line may be opened, and why; 0 when it may, which is noted."""
        if not self.lease.holds and not self.lease.take():
            return LOOK_S, "standby"
        if not self.desk.of(self.key.name):
            return LOOK_S, "nothing to register"
        if not self.writer.is_ready:
            return LOOK_S, "the warehouse is away, or the queue is full"
        self.key.prepare()
        pause = self.connects.reserve()
        return pause, "waiting" if pause else "connecting"

    def _listen(self, session: LiveSession) -> None:
        if not self.writer.has_room:
            self.wait(LISTEN_S)
            self._quiet_since = self.monotonic()  # who does not read hears nothing
            return
        self._register(session)
        try:
            came = session.listen(LISTEN_S)
        except KeyInUseError as error:
            self.end(str(error), in_use=True)
        except AuthenticationError as error:
            self.end(str(error))
            if not self.key.renew():
                raise
        except TransientError as error:
            self.end(str(error))
            if session.mistrusted:
                self.key.renew()
        else:
            self.writer.put([one for record in came for one in self.gaps.judged(record)])
            self._look_after(session, silent=not came)

    def _register(self, session: LiveSession) -> None:
        found = session.registrations
        wanted = self.desk.learn(self.key.name, found.limit, found.failed)
        if wanted is not self._wanted:
            self.gaps.line_cut((one.venue, one.stock_code) for one in set(wanted).difference(self._wanted))
            self._wanted = wanted
            session.want(wanted)

    def _look_after(self, session: LiveSession, *, silent: bool) -> None:
        """Say what is going well, and end a line that is dead; the calendar is asked only while nothing comes."""
        now = self.monotonic()
        if session.registrations.registered:
            self.key.trust()
        self.connects.lasted(now - self._opened)
        if silent and not self.in_session():
            self._quiet_since = now
        elif silent and now - max(session.heard_at, self._quiet_since) > SILENT_S:
            self.end(f"it brought nothing, not even a heartbeat, for {SILENT_S:.0f} s of the session")
