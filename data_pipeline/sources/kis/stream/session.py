"""One live session with KIS: what is registered, in answer to whom, and what the texts of the line mean."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from data_pipeline.exceptions import (
    AuthenticationError,
    ConnectionFailedError,
    KeyInUseError,
    PayloadError,
    UnsupportedDatasetError,
)
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.stream_records import StreamKind, Subscription
from data_pipeline.sources.kis.codes import kis_code, short_code
from data_pipeline.sources.kis.stream.fields import FEEDS, Feed
from data_pipeline.sources.kis.stream.frame import Control, Records, read_frame
from data_pipeline.sources.kis.stream.records import PARSERS, LiveRecord, Parser, record_of

log = logging.getLogger(__name__)

ANSWER_S, TRIES = 10.0, 3
"""Seconds that the answer to a command is waited for, and how often it is given without one."""
AGAIN_S, LONGEST_S = 10.0, 300.0
"""Seconds before a registration that failed in passing is tried again: the first time, and at most."""
PACE_S = {False: 0.05, True: 0.5}
"""Seconds between two commands, by ``virtual``. Source: koreainvestment/open-trading-api, kis_auth.py."""
TELL_S = 60.0
REGISTER, LEAVE = "1", "2"
_REGISTERED, _GONE, _FULL = {"OPSP0000", "OPSP0002"}, {"OPSP0001", "OPSP0003"}, "OPSP0008"
_APPROVAL, _IN_USE = {"OPSP0010", "OPSP0011", "OPSP9994"}, "OPSP8996"
_PASSING = re.compile(r"OPSP(0007|0009|8999|9993|9995)")


class Wire(Protocol):
    """An open line, as :class:`~data_pipeline.client.line.Line` is."""

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


def feed_of(one: Subscription, *, virtual: bool, feeds: Mapping[str, Feed] = FEEDS) -> Feed:
    """Return the feed that a subscription registers.

    Raises:
        UnsupportedDatasetError: The server has no such feed; nothing was sent.
    """
    feed = next(feed for feed in feeds.values() if (feed.kind, feed.venue) == (one.kind, one.venue))
    if virtual and not feed.virtual:
        raise UnsupportedDatasetError(f"KIS's virtual server streams trades and order books of KRX only, not {one}")
    return feed


class _Asked(NamedTuple):
    """A command whose answer is waited for."""

    kind: str
    at: float
    tries: int


@dataclass
class Session:
    """Brings what is registered in line with what is wanted, one command for each pair of feed and code at a time."""

    wire: Wire
    approval_key: str = field(repr=False)
    virtual: bool
    limit: int
    """How many registrations the key takes; lowered to what is registered when the server refuses one more."""
    monotonic: Callable[[], float]
    clock: Callable[[], datetime]
    """The market's clock, for the moment of receipt."""
    registered: set[Subscription] = field(default_factory=set)
    failed: dict[Subscription, str] = field(default_factory=dict)
    """What the server refuses for good, and in which words."""
    mistrusted: bool = False
    """Whether no registration was ever answered, which is all that an expired approval key shows of itself."""
    feeds: Mapping[str, Feed] = field(default_factory=lambda: FEEDS, repr=False)
    parsers: Mapping[StreamKind, Parser] = field(default_factory=lambda: PARSERS, repr=False)
    """What is read, and how; a further kind is handed in here or stands in the tables."""

    def __post_init__(self) -> None:
        self._wanted: dict[Subscription, None] = {}
        self._asked: dict[Subscription, _Asked] = {}
        self._later: dict[Subscription, float] = {}
        self._failures: Counter[Subscription] = Counter()
        self._by_pair: dict[tuple[str, str], Subscription] = {}
        self._widths: set[tuple[str, int]] = set()
        self._told: dict[str, float] = {}
        self._answered = False
        self.heard_at = self._next_at = self.monotonic()

    def want(self, wanted: Sequence[Subscription]) -> None:
        """Say what is to be registered from now on, most important first; commands follow with :meth:`listen`."""
        self._wanted = dict.fromkeys(wanted)
        for one in wanted:
            self._by_pair[self._tr_id(one), one.stock_code] = one

    def listen(self, seconds: float) -> list[LiveRecord | Rejection]:
        """Send the command that is due, wait so long for texts, and return the records of those that came.

        What cannot be a record is returned as a :class:`~data_pipeline.market.rejections.Rejection`, with its row.

        Raises:
            ConnectionFailedError: The line is down, or nobody answers any command; another session can help.
            AuthenticationError: The approval key is refused; a new one may help.
            KeyInUseError: Another session holds the app key; no new key helps.
        """
        now = self.monotonic()
        if now >= self._next_at:
            self._next_at = now + PACE_S[self.virtual]
            if due := self._due(now):
                self._command(*due, now)
        found: list[LiveRecord | Rejection] = []
        for text in self.wire.receive(seconds):
            self.heard_at = self.monotonic()
            try:
                frame = read_frame(text, self.feeds)
            except PayloadError as error:
                self._tell(error)
                found.append(Rejection({"text": text[:2000]}, str(error), origin="KIS stream"))
                continue
            if isinstance(frame, Records):
                found += self._records(frame)
            elif frame.is_heartbeat:
                self.wire.pong(text)
            else:
                self._answer(frame)
        return found

    def _tell(self, error: PayloadError) -> None:
        """Log an error, and of those that begin like it one a minute."""
        kind, now = str(error)[:30], self.monotonic()
        if now >= self._told.get(kind, now):
            self._told[kind] = now + TELL_S
            log.error("%s; nothing of it is stored, and the line stays open", error)

    def cut(self) -> None:
        """End the line at once, from whichever thread."""
        self.wire.cut()

    def close(self) -> None:
        """End the line; nothing is unregistered, for the server forgets all of it with the session."""
        self.wire.close()

    def _records(self, frame: Records) -> list[LiveRecord | Rejection]:
        feed, at, self._answered = frame.feed, self.clock(), True
        if frame.width != feed.width and (feed.tr_id, frame.width) not in self._widths:
            self._widths.add((feed.tr_id, frame.width))
            log.error(
                "KIS %s: a record has %d fields, and %d are known; it is read by place, and here it is whole: %s",
                feed.tr_id, frame.width, feed.width, "^".join(frame.rows[0]),
            )  # fmt: skip
        found: list[LiveRecord | Rejection] = []
        for number, row in enumerate(frame.rows):
            code = short_code(row[0])
            if self._asked and (one := self._by_pair.get((feed.tr_id, code))) in self._asked and one is not None:
                self._settle(one, registered=True)  # the answer was lost, and the data says the same
            try:
                # What is told apart by the moment of receipt gets a microsecond for each record of a frame.
                found.append(record_of(feed, row, at + timedelta(microseconds=number), self.parsers))
            except PayloadError as error:
                found.append(Rejection(error.payload or {}, str(error), code, at.date(), error.origin))
        return found

    def _due(self, now: float) -> tuple[Subscription, str, int] | None:
        """Return the next command and which try it is; what goes makes room first."""
        for one, asked in list(self._asked.items()):
            if now >= asked.at + ANSWER_S:
                if asked.tries < TRIES:
                    return one, asked.kind, asked.tries + 1
                self._unanswered(one, asked, now)
        for one in self.registered:
            if one not in self._wanted and one not in self._asked:
                return one, LEAVE, 1
        if len(self.registered) + sum(asked.kind == REGISTER for asked in self._asked.values()) >= self.limit:
            return None
        free = (one for one in self._wanted if not (one in self.registered or one in self._asked or one in self.failed))
        return next(((one, REGISTER, 1) for one in free if now >= self._later.get(one, now)), None)

    def _command(self, one: Subscription, kind: str, tries: int, now: float) -> None:
        header = {"approval_key": self.approval_key, "custtype": "P", "tr_type": kind, "content-type": "utf-8"}
        body = {"input": {"tr_id": self._tr_id(one), "tr_key": kis_code(one.stock_code)}}
        self._asked[one] = _Asked(kind, now, tries)
        self.wire.send(json.dumps({"header": header, "body": body}))

    def _tr_id(self, one: Subscription) -> str:
        return feed_of(one, virtual=self.virtual, feeds=self.feeds).tr_id

    def _unanswered(self, one: Subscription, asked: _Asked, now: float) -> None:
        if not self._answered:
            self.mistrusted = True
            raise ConnectionFailedError("KIS stream: no registration was answered, as when an approval key has expired")
        log.warning("KIS stream: %d commands for the %s were not answered", asked.tries, one)
        self._settle(one, registered=False)
        self._later[one] = now + LONGEST_S

    def _answer(self, answer: Control) -> None:
        said = f"{answer.code} {answer.message}".strip()
        if answer.code in _APPROVAL:
            raise AuthenticationError(f"KIS stream: the approval key is refused: {said}")
        if answer.code == _IN_USE:
            raise KeyInUseError(f"KIS stream: another session holds this app key: {said}")
        self._answered = True
        one = self._by_pair.get((answer.tr_id, short_code(answer.tr_key)))
        if one is None:
            log.error("KIS stream: an answer to no command: %s %s %s", answer.tr_id, answer.tr_key, said)
        else:
            unasked = one not in self._asked
            self._settle(one, registered=answer.code in _REGISTERED)
            self._take_refusal(one, answer.code, said, unasked=unasked)

    def _take_refusal(self, one: Subscription, code: str, said: str, *, unasked: bool) -> None:
        if code in _REGISTERED or (code in _GONE and not unasked):
            return
        if code == _FULL:
            self.limit = min(self.limit, len(self.registered))
            log.warning("KIS stream: the key takes %d registrations: %s", self.limit, said)
        elif code in _GONE or _PASSING.fullmatch(code):
            self._try_later(one, said)
        else:
            self.failed[one] = said
            log.error("KIS stream: the %s is refused for good: %s", one, said)

    def _settle(self, one: Subscription, *, registered: bool) -> None:
        self._asked.pop(one, None)
        (self.registered.add if registered else self.registered.discard)(one)

    def _try_later(self, one: Subscription, said: str) -> None:
        wait = min(LONGEST_S, AGAIN_S * 2.0 ** self._failures[one])
        self._failures[one] += 1
        self._later[one] = self.monotonic() + wait
        log.warning("KIS stream: the %s is tried again in %.0f s: %s", one, wait, said)
