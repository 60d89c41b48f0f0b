"""The vocabulary of live data: trades, market operation, expected prices, and the gaps between trades.

Prices are whole won (KRW), volumes are shares, values are won; running figures are those of the session so far, at the
venue that the record names. Moments are aware and in Seoul. Books are
:class:`~data_pipeline.market.records.OrderBook`, with the venue and the moment at which they were received.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import NamedTuple

from data_pipeline.market.records import require_stock_code
from data_pipeline.market.venue import Venue

SEOUL_OFFSET = timedelta(hours=9)


class StreamKind(str, Enum):
    """What a line can be asked for."""

    TRADE = "trade"
    BOOK = "order_book"
    OPERATION = "market_operation"
    EXPECTED = "expected_price"


class Subscription(NamedTuple):
    """One thing that a line is asked for; it takes one of the registrations that a key has."""

    kind: StreamKind
    venue: Venue
    stock_code: str

    def __str__(self) -> str:
        return f"{self.kind.value} of {self.stock_code} ({self.venue.value})"


class Side(str, Enum):
    """Who took the price (체결구분)."""

    BUY = "buy"
    SELL = "sell"
    AUCTION = "auction"
    """Before the open, where no side takes it (장전)."""


class GapCause(str, Enum):
    """How it came to light that trades may have been missed."""

    JUMP = "jump"
    """The running figures rose by more than the trade that was received."""
    RECONNECT = "reconnect"
    """The line was down; the first trade after it says what was missed, which may be nothing."""
    START = "start"
    """The first trade that was received is not the first of the session."""


def _moment_problem(at: datetime, *, whole_second: bool) -> str | None:
    if at.utcoffset() != SEOUL_OFFSET:
        return "the time is not in Seoul"
    return "the time is not on a whole second" if whole_second and at.microsecond else None


def _raise_if(problem: str | None, what: str) -> None:
    if problem:
        raise ValueError(f"{what}: {problem}")


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade (체결). Within venue, code and session its ``cumulative_volume`` tells it from all others."""

    venue: Venue
    stock_code: str
    traded_at: datetime
    """The second in which it traded; nothing finer is published."""
    price: int
    volume: int
    """Shares of this trade."""
    cumulative_volume: int
    """Shares of the session so far, this trade included (누적 거래량)."""
    cumulative_value: int | None = None
    """Won of the session so far, this trade included; None where the source does not say, as all below."""
    side: Side | None = None
    sell_count: int | None = None
    """Trades of the session so far in which a seller took the price."""
    buy_count: int | None = None
    """Trades of the session so far in which a buyer took the price."""
    sell_volume: int | None = None
    """Shares of those; with the buyers' they are fewer than ``cumulative_volume``, for auctions have no side."""
    buy_volume: int | None = None
    ask_price: int | None = None
    """The best price asked beside the trade; 0 when nobody offers."""
    bid_price: int | None = None
    market_class: str = ""
    """Two characters (신 장운영 구분): 1 before the open, 2 in session, 3 after the close, 4 single price; then 0
    normal, 1 close, 2 block, 3 basket, 7 liquidation trading, 8 buy-in. Empty where the source does not say."""
    hour_class: str = ""
    """0 in session; A to D for expected prices, which are no trades. Empty where the source does not say."""
    session_class: str = ""
    """1 pre-market, 2 regular, 3 after-market, 5 at the close. Empty where the source does not say."""
    filled: bool = False
    """Whether it was asked for later, because the line did not bring it."""

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        problem = _moment_problem(self.traded_at, whole_second=True)
        if self.price <= 0 or self.volume <= 0:
            problem = f"price {self.price} or volume {self.volume} is not positive"
        elif self.cumulative_volume < self.volume:
            problem = f"{self.cumulative_volume} shares so far are fewer than the {self.volume} of the trade"
        elif self.cumulative_value is not None and self.cumulative_value < 0:
            problem = f"value {self.cumulative_value} is negative"
        elif min(self.sell_count or 0, self.buy_count or 0, self.sell_volume or 0, self.buy_volume or 0) < 0:
            problem = "a count or volume of one side is negative"
        elif min(self.ask_price or 0, self.bid_price or 0) < 0:
            problem = "a quote is negative"
        if problem:
            raise ValueError(f"trade {self.venue.value} {self.stock_code} at {self.traded_at}: {problem}")

    @property
    def session(self) -> date:
        """The trading day, in Seoul."""
        return self.traded_at.date()

    @property
    def cumulative_count(self) -> int | None:
        """Trades of the session so far that had a side, this one included; None where the source does not say."""
        if self.sell_count is None or self.buy_count is None:
            return None
        return self.sell_count + self.buy_count


@dataclass(frozen=True, slots=True)
class TradesTold:
    """The trades of one instrument between two moments, as they were asked for later."""

    trades: tuple[Trade, ...]
    """By their running volume."""
    whole: bool
    """Whether every trade in between was told; False when the answers could not show all trades of a second."""


@dataclass(frozen=True, slots=True)
class MarketOperation:
    """What the venue does with an instrument: halts, volatility interruptions (VI), phases of the day (장운영정보)."""

    venue: Venue
    stock_code: str
    observed_at: datetime
    """When it was received; the venue sends no time."""
    halted: bool
    """Whether trading of the instrument is halted (거래정지)."""
    halt_reason: str = ""
    phase: str = ""
    """The code of the market's phase (장운영 구분); many are in no table, and it is kept as it comes."""
    expected_phase: str = ""
    vi: bool = False
    """Whether a volatility interruption is on in the session."""
    overtime_vi: bool = False
    """Whether one is on in single-price overtime."""
    status: str = ""
    """The code of the instrument's state (종목상태)."""

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        what = f"market operation {self.venue.value} {self.stock_code} at {self.observed_at}"
        _raise_if(_moment_problem(self.observed_at, whole_second=False), what)


@dataclass(frozen=True, slots=True)
class ExpectedPrice:
    """What an auction would come to now (예상체결); it is no trade and is never stored as one."""

    venue: Venue
    stock_code: str
    observed_at: datetime
    """The second that the venue names."""
    price: int
    volume: int
    """Shares that would trade."""

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        problem = _moment_problem(self.observed_at, whole_second=True)
        if self.price <= 0 or self.volume < 0:
            problem = f"price {self.price} or volume {self.volume} cannot be"
        _raise_if(problem, f"expected price {self.venue.value} {self.stock_code} at {self.observed_at}")


@dataclass(frozen=True, slots=True)
class StreamGap:
    """Trades of one instrument that happened and were not received, as the running figures show them."""

    venue: Venue
    stock_code: str
    session: date
    cause: GapCause
    after: datetime | None
    """The second of the last trade before it; None when none of the session was received."""
    until: datetime
    """The second of the first trade after it."""
    volume_after: int
    """Shares of the session so far at ``after``; 0 when none of the session was received."""
    volume_until: int
    """Shares of the session so far just before the trade at ``until``."""
    missed_value: int | None = None
    """Won that changed hands in between; None when unknown."""
    missed_count: int | None = None
    """Trades with a side in between; None when unknown."""

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        problem = _moment_problem(self.until, whole_second=True)
        if self.volume_after < 0 or self.volume_until < self.volume_after:
            problem = f"the running volume goes from {self.volume_after} back to {self.volume_until}"
        elif self.after is not None and self.after > self.until:
            problem = f"it begins at {self.after} and ends at {self.until}"
        _raise_if(problem, f"gap {self.venue.value} {self.stock_code} on {self.session}")

    @property
    def missed_volume(self) -> int:
        """Shares that changed hands in between; 0 when the line was down and nothing traded."""
        return self.volume_until - self.volume_after


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How one line stands."""

    host: str
    fingerprint: str
    """What tells the key from others without revealing it."""
    at: datetime
    lag: float | None
    """Seconds from receiving to committing, of the slowest record since the last beat; None when there was none."""
    queue: int
    """Records received and not committed."""
    state: str
    """``up``, ``connecting``, ``waiting``, ``standby``, or why it is stopped."""
    placed: tuple[str, ...] = ()
    """What the line is to register, most important first; empty while it is not open."""
    registered: int = 0
    """How many of them the server has acknowledged."""
    rest: tuple[str, ...] = ()
    """What REST has to serve, because no key has room for it or the server refuses it: the most important ones."""
    rest_count: int = 0
    """How many of those there are in all."""
