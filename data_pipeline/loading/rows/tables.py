"""Each table once: which record fills it, its columns and key, and how a record becomes a line of COPY text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from operator import attrgetter
from typing import Any

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.records import CurrentPrice, DailyBar, Instrument, MarketDay, MinuteBar, OrderBook

ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


@dataclass(frozen=True)
class Table:
    """A table of the schema ``market`` that records are loaded into."""

    name: str
    record: type
    columns: tuple[str, ...]
    """What a record says, the key first. ``source``, ``run_id`` and ``loaded_at`` are the load's."""
    key: tuple[str, ...]
    values: Callable[[Any], tuple[object, ...]]
    """A record's values in the order of ``columns``."""
    day: str
    """The column with the date in Seoul that the row belongs to."""
    partitioned: bool = False
    """Whether it has one partition for each month of ``session``."""
    plain: Callable[[Any], str] | None = None
    """A record as a line of COPY text, where no value can be None, a list or text to escape: twice as fast."""

    def text(self, records: Sequence[object]) -> str:
        """Return records as COPY text, one line each, with its newline.

        Raises:
            InvalidRequestError: A record is of another class, or one of its values is.

        Source: PostgreSQL documentation, COPY, "Text Format".
        """
        for kind in set(map(type, records)):
            if kind is not self.record:
                raise InvalidRequestError(f"{self.name} takes {self.record.__name__}, not {kind.__name__}")
        try:
            return "".join(map(self.plain or self._line, records))
        except (TypeError, AttributeError) as error:
            wrong = next(record for record in records if not self._can_be_text(record))
            raise InvalidRequestError(f"{self.name}: {wrong} cannot be written: {error}") from None

    def line(self, record: object) -> str:
        """Return one record as COPY text; see :meth:`text`."""
        return self.text([record])

    def _line(self, record: object) -> str:
        return self._template % tuple(map(copy_field, self.values(record)))

    def _can_be_text(self, record: object) -> bool:
        try:
            (self.plain or self._line)(record)
        except (TypeError, AttributeError):
            return False
        return True

    @cached_property
    def _template(self) -> str:
        return "\t".join(["%s"] * len(self.columns)) + "\n"

    def day_of(self, record: object) -> date:
        """Return the date in Seoul that the record belongs to."""
        day: date = self.values(record)[self.columns.index(self.day)]  # type: ignore[assignment]
        return day

    def key_of(self, record: object) -> tuple[object, ...]:
        """Return the values of the key, in the order of ``key``."""
        return self.values(record)[: len(self.key)]

    def in_session(self, session: date) -> Table:
        """Return the same table, every row of which belongs to this session whatever its own time says.

        A quote seen before the market opens belongs to the session before.

        Raises:
            InvalidRequestError: The rows of this table carry their session themselves.
        """
        if self.name not in {"price_snapshot", "order_book"}:
            raise InvalidRequestError(f"rows of {self.name} say themselves which session they belong to")
        at = self.columns.index("session")
        own = self.values
        return replace(self, values=lambda record: (*own(record)[:at], session, *own(record)[at + 1 :]))


def copy_field(value: object) -> str:
    r"""Return one value as COPY text: ``\N`` for None, ``{1,2}`` for a list of numbers."""
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.translate(ESCAPES)
    if isinstance(value, list):
        return "{" + ",".join(map(str, value)) + "}"
    return str(value)


def seoul_date(at: datetime) -> date:
    """Return the date in Seoul of an aware time."""
    return at.date() if at.tzinfo is SEOUL else at.astimezone(SEOUL).date()


class _DateTexts(dict[date, str]):
    """Dates as text: a load has many rows and few dates. Emptied now and then, so that it stays small."""

    def __missing__(self, day: date) -> str:
        if len(self) > 10_000:
            self.clear()
        text = self[day] = str(day)
        return text


_DATES = _DateTexts()
_MINUTES = tuple(f"{hour:02d}:{minute:02d}:00+09:00" for hour in range(24) for minute in range(60))


def _daily_line(bar: DailyBar) -> str:
    return (
        f"{bar.stock_code}\t{_DATES[bar.session]}\t{bar.open}\t{bar.high}\t{bar.low}\t{bar.close}\t{bar.volume}"
        f"\t{bar.trading_value}\t{bar.change}\n"
    )


def _minute_line(bar: MinuteBar) -> str:
    at = bar.at
    if at.tzinfo is SEOUL and at.year > 1988:  # the last year in which Seoul was not at +09:00 throughout
        day = _DATES[at.date()]
        moment = f"{day} {_MINUTES[at.hour * 60 + at.minute]}"
    else:
        day, moment = str(seoul_date(at)), str(at)
    return (
        f"{bar.stock_code}\t{moment}\t{day}\t{bar.open}\t{bar.high}\t{bar.low}\t{bar.close}\t{bar.volume}"
        f"\t{bar.trading_value}\n"
    )


def _day_line(day: MarketDay) -> str:
    return f"{day.day}\t{day.is_open}\n"


def _minute(bar: MinuteBar) -> tuple[object, ...]:
    session = seoul_date(bar.at)
    return (bar.stock_code, bar.at, session, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trading_value)


def _price(price: CurrentPrice) -> tuple[object, ...]:
    at = price.observed_at
    return (
        price.stock_code, at, seoul_date(at), price.stock_name, price.current_price, price.change_price,
        price.change_rate, price.open_price, price.high_price, price.low_price, price.volume, price.trading_value,
        price.market_cap,
    )  # fmt: skip


def _book(book: OrderBook) -> tuple[object, ...]:
    at = book.observed_at
    bids, asks = book.bid_levels, book.ask_levels
    return (
        book.stock_code, at, seoul_date(at), book.stock_name,
        [level.price for level in bids], [level.volume for level in bids],
        [level.price for level in asks], [level.volume for level in asks],
        book.total_bid_volume, book.total_ask_volume,
    )  # fmt: skip


_INSTRUMENT = (
    "stock_code", "isin", "name", "market", "security_group", "as_of", "listed_on", "listed_shares", "face_value",
    "base_price", "halted", "managed", "liquidation", "preferred",
)  # fmt: skip
_CANDLE = ("open", "high", "low", "close", "volume", "trading_value")
_DAILY = ("stock_code", "session", *_CANDLE, "change")

INSTRUMENT = Table("instrument", Instrument, _INSTRUMENT, ("stock_code",), attrgetter(*_INSTRUMENT), day="as_of")
TRADING_SESSION = Table(
    "trading_session", MarketDay, ("day", "is_open"), ("day",), attrgetter("day", "is_open"), day="day", plain=_day_line
)
DAILY_BAR = Table(
    "daily_bar", DailyBar, _DAILY, ("stock_code", "session"), attrgetter(*_DAILY),
    day="session", partitioned=True, plain=_daily_line,
)  # fmt: skip
MINUTE_BAR = Table(
    "minute_bar", MinuteBar, ("stock_code", "at", "session", *_CANDLE), ("stock_code", "at", "session"), _minute,
    day="session", partitioned=True, plain=_minute_line,
)  # fmt: skip
PRICE_SNAPSHOT = Table(
    "price_snapshot",
    CurrentPrice,
    ("stock_code", "observed_at", "session", "stock_name", "current_price", "change_price", "change_rate",
     "open_price", "high_price", "low_price", "volume", "trading_value", "market_cap"),
    ("stock_code", "observed_at", "session"),
    _price,
    day="session",
    partitioned=True,
)  # fmt: skip
ORDER_BOOK = Table(
    "order_book",
    OrderBook,
    ("stock_code", "observed_at", "session", "stock_name", "bid_prices", "bid_volumes", "ask_prices", "ask_volumes",
     "total_bid_volume", "total_ask_volume"),
    ("stock_code", "observed_at", "session"),
    _book,
    day="session",
    partitioned=True,
)  # fmt: skip

TABLES: dict[str, Table] = {
    table.name: table for table in (INSTRUMENT, TRADING_SESSION, DAILY_BAR, MINUTE_BAR, PRICE_SNAPSHOT, ORDER_BOOK)
}
"""Every dataset that can be loaded, by the name of its table."""
