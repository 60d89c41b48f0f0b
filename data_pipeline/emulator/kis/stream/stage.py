"""What a stage is: whatever has tapes of trades and can be played on the stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from data_pipeline.market.clock import SEOUL

if TYPE_CHECKING:
    from data_pipeline.emulator.kis.stream.rules import StreamRules
    from data_pipeline.market.records import OrderBook
    from data_pipeline.market.venue import Venue
    from data_pipeline.sources.mock.tape import Tick


@dataclass(frozen=True, slots=True)
class Frame:
    """One text of data."""

    at: int
    """Its moment, milliseconds since midnight in Seoul."""
    tr_id: str
    code: str
    text: str
    records: int


class Tape(Protocol):
    """The trades of one instrument at one venue in one session."""

    def between(self, since: int, until: int) -> Sequence[Tick]:
        """Return the trades from ``since`` up to ``until``, not included, oldest first; milliseconds since midnight."""
        ...

    def before(self, until: int, most: int) -> Sequence[Tick]:
        """Return at most so many of the newest trades before ``until``, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """A state of the market, or of one instrument in it."""

    at: int
    phase: str
    expected: str
    vi: bool = False


class Registered(Protocol):
    """One feed of one instrument, as long as it is registered."""

    @property
    def session(self) -> date:
        """The session that is played."""
        ...

    @property
    def feed(self) -> Any:
        """Which feed it is, of the one table."""
        ...

    @property
    def code(self) -> str:
        """The stock code, without the Q of an ETN."""
        ...

    @property
    def since(self) -> int:
        """Up to when it was played."""
        ...

    def play(self, until: int, rules: StreamRules) -> list[Frame]:
        """Return the frames up to ``until``, not included, by time, and go on from there."""
        ...

    def tape(self) -> Tape:
        """Return the trades that its frames are made of."""
        ...

    def record(self, one: Tick) -> str:
        """Return the record of a trade."""
        ...


class Stage(Protocol):
    """Everything that the stream tells of. Moments are milliseconds since midnight in Seoul."""

    def session(self, now: datetime) -> date:
        """Return the session that is played at a moment."""
        ...

    def register(self, tr_id: str, key: str, session: date, since: int) -> Registered | None:
        """Return a new registration that plays from ``since`` on; None for a code that nobody knows."""
        ...

    def tape(self, code: str, session: date, venue: Venue) -> Tape:
        """Return its trades."""
        ...

    def book(self, code: str, session: date, one: Tick) -> OrderBook | None:
        """Return the book beside a trade; None where nobody knows it."""
        ...

    def books(
        self, code: str, session: date, venue: Venue, since: int, until: int
    ) -> Sequence[tuple[int, OrderBook]] | None:
        """Return the books that were kept, each with its moment; None where they are made beside trades."""
        ...

    def phase(self, session: date, at: int) -> tuple[str, str, str]:
        """Return the phase of a trade: NEW_MKOP_CLS_CODE, HOUR_CLS_CODE and MARKET_CLS_CODE."""
        ...

    def auctions(self, session: date) -> list[tuple[int, int]]:
        """Return from when to when orders are collected."""
        ...

    def notices(self, code: str, session: date) -> list[Notice]:
        """Return what is told of an instrument, by time."""
        ...


def milliseconds(at: datetime) -> int:
    """Return the milliseconds since midnight of a moment in Seoul."""
    here = at.astimezone(SEOUL)
    return 1000 * (here.hour * 3600 + here.minute * 60 + here.second) + here.microsecond // 1000
