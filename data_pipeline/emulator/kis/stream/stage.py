"""What is played: the synthetic market, or whatever else has tapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zlib import crc32

from data_pipeline.emulator.exchange import WireError
from data_pipeline.emulator.kept import Kept
from data_pipeline.emulator.kis.stream.records import Instrument
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import plain_code
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.records import OrderBook
from data_pipeline.market.venue import Venue
from data_pipeline.sources.mock.tape import Tick

MINUTE = 60_000
_AUCTION = (30 * MINUTE, 10 * MINUTE)
"""How long before the open, and before the close, orders are collected."""
_VI = 120_000


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


class Stage(Protocol):
    """Everything that the stream tells of. Moments are milliseconds since midnight in Seoul."""

    def session(self, now: datetime) -> date:
        """Return the session that is played at a moment."""
        ...

    def instrument(self, key: str, session: date) -> Instrument | None:
        """Return an instrument as it was registered; None when nobody knows it."""
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


class SyntheticStage:
    """The synthetic market on the stream.

    Args:
        view: The market.
    """

    def __init__(self, view: MarketView) -> None:
        self._view, self._market = view, view.market
        self._tapes, self._books, self._instruments = Kept(128), Kept(2_000), Kept(512)

    def session(self, now: datetime) -> date:
        """Return the quoted session."""
        return self._view.calendar.quoted_session(now)

    def instrument(self, key: str, session: date) -> Instrument | None:
        """Return an instrument as it was registered, with or without the Q of an ETN; None for one not listed."""
        return self._instruments.get((key, session), lambda: self._instrument(key, session))

    def tape(self, code: str, session: date, venue: Venue) -> Tape:
        """Return the trades of a session at a venue; one tape for all who ask."""
        return self._tapes.get((code, session, venue), lambda: self._market.tape(code, session, venue))

    def book(self, code: str, session: date, one: Tick) -> OrderBook | None:
        """Return the ten levels beside a trade; its best quotes are those of the trade's record."""
        at = datetime.combine(session, datetime.min.time(), SEOUL)
        key = (code, session, one.price, one.cumulative_volume)
        return self._books.get(
            key, lambda: self._market.book_beside(code, session, at, one.price, one.cumulative_volume)
        )

    def books(self, *_: object) -> None:
        """Return None: books are made beside trades."""

    def phase(self, session: date, at: int) -> tuple[str, str, str]:
        """Return the regular session's phase, and that of the closing auction."""
        return ("21", "0", "5") if at >= self.hours(session)[1] else ("20", "0", "2")

    def auctions(self, session: date) -> list[tuple[int, int]]:
        """Return the opening and the closing auction."""
        opens, closes = self.hours(session)
        return [(opens - _AUCTION[0], opens), (closes - _AUCTION[1], closes)]

    def notices(self, code: str, session: date) -> list[Notice]:
        """Return the phases of the day, and for one instrument in four a volatility interruption of two minutes."""
        (collects, opens), (ends, closes) = self.auctions(session)
        phases = [
            Notice(collects, "110", "311"),
            Notice(opens, "112", "112"),
            Notice(ends, "121", "121"),
            Notice(closes, "129", "129"),
        ]
        drawn = crc32(f"{code}/{session}".encode())
        if drawn % 4 == 0:
            begins = opens + 20 * MINUTE + drawn // 4 % (ends - opens - 40 * MINUTE)
            phases += [Notice(begins, "AB1", "311", vi=True), Notice(begins + _VI, "", "112")]
        return sorted(phases, key=lambda one: one.at)

    def hours(self, session: date) -> tuple[int, int]:
        """Return when the session opens and closes."""
        calendar = self._view.calendar
        return milliseconds(calendar.open_at(session)), milliseconds(calendar.close_at(session))

    def _instrument(self, key: str, session: date) -> Instrument | None:
        code = plain_code(key)
        try:
            self._view.instrument(code, session)
        except WireError:
            return None
        before = self._view.bar_before(code, session)
        return Instrument(
            key,
            session,
            self._market.base_price(code, session),
            self._market.listed_shares(code, session),
            before.volume if before else 0,
        )


def milliseconds(at: datetime) -> int:
    """Return the milliseconds since midnight of a moment in Seoul."""
    here = at.astimezone(SEOUL)
    return 1000 * (here.hour * 3600 + here.minute * 60 + here.second) + here.microsecond // 1000
