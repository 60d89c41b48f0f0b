"""What the page of one instrument asks the warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.exceptions import UnknownStockError
from data_pipeline.market.clock import SEOUL
from data_pipeline.morning.asking import asked
from data_pipeline.pages.chart import Candle

if TYPE_CHECKING:
    from data_pipeline.read.adjusted import Span

RANGES = {"3m": 92, "6m": 183, "1y": 366, "5y": 1830}
"""How many days back a chart reaches, by its name in the address."""
MOST_FOUND = 50
_HEAD = """
    SELECT stock_code, name, market, security_group, isin, listed_from, listed_on, delisted_on, listed_shares,
        face_value, halted, managed, liquidation, preferred, as_of, source
    FROM market.instrument WHERE stock_code = %s
"""
_SEARCH = """
    SELECT i.stock_code, i.name, i.market, i.delisted_on,
        (SELECT h.name FROM market.instrument_history h WHERE h.stock_code = i.stock_code AND h.name <> i.name
            AND position(lower(%(text)s) IN lower(h.name)) > 0 LIMIT 1)
    FROM market.instrument i
    WHERE starts_with(i.stock_code, upper(%(text)s)) OR position(lower(%(text)s) IN lower(i.name)) > 0
        OR EXISTS (SELECT FROM market.instrument_history h WHERE h.stock_code = i.stock_code
            AND position(lower(%(text)s) IN lower(h.name)) > 0)
    ORDER BY i.delisted_on IS NOT NULL, i.stock_code <> upper(%(text)s), i.name <> %(text)s, length(i.name), 1
    LIMIT %(most)s
"""
_SESSIONS = "SELECT session::date FROM market.final_session WHERE session BETWEEN %s AND %s ORDER BY session"
_NEWEST = "SELECT max(session)::date FROM market.daily_bar WHERE stock_code = %s AND session <= %s"
_BARS = """
    SELECT session::date, open, high, low, close, volume, change, trading_value, source
    FROM market.daily_bar WHERE stock_code = %s AND session BETWEEN %s AND %s ORDER BY session
"""
_ACTIONS = """
    SELECT session::date, kind, factor, previous_close, base_price, reason FROM market.price_adjustment
    WHERE stock_code = %s ORDER BY session DESC LIMIT 30
"""
_RESTATED = """
    SELECT session::date, dataset, operation, old_source, source, loaded_at, old_row ->> 'close'
    FROM market.restatement WHERE stock_code = %s AND dataset = 'daily_bar' AND session BETWEEN %s AND %s
    ORDER BY loaded_at DESC LIMIT 30
"""
_MINUTES = """
    SELECT at, open, high, low, close, volume FROM market.minute_bar
    WHERE stock_code = %s AND session = %s AND at BETWEEN %s AND %s ORDER BY at
"""
_MINUTE_DAYS = """
    SELECT session::date FROM market.proof WHERE dataset = 'minute_bar' AND stock_code = %s AND rows > 0
        AND session <= %s ORDER BY session DESC LIMIT 10
"""
_BOOK = """
    SELECT observed_at, bid_prices, bid_volumes, ask_prices, ask_volumes, total_bid_volume, total_ask_volume, source
    FROM market.order_book WHERE stock_code = %s AND session BETWEEN %s AND %s ORDER BY observed_at DESC LIMIT 1
"""
_HISTORY = """
    SELECT valid_from::date, valid_to, name, market, listed_shares, halted, managed, liquidation, source
    FROM market.instrument_history WHERE stock_code = %s ORDER BY valid_from DESC LIMIT 40
"""


class Head(NamedTuple):
    """What is known of an instrument now."""

    code: str
    name: str
    market: str
    group: str
    isin: str
    listed_from: date | None
    listed_on: date | None
    delisted_on: date | None
    shares: int | None
    face_value: Any
    halted: bool
    managed: bool
    liquidation: bool
    preferred: bool
    as_of: date
    source: str

    @property
    def marks(self) -> list[str]:
        """What holds of halted, managed, liquidation and preferred."""
        return [name for name in ("halted", "managed", "liquidation", "preferred") if getattr(self, name)]


class Found(NamedTuple):
    """One answer of a search."""

    code: str
    name: str
    market: str
    delisted_on: date | None
    once: str | None
    """A name that it had before and that fits; None when its present name or code does."""


@dataclass(frozen=True)
class Book:
    """An order book, as it stands on the page: asks and bids from the highest price down."""

    at: datetime
    source: str
    asks: tuple[tuple[int, int], ...]
    bids: tuple[tuple[int, int], ...]
    total_asks: int
    total_bids: int

    @property
    def most(self) -> int:
        """The most shares at one price, at least 1."""
        return max((volume for _, volume in (*self.asks, *self.bids)), default=1) or 1


@dataclass(frozen=True)
class Bars:
    """The daily bars of a range."""

    candles: tuple[Candle, ...]
    """One for each final session, stored or not."""
    newest: tuple[Any, ...] | None
    """The newest stored row, as it stands in the table; None when nothing is stored."""
    rows: tuple[tuple[Any, ...], ...]
    """The newest twenty rows, newest first, raw."""
    unknown: int
    """Sessions since the listing of which nothing is stored."""


def find(connection: Connection, text: str) -> list[Found]:
    """Return the instruments whose code begins with the text or whose name, now or once, holds it; at most 50."""
    return [Found(*row) for row in asked(connection, _SEARCH, {"text": text, "most": MOST_FOUND})]


def read_head(connection: Connection, code: str) -> Head:
    """Return what is known of an instrument.

    Raises:
        UnknownStockError: The warehouse has never seen it on a list.
    """
    rows = asked(connection, _HEAD, (code,))
    if not rows:
        raise UnknownStockError(code, "the warehouse")
    return Head(*rows[0])


def newest_bar(connection: Connection, code: str, until: date) -> date | None:
    """Return the newest session of which a daily bar is stored; None when there is none."""
    ((found,),) = asked(connection, _NEWEST, (code, until))
    return found  # type: ignore[no-any-return]


def read_bars(
    connection: Connection, code: str, first: date, last: date, *, adjusted: bool, listed_from: date | None
) -> Bars:
    """Return the bars of the final sessions of a range, both ends included, raw or in prices of the newest session."""
    rows = asked(connection, _BARS, (code, first, last))
    begins = max(first, listed_from or (rows[0][0] if rows else first))
    sessions = [session for (session,) in asked(connection, _SESSIONS, (begins, last))]
    spans: Sequence[Span] = ()
    if adjusted and rows:
        from data_pipeline.read.adjusted import read_spans

        with connection.cursor() as cursor:
            spans = read_spans(cursor, [code], first, None)
    stored = {row[0]: row for row in rows}
    days = sorted({*sessions, *stored})
    candles = tuple(_candle(day, stored.get(day), spans) for day in days)
    newest = rows[-1] if rows else None
    return Bars(candles, newest, tuple(rows[:-21:-1]), sum(1 for day in sessions if day not in stored))


def read_actions(connection: Connection, code: str) -> list[tuple[Any, ...]]:
    """Return where raw prices cannot be compared, newest first: session, kind, factor, close before, base, reason."""
    return asked(connection, _ACTIONS, (code,))


def read_restated(connection: Connection, code: str, first: date, last: date) -> list[tuple[Any, ...]]:
    """Return daily bars of the range that were changed or deleted, the newest change first."""
    return asked(connection, _RESTATED, (code, first, last))


def read_minutes(connection: Connection, code: str, session: date) -> list[tuple[Any, ...]]:
    """Return the minutes of a session in order of time: at, open, high, low, close, volume."""
    begin = datetime.combine(session, datetime.min.time(), SEOUL)
    return asked(connection, _MINUTES, (code, session, begin, begin.replace(hour=23, minute=59)))


def minute_sessions(connection: Connection, code: str, until: date) -> list[date]:
    """Return the newest ten sessions of which minutes are stored, newest first."""
    return [session for (session,) in asked(connection, _MINUTE_DAYS, (code, until))]


def read_book(connection: Connection, code: str, first: date, last: date) -> Book | None:
    """Return the newest order book of these sessions; None when none was seen."""
    for at, bid_prices, bids, ask_prices, asks, total_bids, total_asks, source in asked(
        connection, _BOOK, (code, first, last)
    ):
        best_last = tuple(zip(ask_prices, asks, strict=True))[::-1]
        return Book(at, source, best_last, tuple(zip(bid_prices, bids, strict=True)), total_asks, total_bids)
    return None


def read_history(connection: Connection, code: str) -> list[tuple[Any, ...]]:
    """Return what held for the instrument from when to when, newest first."""
    return asked(connection, _HISTORY, (code,))


def _candle(day: date, row: tuple[Any, ...] | None, spans: Sequence[Span]) -> Candle:
    if row is None:
        return Candle(day)
    span = next((one for one in spans if one.since <= day < one.until), None)
    if span is None:
        return Candle(day, *map(float, row[1:6]))
    if span.factor is None:
        return Candle(day)
    factor = float(span.factor)
    opened, high, low, close = (float(price) * factor for price in row[1:5])
    return Candle(day, opened, high, low, close, float(row[5]) / factor)
