"""One session of the stream, without its socket: what the client said, and what is to be sent when."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.kis.stream.codes import (
    Command,
    CommandError,
    answer,
    heartbeat,
    read_command,
    same_heartbeat,
)
from data_pipeline.emulator.kis.stream.desk import StreamDesk
from data_pipeline.emulator.kis.stream.faults import (
    OF_ANSWERS,
    OF_FRAMES,
    OF_LINES,
    Doom,
    StreamFault,
    StreamFaults,
    spoilt,
)
from data_pipeline.emulator.kis.stream.load import Load
from data_pipeline.emulator.kis.stream.stage import Frame, Registered, Stage, milliseconds

NO_CLOSE_FRAME = 1006


@dataclass(frozen=True, slots=True)
class End:
    """The server ends the line; 1006 without a close frame."""

    code: int


class Talk:
    """One session. ``hear`` and ``pong`` only note what came, from whichever thread; ``due`` answers it.

    Args:
        desk: What all sessions share.
        stage: What is played.
        clock: The market's clock.
        faults: What goes wrong.
        feeds: The TR ids that the server has.
    """

    def __init__(
        self, desk: StreamDesk, stage: Stage, clock: MarketClock, faults: StreamFaults, feeds: frozenset[str]
    ) -> None:
        self._desk, self._stage, self._clock, self._faults = desk, stage, clock, faults
        self._feeds = feeds
        self._inbox: deque[str | bytes] = deque()
        self._registered: dict[tuple[str, str], Registered] = {}
        self._later: list[tuple[float, tuple[str, str]]] = []
        self._session: date | None = None
        self._load = Load(clock.now)
        self.began = self._played_at = self._sent_at = self._now = desk.monotonic()
        self._asked: tuple[float, str] | None = None
        self._draws = Random(desk.counts.connects)  # noqa: S311 - heartbeats, not a secret
        self._wait = self._draws.uniform(*desk.rules.heartbeat)
        hostile = next((one for one in faults.rules if one.kind == "hostile"), None)
        self._doom = Doom(hostile, desk.counts.connects) if hostile else None
        self._held: tuple[float, list[str]] | None = None
        self._silent = False

    @property
    def registered(self) -> list[tuple[str, str]]:
        """What is registered: feed and key of each."""
        return list(self._registered)

    def hear(self, text: str) -> None:
        """Note a text of the client."""
        self._inbox.append(text)

    def pong(self, payload: bytes) -> None:
        """Note a Pong of the client."""
        self._inbox.append(payload)

    def due(self) -> list[str | End]:
        """Return what goes out now, in order; an end is the last of it."""
        self._now = self._desk.monotonic()
        said: list[str | End] = []
        while self._inbox:
            heard = self._inbox.popleft()
            if isinstance(heard, bytes):
                if end := self._take_pong(heard.decode("utf-8", "replace")):
                    return [*said, end]
            else:
                said += self._take_text(heard)
        said += self._postponed()
        said += self._data()
        if end := self._end():
            return [*said, end]
        if self._silent:
            return []
        if said:
            self._sent_at = self._now
        elif self._now - self._sent_at >= self._wait and self._asked is None:
            said = [self._heartbeat()]
        return said

    @property
    def age(self) -> float:
        """Seconds since the session began."""
        return self._now - self.began

    def _heartbeat(self) -> str:
        text = heartbeat(self._clock.now())
        self._asked, self._sent_at = (self._now, text), self._now
        self._wait = self._draws.uniform(*self._desk.rules.heartbeat)
        return text

    def _take_pong(self, text: str) -> End | None:
        """A Pong carries the heartbeat that it answers; an empty or unsolicited one cuts the line."""
        if self._asked is not None and same_heartbeat(text, self._asked[1]):
            self._asked = None
            return None
        self._desk.counts.dropped += 1
        return End(NO_CLOSE_FRAME)

    def _take_text(self, text: str) -> list[str]:
        if self._asked is not None and same_heartbeat(text, self._asked[1]):  # some clients answer with a text
            self._asked = None
            return []
        try:
            return self._command(read_command(text, self._feeds))
        except CommandError as error:
            return self._answered(error.code, error.tr_id, error.tr_key)

    def _command(self, asked: Command) -> list[str]:
        key, over = self._desk.key_of(asked.approval_key)
        if over and self._desk.rules.expired == "silence" and key:
            return []
        if not key or over:
            raise CommandError("OPSP0011", asked.tr_id, asked.tr_key)
        if not self._desk.takes(self, key):
            raise CommandError("OPSP8996")
        if not self._desk.changed(key):
            raise CommandError("OPSP9994", asked.tr_id, asked.tr_key)
        fault = self._fault_of_answer(asked)
        if fault is not None and fault.kind == "refused":
            return self._answered(fault.value or "OPSP0007", asked.tr_id, asked.tr_key)
        if fault is not None and fault.kind == "mute":
            return []
        code = self._leave(asked) if asked.ends else self._register(asked)
        if fault is not None and fault.kind == "taken_back" and code == "OPSP0000":
            after = 1.0 if fault.seconds is None else fault.seconds
            self._later.append((self._now + after, (asked.tr_id, asked.tr_key)))
        said = self._answered(code, asked.tr_id, asked.tr_key)
        return [] if fault is not None and fault.kind == "lost_answer" else said

    def _fault_of_answer(self, asked: Command) -> StreamFault | None:
        told = self._faults.next(OF_ANSWERS, asked.tr_id, asked.tr_key, self.age)
        return told or (self._doom.of_answer() if self._doom and not asked.ends else None)

    def _register(self, asked: Command) -> str:
        pair = asked.tr_id, asked.tr_key
        if pair in self._registered:
            return "OPSP0002"
        if len(self._registered) >= self._desk.rules.limit:
            return "OPSP0008"
        now = self._clock.now()
        made = self._stage.register(*pair, self._stage.session(now), milliseconds(now))
        if made is None:
            return "OPSP8993"
        self._registered[pair] = made
        self._desk.counts.registered += 1
        return "OPSP0000"

    def _leave(self, asked: Command) -> str:
        gone = self._registered.pop((asked.tr_id, asked.tr_key), None)
        return "OPSP0003" if gone is None else "OPSP0001"

    def _answered(self, code: str, tr_id: str, tr_key: str) -> list[str]:
        codes = self._desk.counts.codes
        codes[code] = codes.get(code, 0) + 1
        return [answer(code, tr_id, tr_key)]

    def _postponed(self) -> Iterator[str]:
        due = [one for one in self._later if one[0] <= self._now]
        self._later = [one for one in self._later if one[0] > self._now]
        for _, pair in due:
            if self._registered.pop(pair, None) is not None:
                yield from self._answered("OPSP0001", *pair)
        if self._held and self._held[0] <= self._now:
            _, texts = self._held
            self._held = None
            yield from texts

    def _data(self) -> list[str]:
        found: list[str] = []
        for frame in self._frames():
            self._desk.counts.frames += 1
            self._desk.counts.records += frame.records
            fault = self._faults.next(OF_FRAMES, frame.tr_id, frame.code, self.age)
            fault = fault or (self._doom.of_frame() if self._doom else None)
            if fault is not None and fault.kind == "held" and self._held is None:
                self._held = (self._now + (3.0 if fault.seconds is None else fault.seconds), [])
            texts = [frame.text] if fault is None else spoilt(fault, frame.text)
            if self._held is not None:
                self._held[1].extend(texts)
            else:
                found += texts
        return found

    def _frames(self) -> list[Frame]:
        rules, passed = self._desk.rules, self._now - self._played_at
        self._played_at = self._now
        registered = list(self._registered.values())
        if rules.rate:
            return self._load.frames(registered, passed, rules)
        now = self._clock.now()
        session, until = self._stage.session(now), milliseconds(now)
        if session != self._session:  # another day: everything begins anew with what is still to come
            self._session = session
            for pair, one in list(self._registered.items()):
                if one.session != session and (new := self._stage.register(*pair, session, until)):
                    self._registered[pair] = new
            registered = list(self._registered.values())
        if now.date() != session:
            return []
        return sorted((frame for one in registered for frame in one.play(until, rules)), key=lambda one: one.at)

    def _end(self) -> End | None:
        """Return the end of the line, when it has come."""
        if self._asked is not None and self._now - self._asked[0] >= self._desk.rules.unanswered:
            self._desk.counts.dropped += 1
            return End(NO_CLOSE_FRAME)
        fault = self._faults.next({one: "" for one in OF_LINES if one != "hostile"}, "", "", self.age)
        end = fault.kind if fault else ""
        value = fault.value if fault else ""
        if not fault and self._doom and self.age >= self._doom.ends_at:
            end, value = ("silent", "") if self._doom.end == "silent" else ("close", self._doom.end)
        if end == "silent":
            self._silent = True
        return End(int(float(value or 1000))) if end == "close" else None
