"""One live session with KIS: the commands that it gives, in answer to whom, and what the texts of the line mean."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from data_pipeline.client.line import Wire
from data_pipeline.exceptions import ConnectionFailedError, PayloadError
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.stream_records import Subscription
from data_pipeline.sources.kis.codes import kis_code, short_code
from data_pipeline.sources.kis.stream.fields import FEEDS, Feed, feed_of
from data_pipeline.sources.kis.stream.frame import Control, Records, read_frame
from data_pipeline.sources.registrations import Command, Registrations

log = logging.getLogger(__name__)
TELL_S = 60.0


@dataclass
class Session:
    """Registers over a line what is wanted, one command for each pair of feed and code at a time, and reads it."""

    wire: Wire
    approval_key: str = field(repr=False)
    registrations: Registrations
    """What is registered, and how much can be."""
    read: Callable[[Records, datetime], Sequence[object]]
    """Makes the records of a frame, and a rejection of what cannot be one, at a moment of receipt."""
    monotonic: Callable[[], float]
    clock: Callable[[], datetime]
    """The market's clock, for the moment of receipt."""
    virtual: bool = False
    feeds: Mapping[str, Feed] = field(default_factory=lambda: FEEDS, repr=False)
    """What is read; a further kind is handed in here, and to ``read``, or stands in the tables."""
    mistrusted: bool = field(default=False, init=False)
    """Whether no registration was ever answered, which is all that an expired approval key shows of itself."""

    def __post_init__(self) -> None:
        self._told: dict[str, float] = {}
        self._answered = False
        self.heard_at = self.monotonic()

    def want(self, wanted: Sequence[Subscription]) -> None:
        """Say what is to be registered from now on, most important first; commands follow with :meth:`listen`.

        Raises:
            UnsupportedDatasetError: The server has no such feed; nothing was sent.
        """
        for one in wanted:
            self._feed_of(one)
        self.registrations.want(wanted)

    def listen(self, seconds: float) -> list[object]:
        """Send the command that is due, wait so long for texts, and return the records of those that came.

        What cannot be a record is returned as a :class:`~data_pipeline.market.rejections.Rejection`, with its row.

        Raises:
            ConnectionFailedError: The line is down, or nobody answers any command; another session can help.
            AuthenticationError: The approval key is refused; a new one may help.
            KeyInUseError: Another session holds the app key; no new key helps.
        """
        now = self.monotonic()
        self._require_answers(now)
        if command := self.registrations.due(now):
            self._give(command)
        found: list[object] = []
        for text in self.wire.receive(seconds):
            self.heard_at = self.monotonic()
            try:
                frame = read_frame(text, self.feeds)
            except PayloadError as error:
                self._tell(str(error)[:30], TELL_S, "%s; nothing of it is stored, and the line stays open", error)
                found.append(Rejection({"text": text[:2000]}, str(error), origin="KIS stream"))
                continue
            if isinstance(frame, Records):
                self._hear(frame)
                found += self.read(frame, self.clock())
            elif frame.is_heartbeat:
                self.wire.pong(text)
            else:
                self._answer(frame)
        return found

    def cut(self) -> None:
        """End the line at once, from whichever thread."""
        self.wire.cut()

    def close(self) -> None:
        """End the line; nothing is unregistered, for the server forgets all of it with the session."""
        self.wire.close()

    def _feed_of(self, one: Subscription) -> Feed:
        return feed_of(one, virtual=self.virtual, feeds=self.feeds)

    def _give(self, command: Command) -> None:
        kind, one = "1" if command.registers else "2", command.one
        header = {"approval_key": self.approval_key, "custtype": "P", "tr_type": kind, "content-type": "utf-8"}
        body = {"input": {"tr_id": self._feed_of(one).tr_id, "tr_key": kis_code(one.stock_code)}}
        self.wire.send(json.dumps({"header": header, "body": body}))

    def _require_answers(self, now: float) -> None:
        silent = self.registrations.unanswered(now)
        self.mistrusted = bool(silent) and not self._answered
        if self.mistrusted:
            raise ConnectionFailedError("KIS stream: no registration was answered, as when an approval key has expired")
        for one in silent:
            log.warning("KIS stream: no command for the %s was answered", one)

    def _tell(self, kind: str, seconds: float, message: str, *words: object) -> None:
        """Log an error, and no other of its kind for so many seconds."""
        now = self.monotonic()
        if now >= self._told.get(kind, now):
            self._told[kind] = now + seconds
            log.error(message, *words)

    def _hear(self, frame: Records) -> None:
        """Take data for the answer to a registration, if it was lost, and tell once of a width that is new."""
        feed, self._answered = frame.feed, True
        if frame.width != feed.width:
            known = f"KIS {feed.tr_id}: a record has {frame.width} fields, and {feed.width} are known"
            whole = "^".join(frame.rows[0])
            self._tell(known, math.inf, "%s; it is read by place, and here it is whole: %s", known, whole)
        for row in frame.rows if self.registrations.waits else ():
            self.registrations.confirm(Subscription(feed.kind, feed.venue, short_code(row[0])))

    def _answer(self, answer: Control) -> None:
        answer.require_session()
        self._answered = True
        feed = self.feeds.get(answer.tr_id)
        one = None if feed is None else Subscription(feed.kind, feed.venue, short_code(answer.tr_key))
        if one is None or not self.registrations.knows(one):
            log.error("KIS stream: an answer to no command: %s %s %s", answer.tr_id, answer.tr_key, answer.said)
            return
        asked = self.registrations.settle(one, registered=answer.is_registered)
        if answer.is_full:
            self.registrations.full()
            log.warning("KIS stream: the key takes %d registrations: %s", self.registrations.limit, answer.said)
        elif answer.may_pass or (answer.is_gone and not asked):
            wait = self.registrations.try_later(one, self.monotonic())
            log.warning("KIS stream: the %s is tried again in %.0f s: %s", one, wait, answer.said)
        elif not (answer.is_registered or answer.is_gone):
            self.registrations.failed[one] = answer.said
            log.error("KIS stream: the %s is refused for good: %s", one, answer.said)
