"""The synthetic market on the stream."""

from __future__ import annotations

from datetime import date, datetime
from zlib import crc32

from data_pipeline.emulator.exchange import WireError
from data_pipeline.emulator.figures import plain_code
from data_pipeline.emulator.kept import Kept
from data_pipeline.emulator.kis.stream.program import Registration, registration
from data_pipeline.emulator.kis.stream.records import Instrument
from data_pipeline.emulator.kis.stream.stage import Notice, Tape, milliseconds
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.records import OrderBook
from data_pipeline.market.venue import Venue
from data_pipeline.sources.mock.tape import Tick

MINUTE = 60_000
_AUCTION = (30 * MINUTE, 10 * MINUTE)
"""How long before the open, and before the close, orders are collected."""
_VI = 120_000


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

    def register(self, tr_id: str, key: str, session: date, since: int) -> Registration | None:
        """Return a new registration that plays from ``since`` on; None for a code that is not listed."""
        return registration(self, self.instrument(key, session), tr_id, since)

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
