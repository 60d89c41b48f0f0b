"""A vendor of live sessions on a simulated clock, which bans as KIS says it does, and processes that use it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from data_pipeline.client.connects import Connects
from data_pipeline.client.line import UnreachedError
from data_pipeline.coordination.lease import RENEW_S, Lease
from data_pipeline.exceptions import ConnectionFailedError, KeyInUseError
from data_pipeline.market.stream_records import StreamKind, Subscription
from data_pipeline.market.stream_wishes import wishes
from data_pipeline.market.venue import Venue
from data_pipeline.sources.registrations import Registrations
from data_pipeline.stream.gaps import GapWatch
from data_pipeline.stream.link import Link
from data_pipeline.stream.subscriptions import Desk
from data_pipeline.stream.writer import Writer
from tests.support.live import Clock, MemorySink, MemoryStore

SHORT_S, SPACE_S, MOST_SHORT = 60.0, 10.0, 10


@dataclass
class Server:
    """Takes one session a key, and bans: a connect within ten seconds of a short session, and the eleventh short one.

    ``weather`` says of each attempt how long its session will last; ``None`` that nobody is reached, 0 that it is
    refused.
    """

    clock: Clock
    weather: Callable[[float], float | None]
    lingers: float = 0.0
    """Seconds for which a session that was not closed properly keeps the key."""
    busy_until: float = 0.0
    open: Session | None = None
    banned: list[str] = field(default_factory=list)
    refused_in_use: int = 0
    attempts: list[float] = field(default_factory=list)
    sessions: list[tuple[float, float]] = field(default_factory=list)
    short_in_a_row: int = 0
    last_short_end: float = -1e9

    def connect(self) -> Session:
        now = self.clock.seconds
        self.attempts.append(now)
        life = self.weather(now)
        if life is None:
            raise UnreachedError("nobody is there")
        if now < self.last_short_end + SPACE_S:
            self.banned.append(f"{now:.1f}: {now - self.last_short_end:.1f} s after a short session")
        if self.short_in_a_row >= MOST_SHORT:
            self.banned.append(f"{now:.1f}: after {self.short_in_a_row} short sessions")
        in_use = self.open is not None or now < self.busy_until
        session = Session(self, now, now + life, in_use=in_use)
        if life == 0:
            self.ended(session)
            raise ConnectionFailedError("refused")
        if not in_use:
            self.open = session
        return session

    def ended(self, session: Session) -> None:
        now = self.clock.seconds
        if self.open is session:
            self.open = None
        if session.over:
            return
        session.over = True
        self.sessions.append((session.began, now))
        short = now - session.began < SHORT_S
        self.short_in_a_row = self.short_in_a_row + 1 if short else 0
        self.last_short_end = now if short else self.last_short_end


@dataclass
class Session:
    """One session; listening takes a second of the simulated clock."""

    server: Server
    began: float
    dies: float
    in_use: bool
    over: bool = False
    mistrusted: bool = False

    def __post_init__(self) -> None:
        self.heard_at = self.began
        self.registrations = Registrations(41, pace=0.0)

    def want(self, wanted: Sequence[Subscription]) -> None:
        self.registrations.registered = set(wanted)

    def listen(self, seconds: float) -> list[object]:
        clock = self.server.clock
        if self.in_use:
            self.server.refused_in_use += 1
            self.server.ended(self)
            raise KeyInUseError("ALREADY IN USE appkey")
        clock.wait(max(min(1.0, self.dies - clock.seconds), 0.0))
        if clock.seconds >= self.dies:
            self.server.ended(self)
            raise ConnectionFailedError("it broke")
        self.heard_at = clock.seconds
        return []

    def cut(self) -> None:
        self.dies = self.server.clock.seconds

    def close(self) -> None:
        self.server.ended(self)


@dataclass
class Key:
    """The app key of a process."""

    server: Server
    name: str = "key"
    fingerprint: str = "0123abcd"
    limit: int = 41

    def prepare(self) -> None:
        pass

    def renew(self) -> bool:
        return True

    def trust(self) -> None:
        pass

    def open(self, limit: int) -> Session:
        return self.server.connect()


class Process:
    """One running service of one key, whose keeper renews the lease every five seconds."""

    def __init__(self, server: Server, store: MemoryStore, clock: Clock, seed: int = 0) -> None:
        self.clock, self.store = clock, store
        self.sink = MemorySink()
        self.writer = Writer(self.sink, monotonic=clock.monotonic)
        key = Key(server)
        draw = random.Random(seed).random
        desk = Desk(wishes(["005930"], [StreamKind.TRADE], [Venue.KRX]), {key.name: 41})
        self.link = Link(
            key, Lease(store, key.name, clock.monotonic), Connects(store, key.name, draw), desk, GapWatch(),
            self.writer, lambda: False, clock.wait, clock.monotonic,
        )  # fmt: skip
        self._renewed = clock.seconds

    def step(self) -> None:
        """Do what the line's thread and the keeper do next."""
        if self.clock.seconds >= self._renewed + RENEW_S:
            self.link.lease.renew()
            self._renewed = self.clock.seconds
        self.link.step()

    def run(self, until: float) -> None:
        while self.clock.seconds < until:
            self.step()

    def stop(self) -> None:
        self.link.end("the service stops")
        self.link.lease.release()
