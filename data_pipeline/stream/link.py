"""The line of one app key: opened when it may be, listened to, and given up before anybody else may have it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Protocol

from data_pipeline.client.connects import FIRST_S, LASTING_S, Connects
from data_pipeline.client.line import UnreachedError
from data_pipeline.coordination.lease import Lease
from data_pipeline.exceptions import (
    AuthenticationError,
    CoordinationError,
    KeyInUseError,
    TransientError,
)
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.stream_records import Subscription, Trade
from data_pipeline.stream.gaps import ContradictionError, GapWatch
from data_pipeline.stream.subscriptions import Desk
from data_pipeline.stream.writer import Writer

log = logging.getLogger(__name__)

SILENT_S = 30.0
"""Seconds of a session of the market after which a line that brings nothing at all is dead."""
LISTEN_S, LOOK_S, LONGEST_WAIT_S = 0.1, 0.5, 5.0


class LiveSession(Protocol):
    """An open session, as :class:`~data_pipeline.sources.kis.stream.session.Session` is."""

    limit: int
    heard_at: float
    registered: set[Subscription]
    failed: dict[Subscription, str]
    mistrusted: bool

    def want(self, wanted: Sequence[Subscription]) -> None: ...  # noqa: D102

    def listen(self, seconds: float) -> Sequence[object]: ...  # noqa: D102

    def cut(self) -> None: ...  # noqa: D102

    def close(self) -> None: ...  # noqa: D102


class VendorKey(Protocol):
    """An app key, as :class:`~data_pipeline.sources.kis.live.LiveKey` is."""

    name: str
    fingerprint: str
    limit: int

    def approve(self) -> str: ...  # noqa: D102

    def disapprove(self, approval_key: str) -> None: ...  # noqa: D102

    def open(self, approval_key: str, limit: int) -> LiveSession: ...  # noqa: D102


class Link:
    """The line of one app key: when it is opened, listened to and given up. One thread calls :meth:`step`.

    Args:
        key: Opens sessions.
        lease: Who may open one; the keeper of the service renews it.
        connects: When one may be opened.
        desk: What is to be registered.
        gaps: Notices what was missed.
        writer: Takes what comes.
        in_session: Whether the market is open, so that silence means a dead line.
        monotonic: Seconds that never jump.
        wait: Waits that many seconds, or shorter when the service is to stop.
    """

    def __init__(
        self,
        key: VendorKey,
        lease: Lease,
        connects: Connects,
        desk: Desk,
        gaps: GapWatch,
        writer: Writer,
        in_session: Callable[[], bool],
        monotonic: Callable[[], float],
        wait: Callable[[float], object],
    ) -> None:
        self.key, self.lease, self._connects = key, lease, connects
        self._desk, self._gaps, self._writer = desk, gaps, writer
        self._in_session, self._monotonic, self._wait = in_session, monotonic, wait
        self.session: LiveSession | None = None
        self.state = "standby"
        self._limit = key.limit
        self._wanted: tuple[Subscription, ...] = ()
        self._approval = ""
        self._reissued = self._lasted = False
        self._not_before = self._opened = self._quiet_since = 0.0
        self._held: list[object] = []
        """What came while the queue was full."""

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
        log.warning("the line of key %s ends after %.0f s: %s", self.key.fingerprint, self._age, why)
        session.close()
        self._gaps.line_cut((one.venue, one.stock_code) for one in self._wanted)
        self._note(lambda: self._connects.ended(in_use=in_use))

    @property
    def _age(self) -> float:
        return self._monotonic() - self._opened

    def _note(self, tell: Callable[[], None]) -> bool:
        """Return whether the store took it; if not, the attempt counts as a short session, which is the safe side."""
        try:
            tell()
        except CoordinationError as error:
            log.warning("%s", error)
            return False
        return True

    def _open(self) -> None:
        try:
            pause, self.state = self._may_open()
        except CoordinationError as error:
            pause, self.state = LOOK_S, "the shared state is away"
            log.warning("no line is opened: %s", error)
        if pause:
            self._wait(min(pause, LONGEST_WAIT_S))
            return
        try:
            self.session = self.key.open(self._approval, self._limit)
        except TransientError as error:
            reached = not isinstance(error, UnreachedError)
            log.warning("no line for key %s: %s", self.key.fingerprint, error)
            self._note(lambda: self._connects.ended(reached=reached))
            return
        self.state, self._lasted = "up", False
        self._opened = self._quiet_since = self._monotonic()
        self._wanted = ()
        log.info("the line of key %s is open", self.key.fingerprint)

    def _may_open(self) -> tuple[float, str]:
        """Return for how many seconds no line may be opened, and why; 0 when it may, which is noted."""
        if not self.lease.holds and not self.lease.take():
            return LOOK_S, "standby"
        if not self._desk.of(self.key.name):
            return LOOK_S, "nothing to register"
        if not self._writer.is_ready or not self._hand_over():
            return LOOK_S, "the warehouse is away, or the queue is full"
        if (left := self._not_before - self._monotonic()) > 0:
            return left, "waiting"
        try:
            self._approval = self.key.approve()
        except CoordinationError:
            raise
        except TransientError as error:
            log.warning("no approval key: %s", error)
            return error.retry_after or FIRST_S, "waiting for an approval key"
        pause = self._connects.reserve()
        self._not_before = self._monotonic() + pause
        return pause, "waiting" if pause else "connecting"

    def _listen(self, session: LiveSession) -> None:
        if not self._hand_over():
            self._quiet_since = self._monotonic()  # who does not read hears nothing
            return
        self._register(session)
        try:
            came = session.listen(LISTEN_S)
        except KeyInUseError as error:
            self.end(str(error), in_use=True)
        except AuthenticationError as error:
            self.end(str(error))
            if not self._reissue():
                raise
        except TransientError as error:
            self.end(str(error))
            if session.mistrusted:
                self._reissue()
        else:
            self._held = [one for record in came for one in self._judged(record)]
            self._hand_over()
            self._look_after(session, silent=not came)

    def _reissue(self) -> bool:
        """Forget the approval key, once until something is registered again; return whether it was."""
        if self._reissued:
            return False
        self._reissued = True
        self._note(lambda: self.key.disapprove(self._approval))
        return True

    def _register(self, session: LiveSession) -> None:
        if session.limit != self._limit or session.failed:
            self._limit = session.limit
            self._desk.learn(self.key.name, session.limit, session.failed)
        wanted = self._desk.of(self.key.name)
        if wanted is not self._wanted:
            self._gaps.line_cut((one.venue, one.stock_code) for one in set(wanted).difference(self._wanted))
            self._wanted = wanted
            session.want(wanted)

    def _look_after(self, session: LiveSession, *, silent: bool) -> None:
        now = self._monotonic()
        if session.registered:
            self._reissued = False
        if not self._lasted and self._age >= LASTING_S:
            self._lasted = self._note(self._connects.lasted)
        if not silent:
            return  # the calendar is not asked for each of thousands of texts a second
        if not self._in_session():
            self._quiet_since = now
        elif now - max(session.heard_at, self._quiet_since) > SILENT_S:
            self.end(f"it brought nothing, not even a heartbeat, for {SILENT_S:.0f} s of the session")

    def _judged(self, record: object) -> Iterable[object]:
        """Yield what is to be written for a record: a gap before it, and the record, or why it cannot be stored."""
        if not isinstance(record, Trade):
            yield record
            return
        if self._gaps.is_behind(record):
            if not self._gaps.is_repeat(record):
                yield record  # whoever writes it compares it with what is stored
            return
        try:
            gap = self._gaps.see(record)
        except ContradictionError as error:
            payload = {name: str(value) for name, value in asdict(record).items()}
            yield Rejection(payload, str(error), record.stock_code, record.session)
            return
        if gap is not None:
            yield gap
        yield record

    def _hand_over(self) -> bool:
        """Return whether the writer has taken all that came; if not, the line is not read for a moment."""
        if self._held and not self._writer.put(self._held):
            self._wait(LISTEN_S)
            return False
        self._held = []
        return True
