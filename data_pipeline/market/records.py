"""The vocabulary: frozen records whose units are written down and whose invariants hold at birth.

Prices are whole won (KRW), volumes are shares, trading values are won. A session is a date in Seoul; a moment is an
aware datetime. A record that contradicts itself raises ``ValueError`` when it is made, so no later code checks again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum

STOCK_CODE = re.compile(r"[0-9A-Z]{6}")
MARKETS = ("KOSPI", "KOSDAQ", "KONEX")
BOOK_DEPTH = 10


class Venue(str, Enum):
    """A venue of live data; it is part of the key of everything that the stream brings."""

    KRX = "KRX"
    """Korea Exchange (한국거래소)."""
    NXT = "NXT"
    """Nextrade (넥스트레이드), the alternative trading system."""
    UNIFIED = "UNIFIED"
    """Both as one market (통합); which of them printed a trade is not told."""


class PriceType(str, Enum):
    """The period that one bar of ``get_chart_data`` covers."""

    DAILY = "D"
    WEEKLY = "W"
    MONTHLY = "M"
    MINUTE_1 = "1"
    MINUTE_5 = "5"
    MINUTE_30 = "30"

    @property
    def minutes(self) -> int | None:
        """Minutes in one bar; None for daily, weekly and monthly bars."""
        return int(self.value) if self.value.isdigit() else None


def require_stock_code(stock_code: str) -> str:
    """Return the code unchanged when it is a short code.

    Raises:
        ValueError: It is not six characters of ``0-9A-Z``. Asking again with the same text cannot help.
    """
    if not isinstance(stock_code, str) or not STOCK_CODE.fullmatch(stock_code):
        raise ValueError(f"stock_code must be six characters of 0-9 and A-Z (for example '005930'), not {stock_code!r}")
    return stock_code


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _candle_problem(opened: int, high: int, low: int, close: int, volume: int, value: int) -> str | None:
    """Return what contradicts itself.

    Either regular hours have prices (low <= open, close <= high), or nothing traded in them and open, high and low are
    0. The volume of a whole day counts what changed hands outside of them too, so it may be more than 0 then.
    """
    if 0 < low <= opened <= high and low <= close <= high and volume >= 0 and value >= 0:
        return None
    if volume < 0 or value < 0:
        return f"volume {volume} or trading value {value} is negative"
    if close <= 0:
        return f"close {close} is not positive"
    if opened == high == low == 0:
        return None
    return f"open {opened}, high {high}, low {low}, close {close} contradict each other"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One listed instrument as it stood on ``as_of``."""

    stock_code: str
    isin: str
    name: str
    """The abbreviated Korean name (한글 종목약명)."""
    market: str
    """KOSPI, KOSDAQ or KONEX."""
    security_group: str
    """The exchange's group code: ST stock, EF ETF, EN ETN, RT REIT, DR depositary receipt, ..."""
    as_of: date
    listed_on: date | None = None
    listed_shares: int | None = None
    face_value: float | None = None
    """Won, or the issuer's currency for foreign instruments; None for instruments without par value (무액면)."""
    base_price: int | None = None
    """The price that today's limits are counted from (기준가), won."""
    halted: bool | None = False
    """Suspended (거래정지); None where the source does not say, as the next two."""
    managed: bool | None = False
    """Designated as an administrative issue (관리종목)."""
    liquidation: bool | None = False
    """In liquidation trading (정리매매), where no price limit holds."""
    preferred: bool = False

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        _require(
            re.fullmatch(r"[A-Z]{2}[0-9A-Z]{9}[0-9]", self.isin) is not None, f"{self.stock_code}: ISIN {self.isin!r}"
        )
        _require(bool(self.name.strip()), f"{self.stock_code}: the name is empty")
        _require(self.market in MARKETS, f"{self.stock_code}: unknown market {self.market!r}")
        _require(self.listed_shares is None or self.listed_shares >= 0, f"{self.stock_code}: negative listed shares")


@dataclass(frozen=True, slots=True)
class DailyBar:
    """One session of one instrument, in raw (unadjusted) prices."""

    stock_code: str
    session: date
    open: int
    """Won; 0 together with high and low when nothing traded in regular hours."""
    high: int
    low: int
    close: int
    """Won; the last close stays when nothing traded, but of funds and on KONEX, where it may follow quotes."""
    volume: int
    """Shares, those traded outside of regular hours included (16:00 to 20:00 since 2026-09-14)."""
    trading_value: int
    """Won, of the same shares."""
    change: int
    """Close minus the day's base price (전일대비), won, with its sign."""

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        problem = _candle_problem(self.open, self.high, self.low, self.close, self.volume, self.trading_value)
        if problem is None and self.close <= self.change:
            problem = f"change {self.change} leaves no base price under close {self.close}"
        if problem:
            raise ValueError(f"daily bar {self.stock_code} {self.session}: {problem}")


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """One minute of one instrument that traded; ``at`` is the start of the minute, in Seoul."""

    stock_code: str
    at: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int
    """Shares traded in this minute."""
    trading_value: int
    """Won traded in this minute (never cumulative)."""

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        problem = _candle_problem(self.open, self.high, self.low, self.close, self.volume, self.trading_value)
        if problem is None and self.volume and not self.open:
            problem = f"volume {self.volume} without an open, high and low"
        if self.at.tzinfo is None:
            problem = "the time has no zone"
        elif self.at.second or self.at.microsecond:
            problem = "not on a whole minute"
        if problem:
            raise ValueError(f"minute bar {self.stock_code} {self.at}: {problem}")


@dataclass(frozen=True, slots=True)
class CurrentPrice:
    """The last price of one instrument and its day so far."""

    stock_code: str
    stock_name: str
    current_price: int
    change_price: int
    """Won against the base price (전일대비), with its sign."""
    change_rate: float
    """Percent against the base price (등락률), with its sign."""
    open_price: int
    """Won; 0 together with high and low while nothing has traded in regular hours."""
    high_price: int
    low_price: int
    volume: int
    """Shares so far in the session."""
    trading_value: int
    """Won so far in the session."""
    timestamp: str
    """When the server answered: ISO 8601 with its zone, in Seoul."""
    market_cap: int | None = None
    """Won; None where the source does not say."""
    age_seconds: float = field(default=0.0, compare=False)
    """How long before it was handed out it had been asked for, when it was repeated from the cache; 0 for a new one."""

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        day = (self.open_price, self.high_price, self.low_price, self.current_price)
        problem = _candle_problem(*day, self.volume, self.trading_value)
        if self.observed_at.tzinfo is None:
            problem = "the time has no zone"
        if problem:
            raise ValueError(f"price {self.stock_code} at {self.timestamp}: {problem}")

    @property
    def observed_at(self) -> datetime:
        """``timestamp`` as an aware datetime."""
        return datetime.fromisoformat(self.timestamp)


@dataclass(frozen=True, slots=True)
class OrderBookLevel:
    """One price level of a book."""

    price: int
    volume: int
    """Shares waiting at this price."""
    count: int | None = None
    """Number of orders; None, because KIS and KRX do not publish it."""


@dataclass(frozen=True, slots=True)
class OrderBook:
    """Up to ten levels on both sides, best first; a side with no orders is empty."""

    stock_code: str
    stock_name: str
    bid_levels: tuple[OrderBookLevel, ...]
    ask_levels: tuple[OrderBookLevel, ...]
    total_bid_volume: int
    total_ask_volume: int
    timestamp: str
    """When the server answered, or a live book was received: ISO 8601 with its zone, in Seoul."""
    venue: Venue = Venue.KRX
    age_seconds: float = field(default=0.0, compare=False)
    """How long before it was handed out it had been asked for, when it was repeated from the cache; 0 for a new one."""

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        what = f"order book {self.stock_code} at {self.timestamp}"
        _require(self.observed_at.tzinfo is not None, f"{what}: the time has no zone")
        bids = [level.price for level in self.bid_levels]
        asks = [level.price for level in self.ask_levels]
        _require(max(len(bids), len(asks)) <= BOOK_DEPTH, f"{what}: more than {BOOK_DEPTH} levels")
        _require(all(price > 0 for price in bids + asks), f"{what}: a level without a price")
        _require(all(level.volume >= 0 for level in self.bid_levels + self.ask_levels), f"{what}: a negative volume")
        _require(bids == sorted(set(bids), reverse=True), f"{what}: bids do not fall: {bids}")
        _require(asks == sorted(set(asks)), f"{what}: asks do not rise: {asks}")

    @property
    def observed_at(self) -> datetime:
        """``timestamp`` as an aware datetime."""
        return datetime.fromisoformat(self.timestamp)

    @property
    def best_bid(self) -> int:
        """The highest bid in won; 0 when nobody bids."""
        return self.bid_levels[0].price if self.bid_levels else 0

    @property
    def best_ask(self) -> int:
        """The lowest ask in won; 0 when nobody offers."""
        return self.ask_levels[0].price if self.ask_levels else 0

    @property
    def spread(self) -> int:
        """Best ask minus best bid in won; 0 when a side is empty. Negative only in an auction, where books cross."""
        return self.best_ask - self.best_bid if self.bid_levels and self.ask_levels else 0


@dataclass(frozen=True, slots=True)
class ChartData:
    """One bar of ``get_chart_data``."""

    stock_code: str
    date: str
    """YYYYMMDD for daily, weekly (its last session) and monthly bars, YYYYMMDDHHmmss (start, Seoul) for minute bars."""
    open_price: int
    high_price: int
    low_price: int
    close_price: int
    volume: int
    """Shares."""
    trading_value: int
    """Won."""
    age_seconds: float = field(default=0.0, compare=False)
    """How long before it was handed out it had been asked for, when it was repeated from the cache; 0 for a new one."""

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        candle = (self.open_price, self.high_price, self.low_price, self.close_price)
        problem = _candle_problem(*candle, self.volume, self.trading_value)
        if problem:
            raise ValueError(f"bar {self.stock_code} {self.date}: {problem}")


@dataclass(frozen=True, slots=True)
class StockInfo:
    """What an instrument is."""

    stock_code: str
    stock_name: str
    market: str
    """KOSPI, KOSDAQ or KONEX."""
    sector: str | None = None
    industry: str | None = None
    listed_shares: int | None = None
    face_value: float | None = None
    """Won; None for instruments without par value (무액면)."""
    age_seconds: float = field(default=0.0, compare=False)
    """How long before it was handed out it had been asked for, when it was repeated from the cache; 0 for a new one."""

    def __post_init__(self) -> None:
        require_stock_code(self.stock_code)
        _require(self.market in MARKETS, f"{self.stock_code}: unknown market {self.market!r}")


@dataclass(frozen=True, slots=True)
class MarketDay:
    """One calendar day as a source describes it."""

    day: date
    is_open: bool
    """Whether the stock market opens (개장일)."""
