"""The synthetic market as a data source, read in process and without credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice

from data_pipeline.exceptions import InvalidRequestError, UnknownStockError
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.evidence import MinuteEvidence, tell
from data_pipeline.market.index_records import IndexBar, IndexSnapshot
from data_pipeline.market.investor_records import InvestorFlow, MarketFlow
from data_pipeline.market.records import (
    ChartData,
    CurrentPrice,
    DailyBar,
    Instrument,
    MarketDay,
    MinuteBar,
    OrderBook,
    PriceType,
    StockInfo,
    require_stock_code,
)
from data_pipeline.market.stream_records import Trade, TradesTold
from data_pipeline.market.venue import Venue
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.mock.charts import day_charts, minute_charts
from data_pipeline.sources.mock.flows import flow_of, market_flow
from data_pipeline.sources.mock.indices import MAIN_BASKETS, indices_of
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.sources.mock.quotes import info_of, price_of
from data_pipeline.sources.mock.trades import DAY_MS, milliseconds, trades_of
from data_pipeline.sources.reads import Reads

_DAYS_A_CALL = 31


class MockDataSource(AbstractDataSource):
    """Synthetic market data; quotes and charts name instruments in English.

    Args:
        market: The synthetic market; by default the one everybody gets.
        clock: Gives the moment, an aware datetime, that quotes belong to and after which nothing is known yet. By
            default it stands still at ``SyntheticMarket.REFERENCE_NOW``, so that the same question always has the
            same answer.
        reads: The cache of the ``get_*`` calls; None for none.
    """

    name = "mock"

    def __init__(
        self,
        market: SyntheticMarket | None = None,
        clock: Callable[[], datetime] | None = None,
        reads: Reads | None = None,
    ) -> None:
        self.market = market or SyntheticMarket()
        self.calendar = self.market.calendar
        self.reads = reads or Reads()
        self._clock = clock or (lambda: SyntheticMarket.REFERENCE_NOW)

    def get_current_price(self, stock_code: str) -> CurrentPrice:
        """Return the price at the clock's moment; outside trading hours that of the last session.

        Raises:
            InvalidRequestError: The code is malformed.
            UnknownStockError: No such instrument is listed on the quoted session.
        """
        code = self._known(stock_code)
        return self.reads.price(code, lambda: self._price(code))

    def _price(self, code: str) -> CurrentPrice:
        return price_of(self.market, code, self._now())

    def get_order_book(self, stock_code: str) -> OrderBook:
        """Return the book at the clock's moment, up to ten levels a side; empty for a halted instrument.

        Raises:
            InvalidRequestError: The code is malformed.
            UnknownStockError: No such instrument is listed on the quoted session.
        """
        code = self._known(stock_code)
        return self.reads.book(code, lambda: self._book(code))

    def _book(self, code: str) -> OrderBook:
        return replace(self.market.order_book(code, self._now()), stock_name=self.market.english_name(code))

    def get_chart_data(self, stock_code: str, period: PriceType, count: int) -> list[ChartData]:
        """Return the last ``count`` bars in raw prices, newest first, the running one included.

        Fewer come only when the instrument, or the calendar, does not reach further back.

        Raises:
            InvalidRequestError: The code or the period is malformed, or ``count`` is not positive.
            UnknownStockError: No such instrument.
        """
        code, period = self._known(stock_code), _period(period)
        if count < 1:
            raise InvalidRequestError(f"count must be at least 1, not {count}")
        return self.reads.chart(code, period, count, lambda: self._chart(code, period, count))

    def _chart(self, code: str, period: PriceType, count: int) -> list[ChartData]:
        minutes = period.minutes
        charts = (
            minute_charts(self._minutes_back(code), minutes) if minutes else day_charts(self._days_back(code), period)
        )
        return list(islice(charts, count))

    def get_stock_info(self, stock_code: str) -> StockInfo:
        """Return what an instrument is; a delisted one as it last stood.

        Raises:
            InvalidRequestError: The code is malformed.
            UnknownStockError: No such instrument.
        """
        code = self._known(stock_code)
        return self.reads.info(code, lambda: self._info(code))

    def _info(self, code: str) -> StockInfo:
        return info_of(self.market, code, self._now())

    def instruments(self, session: date) -> Iterator[Instrument]:
        """Yield every instrument listed on any session the calendar covers, in order of stock code, with Korean names.

        Raises:
            InvalidRequestError: The day is not a session.
            CalendarRangeError: The calendar does not cover the day.
        """
        return iter(self.market.instruments(session))

    def daily_bars(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[DailyBar]:
        """Yield the bars of final sessions for each code in the order given, oldest first within a code.

        Raises:
            InvalidRequestError: A code is malformed, the range is reversed, or a session in it is not final yet.
            UnknownStockError: A code does not exist. It is raised before the first bar.
        """
        codes = [self._known(code) for code in stock_codes]
        self._require_range(first, last, self.calendar.last_final_session(self._now()))
        return (bar for code in codes for bar in self.market.daily_bars(code, first, last))

    def minute_bars(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[MinuteBar]:
        """Yield one-minute bars, oldest first within a code; of the running session the minutes that have ended.

        They are made of the daily bar and so add up to it, which is told to whoever gathers evidence.

        Raises:
            InvalidRequestError: A code is malformed, the range is reversed, or a session in it has not begun.
            UnknownStockError: A code does not exist. It is raised before the first bar.
        """
        codes = [self._known(code) for code in stock_codes]
        sessions = self._require_range(first, last, self.calendar.quoted_session(self._now()))
        return (bar for code in codes for session in sessions for bar in self._told_minutes(code, session))

    def price_snapshots(self, stock_codes: Sequence[str]) -> Iterator[CurrentPrice]:
        """Yield the present price of each code, in the order given; see :meth:`get_current_price`."""
        return (self._price(code) for code in [self._known(code) for code in stock_codes])

    def order_books(self, stock_codes: Sequence[str]) -> Iterator[OrderBook]:
        """Yield the present book of each code, in the order given; see :meth:`get_order_book`."""
        return (self._book(code) for code in [self._known(code) for code in stock_codes])

    def market_days(self, first: date) -> Iterator[MarketDay]:
        """Yield 31 days from ``first``, fewer at the end of the calendar.

        Raises:
            CalendarRangeError: The calendar does not cover ``first``.
        """
        is_open = self.calendar.is_session(first)
        last = min(first + timedelta(days=_DAYS_A_CALL - 1), self.calendar.last_day)
        rest = (first + timedelta(days=days) for days in range(1, (last - first).days + 1))
        return iter([MarketDay(first, is_open), *(MarketDay(day, self.calendar.is_session(day)) for day in rest)])

    def index_bars(self, first: date, last: date) -> Iterator[IndexBar]:
        """Yield the bars of the main indices and of some sectors, oldest session first.

        Raises:
            InvalidRequestError: The range is reversed, or a session in it is not final yet.
        """
        sessions = self._require_range(first, last, self.calendar.last_final_session(self._now()))
        return (bar for session in sessions for bar in indices_of(self.market).bars(session))

    def index_snapshots(self) -> Iterator[IndexSnapshot]:
        """Yield the main indices as far as the quoted session has come."""
        now = self._now()
        return (indices_of(self.market).snapshot(basket, now) for basket in MAIN_BASKETS)

    def investor_flows(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[InvestorFlow]:
        """Yield the flows of each code in the order given, oldest first within a code; see :func:`flow_of`."""
        codes = [self._known(code) for code in stock_codes]
        self._require_range(first, last, self.calendar.last_final_session(self._now()))
        return (flow_of(bar) for code in codes for bar in self.market.daily_bars(code, first, last))

    def market_flows(self, session: date) -> Iterator[MarketFlow]:
        """Yield what investors bought net on KOSPI and KOSDAQ; see :func:`market_flow`."""
        self._require_range(session, session, self.calendar.last_final_session(self._now()))
        return (market_flow(self.market, board, session) for board in ("KOSPI", "KOSDAQ"))

    def trades(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[Trade]:
        """Yield the trades of the exchange, which add up to its minutes; of the running session those up to now.

        Raises:
            InvalidRequestError: A code is malformed, the range is reversed, or a session in it has not begun.
            UnknownStockError: A code does not exist. It is raised before the first trade.
        """
        codes = [self._known(code) for code in stock_codes]
        sessions = self._require_range(first, last, self.calendar.quoted_session(self._now()))
        return (one for code in codes for session in sessions for one in self._trades(code, session, Venue.KRX))

    def trades_between(
        self, stock_code: str, venue: Venue, since: datetime, until: datetime, above: int = 0
    ) -> TradesTold:
        """Return trades of a day that has begun; all of them, so that what is told is whole."""
        code, session = self._known(stock_code), since.astimezone(SEOUL).date()
        self._require_range(session, session, self.calendar.quoted_session(self._now()))
        found = self._trades(code, session, venue)
        return TradesTold(
            tuple(one for one in found if one.cumulative_volume > above and since <= one.traded_at <= until), whole=True
        )

    def close(self) -> None:
        """Close the connections of the cache; closing twice is safe."""
        self.reads.close()

    def _trades(self, code: str, session: date, venue: Venue) -> Iterator[Trade]:
        now = self._now()
        until = milliseconds(now) if session == now.date() else DAY_MS
        return trades_of(code, session, venue, self.market.tape(code, session, venue).between(0, until))

    def _now(self) -> datetime:
        return self._clock().astimezone(SEOUL)

    def _known(self, stock_code: str) -> str:
        try:
            code = require_stock_code(stock_code)
        except ValueError as error:
            raise InvalidRequestError(str(error)) from None
        if self.market.listed_on(code) > self._now().date():
            raise UnknownStockError(code, self.name)
        return code

    def _require_range(self, first: date, last: date, newest: date) -> list[date]:
        if first > last:
            raise InvalidRequestError(f"first {first} is after last {last}")
        sessions = self.calendar.sessions(first, last)
        if sessions and sessions[-1] > newest:
            raise InvalidRequestError(f"{sessions[-1]} is not over yet: the newest session that can be had is {newest}")
        return sessions

    def _told_minutes(self, code: str, session: date) -> Iterator[MinuteBar]:
        bars = self._minutes(code, session)
        yield from bars
        volume = sum(bar.volume for bar in bars)
        final = self._now() >= self.calendar.final_at(session)
        tell(MinuteEvidence(code, session, volume, day_volume=volume if final else None))

    def _minutes(self, code: str, session: date) -> list[MinuteBar]:
        now = self._now()
        if session == self.calendar.quoted_session(now):
            return self.market.minute_bars_so_far(code, now)
        return self.market.minute_bars(code, session)

    def _sessions_back(self) -> Iterator[date]:
        now = self._now()
        quoted = self.calendar.quoted_session(now)
        begun = now >= self.calendar.open_at(quoted)
        return iter(self.calendar.sessions(self.calendar.first_day, quoted)[::-1][0 if begun else 1 :])

    def _days_back(self, code: str) -> Iterator[DailyBar]:
        now = self._now()
        quoted = self.calendar.quoted_session(now)
        for session in self._sessions_back():
            bar = self.market.day_so_far(code, now) if session == quoted else self.market.daily_bar(code, session)
            if bar is not None:
                yield bar

    def _minutes_back(self, code: str) -> Iterator[MinuteBar]:
        for session in self._sessions_back():
            yield from reversed(self._minutes(code, session))


def _period(period: PriceType) -> PriceType:
    try:
        return PriceType(period)
    except ValueError:
        raise InvalidRequestError(f"period must be a PriceType, not {period!r}") from None
