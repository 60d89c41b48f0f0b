"""A stored session on the stream: the very trades and books that were kept of it."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby

from data_pipeline.emulator.figures import plain_code
from data_pipeline.emulator.kis.stream.program import Registration, registration
from data_pipeline.emulator.kis.stream.records import UNTOLD, Instrument
from data_pipeline.emulator.kis.stream.stage import Notice, milliseconds
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.records import OrderBook, OrderBookLevel
from data_pipeline.market.stream_records import Side, Trade
from data_pipeline.market.venue import Venue
from data_pipeline.sources.mock.tape import Tick

_TAKERS = {Side.BUY: 1, Side.SELL: -1, Side.AUCTION: 0}
_AT_ONCE = 6
"""Trades of one second that come at one moment; nothing finer than the second was kept of them."""


class StoredTape:
    """The trades of one instrument at one venue.

    What a trade that was asked for later does not tell is worked out: its figures go on from the trade before it.

    Args:
        trades: By their running volume.
    """

    def __init__(self, trades: Iterable[Trade]) -> None:
        self.ticks: list[Tick] = []
        for _, second in groupby(trades, lambda one: one.traded_at):
            part = list(second)
            groups = -(-len(part) // _AT_ONCE)
            for nth, one in enumerate(part):
                at = milliseconds(one.traded_at) + nth // _AT_ONCE * 1000 // groups
                self.ticks.append(_tick(one, at, self.ticks[-1] if self.ticks else None))
        self._times = [one.at for one in self.ticks]

    def between(self, since: int, until: int) -> Sequence[Tick]:
        """Return the trades from ``since`` up to ``until``, not included."""
        return self.ticks[bisect_left(self._times, since) : bisect_left(self._times, until)]

    def before(self, until: int, most: int) -> Sequence[Tick]:
        """Return at most so many of the newest trades before ``until``, newest first."""
        end = bisect_left(self._times, until)
        return self.ticks[max(end - most, 0) : end][::-1]


class StoredStage:
    """One stored session.

    Args:
        session: The day.
        trades: Its trades, of any venues and codes; by running volume within a venue and code.
        books: Its books, by their moment.
    """

    def __init__(self, session: date, trades: Iterable[Trade], books: Iterable[OrderBook] = ()) -> None:
        self._session = session
        found: dict[tuple[str, Venue], list[Trade]] = defaultdict(list)
        for one in trades:
            found[one.stock_code, one.venue].append(one)
        self._tapes = {key: StoredTape(part) for key, part in found.items()}
        self._books: dict[tuple[str, Venue], list[tuple[int, OrderBook]]] = defaultdict(list)
        for book in books:
            self._books[book.stock_code, book.venue].append((milliseconds(book.observed_at), book))

    @property
    def hours(self) -> tuple[int, int]:
        """When the first and the last of it is, milliseconds since midnight."""
        times = [tape.ticks[nth].at for tape in self._tapes.values() for nth in (0, -1)]
        times += [part[nth][0] for part in self._books.values() for nth in (0, -1)]
        return min(times), max(times)

    @property
    def codes(self) -> list[str]:
        """The stock codes, in order."""
        return sorted({code for code, _ in (*self._tapes, *self._books)})

    def session(self, _: datetime) -> date:
        """Return the stored session, whatever the moment."""
        return self._session

    def register(self, tr_id: str, key: str, session: date, since: int) -> Registration | None:
        """Return a new registration that plays from ``since`` on; None for a code of which nothing is stored."""
        return registration(self, self.instrument(key, session), tr_id, since)

    def instrument(self, key: str, session: date) -> Instrument | None:
        """Return an instrument of which something is stored; what the stream says of its day before is made up."""
        code = plain_code(key)
        ticks = [tape.ticks[0] for (one, _), tape in self._tapes.items() if one == code]
        known = bool(ticks) or any(one == code for one, _ in self._books)
        return Instrument(key, session, ticks[0].price if ticks else 1, 0, 0) if known else None

    def tape(self, code: str, _: date, venue: Venue) -> StoredTape:
        """Return the stored trades; none where none are stored."""
        return self._tapes.get((code, venue)) or StoredTape(())

    def book(self, code: str, session: date, one: Tick) -> OrderBook | None:
        """Return the best quotes that were kept with a trade."""
        ask, bid = one.quotes or (0, 0)
        at = datetime.combine(session, datetime.min.time(), SEOUL).isoformat()
        sides = [(OrderBookLevel(price, 0),) if price else () for price in (bid, ask)]
        return OrderBook(code, "", sides[0], sides[1], 0, 0, at) if ask or bid else None

    def books(self, code: str, _: date, venue: Venue, since: int, until: int) -> Sequence[tuple[int, OrderBook]]:
        """Return the stored books."""
        return [one for one in self._books.get((code, venue), ()) if since <= one[0] < until]

    def phase(self, _: date, __: int) -> tuple[str, str, str]:
        """Return nothing: each trade has kept its own."""
        return "", "", ""

    def auctions(self, _: date) -> list[tuple[int, int]]:
        """Return none: expected prices are not kept."""
        return []

    def notices(self, _: str, __: date) -> list[Notice]:
        """Return none."""
        return []


def _tick(one: Trade, at: int, before: Tick | None) -> Tick:
    value, sells, buys, sold, bought = before[5:10] if before else (0,) * 5
    here = (one.price, at)
    return Tick(
        at,
        one.price,
        one.volume,
        UNTOLD if one.side is None else _TAKERS[one.side],
        one.cumulative_volume,
        value + one.price * one.volume if one.cumulative_value is None else one.cumulative_value,
        sells if one.sell_count is None else one.sell_count,
        buys if one.buy_count is None else one.buy_count,
        sold if one.sell_volume is None else one.sell_volume,
        bought if one.buy_volume is None else one.buy_volume,
        before.open if before else here,
        here if before is None or one.price > before.high[0] else before.high,
        here if before is None or one.price < before.low[0] else before.low,
        (one.ask_price or 0, one.bid_price or 0),
        (one.market_class, one.hour_class, one.session_class),
    )
