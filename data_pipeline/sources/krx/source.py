"""Market data in the pipeline's words, from the Open API of the Korea Exchange."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import NoReturn

from requests.adapters import BaseAdapter

from data_pipeline.coordination.identity import SharedBudget
from data_pipeline.coordination.opening import open_store
from data_pipeline.coordination.store import Store
from data_pipeline.exceptions import PayloadError, UnknownStockError, UnsupportedDatasetError
from data_pipeline.market.arguments import checked_code, checked_codes, checked_count, checked_range
from data_pipeline.market.clock import Clock, require_real_clock
from data_pipeline.market.index_records import IndexBar
from data_pipeline.market.origin import KRX_BEGINS, Offer
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
)
from data_pipeline.market.rejections import Rejection, collecting
from data_pipeline.market.trading_calendar import TradingCalendar, krx_calendar
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.krx import parse
from data_pipeline.sources.krx.client import KrxClient
from data_pipeline.sources.krx.endpoints import FUND_BARS, INDEX_BARS, STOCK_BARS, Endpoint
from data_pipeline.sources.krx.listing import Listing
from data_pipeline.sources.krx.market_days import MarketBars, MarketDays
from data_pipeline.sources.krx.publication import Publication
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.reads import Reads, address_name

logger = logging.getLogger(__name__)

_STORE_WAIT = 30.0
"""Seconds for which running work waits for shared state that is away."""


class KRXDataSource(AbstractDataSource):
    """A source over the KRX Open API: official figures, a whole market in one call, from 08:00 of the next session.

    It has daily bars, indices and the base info of instruments. Quotes, order books, minutes and the calendar are an
    :class:`UnsupportedDatasetError` before any call. Calendar and clock decide what must be there: a closed day costs
    no call, a session that is not published yet is a :class:`NotPublishedError`, and one that must be there but comes
    empty is an :class:`IncompleteDataError`. May be used from several threads at once.

    Args:
        settings: Where and with which key.
        store: The state that processes share; None opens the one of ``COORDINATION_URL``.
        adapter: The transport; None uses the network.
        clock: The market's clock.
        sleep: Waits that many seconds.

    Raises:
        ConfigurationError: The settings lead to KRX's own server and ``MARKET_CLOCK`` fixes the clock.
    """

    calls_a_second = 1.6
    """No quota but what one process achieves: it asks for one market day at a time, and KRX takes about 0.6 s each."""

    def __init__(
        self,
        settings: KrxSettings,
        store: Store | None = None,
        adapter: BaseAdapter | None = None,
        *,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if settings.environment != "sandbox":
            require_real_clock(clock, settings.base_url)
        self.name = settings.source_name
        shared = store or open_store(settings.coordination_url, wait=_STORE_WAIT)
        self.client = KrxClient(settings, shared, adapter, clock, sleep)
        self.meter = self.client.meter
        self._calendar: TradingCalendar = krx_calendar()
        self.publication = Publication(self.origin, self._calendar, clock)
        self._days = MarketDays(self._fetch)
        self._listing = Listing(self.client, self.publication)
        self.reads = Reads(
            settings.cache_ttl, f"{self.name}:{address_name(settings.base_url)}", settings.cache_url or ""
        )

    def __repr__(self) -> str:
        return f"KRXDataSource({self.name})"

    @property
    def requests_sent(self) -> int:
        """Calls sent so far, each of which counts against the key's quota of the day; retries included."""
        return self.client.requests_sent

    def shared_budget(self) -> SharedBudget:
        """Return the budget of the key, which is that of the day."""
        return self.client.budget

    def daily_bars(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[DailyBar]:
        """Yield official raw daily bars, newest first within a code, funds (ETF, ETN) included.

        A session costs one call a market, three for stocks of all markets and up to two more for funds, however many
        codes are asked for and however often, as long as the source keeps the session.

        Raises:
            InvalidRequestError: The range holds a session that is not final yet by the local clock.
            UnsupportedDatasetError: It holds a session before 2010-01-04, the first that KRX has.
            NotPublishedError: Its last session is final and not published yet.
            UnknownStockError: A code has no bar in the range and is not listed now either.
        """
        codes = checked_codes(stock_codes)
        checked_range(first, last)
        sessions = self._calendar.sessions(first, last)
        if not codes or not sessions:
            return iter(())
        self._require(sessions[-1])
        _require_reach(sessions[0])
        return self._bars(codes, sessions)

    def offer(self) -> Offer:
        """Return what it can still bring today, out of calendar, clock and the shared count of the key's calls.

        Raises:
            CoordinationError: The shared count of calls cannot be read.
        """
        return Offer(self.name, self.publication.last_published(), self.client.quota.left())

    def market_bars(self, session: date) -> Iterator[DailyBar]:
        """Yield the official bar of every stock and fund of one session; five calls at most.

        Raises:
            InvalidRequestError: It is no session, or not final yet by the local clock.
            UnsupportedDatasetError: It lies before 2010-01-04, the first session that KRX has.
            NotPublishedError: It is not published yet.
        """
        self._require(session)
        return (bar for endpoint in (*STOCK_BARS, *FUND_BARS) for bar in self._whole(endpoint, session))

    def index_bars(self, first: date, last: date) -> Iterator[IndexBar]:
        """Yield the bar of every KRX, KOSPI and KOSDAQ index, newest session first; three calls a session.

        Raises:
            InvalidRequestError: The range is reversed, or holds a session that is not final yet by the local clock.
            UnsupportedDatasetError: It holds a session before 2010-01-04, the first that KRX has.
            NotPublishedError: Its last session is not published yet.
        """
        checked_range(first, last)
        sessions = self._calendar.sessions(first, last)
        if sessions:
            self._require(sessions[-1])
            _require_reach(sessions[0])
        return (bar for session in reversed(sessions) for one in INDEX_BARS for bar in self._indices(one, session))

    def instruments(self, session: date) -> Iterator[Instrument]:
        """Yield the stocks of the three markets as listed on any published session since 2010; three calls.

        Funds have no base info at KRX and are absent; ``halted``, ``managed`` and ``liquidation`` are None.

        The present session (the one that quotes show, and the next one once that is final) is published a day too late
        for those who load it: until then the instruments of the last published session come, with that session in
        ``as_of``, and the log says so. What is listed or delisted on the present session itself shows when it is asked
        for again after 08:00 of the next.

        Raises:
            InvalidRequestError: It is no session, or not final yet by the local clock.
            UnsupportedDatasetError: It lies before 2010-01-04, the first session that KRX has.
            NotPublishedError: It is not published yet.
        """
        checked_range(session, session)
        published = self.publication.last_published()
        if session > published and self.publication.is_present(session):
            logger.info("KRX has not published %s yet: its instruments are those of %s", session, published)
            return iter(self._listing.of(published).values())
        self._require(session)
        return iter(self._listing.of(session).values())

    def get_stock_info(self, stock_code: str) -> StockInfo:
        """Return what a stock is, by the base info of the last published session; its name is the Korean one.

        Raises:
            UnsupportedDatasetError: It is a fund; KRX has no base info of funds.
        """
        code = checked_code(stock_code)
        return self.reads.info(code, lambda: self._info(code))

    def _info(self, code: str) -> StockInfo:
        one = self._listing.newest().get(code)
        if one is None:
            self._require_known(code)
            raise UnsupportedDatasetError(f"KRX has no base info of funds (ETF, ETN), and {code} is one")
        return StockInfo(code, one.name, one.market, listed_shares=one.listed_shares, face_value=one.face_value)

    def get_chart_data(self, stock_code: str, period: PriceType, count: int) -> list[ChartData]:
        """Refuse: a chart of one code would cost calls for whole markets; take daily bars from the warehouse.

        Raises:
            UnsupportedDatasetError: Always, when the arguments are right.
        """
        checked_code(stock_code)
        checked_count(period, count)
        self._unsupported("charts of one code (one call brings a whole market of one day; load daily bars instead)")

    def get_current_price(self, stock_code: str) -> CurrentPrice:
        """Refuse with :class:`UnsupportedDatasetError`: KRX publishes whole days only."""
        checked_code(stock_code)
        self._unsupported("current prices")

    def get_order_book(self, stock_code: str) -> OrderBook:
        """Refuse with :class:`UnsupportedDatasetError`: KRX publishes whole days only."""
        checked_code(stock_code)
        self._unsupported("order books")

    def minute_bars(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[MinuteBar]:
        """Refuse with :class:`UnsupportedDatasetError`: KRX publishes whole days only."""
        checked_codes(stock_codes)
        checked_range(first, last)
        self._unsupported("minute bars")

    def price_snapshots(self, stock_codes: Sequence[str]) -> Iterator[CurrentPrice]:
        """Refuse with :class:`UnsupportedDatasetError`: KRX publishes whole days only."""
        checked_codes(stock_codes)
        self._unsupported("current prices")

    def order_books(self, stock_codes: Sequence[str]) -> Iterator[OrderBook]:
        """Refuse with :class:`UnsupportedDatasetError`: KRX publishes whole days only."""
        checked_codes(stock_codes)
        self._unsupported("order books")

    def market_days(self, first: date) -> Iterator[MarketDay]:
        """Refuse with :class:`UnsupportedDatasetError`: the Open API has no calendar."""
        checked_range(first, first)
        self._unsupported("the trading calendar")

    def unit_size(self, dataset: str, first: date, last: date) -> int | None:  # noqa: ARG002 - it is alike for all
        """Return None: a call brings a market's whole day, whatever codes are asked for."""
        return None

    def close(self) -> None:
        """Close every connection; closing twice is safe."""
        self.client.close()
        self.reads.close()

    def _unsupported(self, what: str) -> NoReturn:
        raise UnsupportedDatasetError(f"the KRX Open API does not offer {what}; use a KIS connection")

    def _require(self, session: date) -> None:
        self.publication.require(session)
        _require_reach(session)

    def _bars(self, codes: Sequence[str], sessions: Sequence[date]) -> Iterator[DailyBar]:
        found: dict[str, list[DailyBar]] = {code: [] for code in codes}
        markets: dict[str, tuple[Endpoint, ...]] = {}
        # From the newest on: an instrument that is listed now shows at once whether it is a stock or a fund.
        for session in reversed(sessions):
            for code, bar, services in self._of_session(found, session, markets):
                found[code] += [] if bar is None else [bar]
                markets[code] = services
        for code in found.keys() - markets.keys():
            self._require_known(code)
        for code in codes:
            yield from found[code]

    def _of_session(
        self, codes: Iterable[str], session: date, markets: dict[str, tuple[Endpoint, ...]]
    ) -> Iterator[tuple[str, DailyBar | None, tuple[Endpoint, ...]]]:
        """Yield each code that the services have with its bar, or with None when its row is wrong and was set aside."""
        missing = set(codes)
        for services in (STOCK_BARS, FUND_BARS):
            for endpoint in services:
                wanted = {code for code in missing if markets.get(code, services) is services}
                if wanted:
                    day = self._days.get(endpoint, session)
                    wrong = day.set_aside(wanted)
                    here = [(code, bar) for code in wanted if (bar := day.get(code)) is not None or code in wrong]
                    missing -= {code for code, _ in here}
                    yield from ((code, bar, services) for code, bar in here)

    def _whole(self, endpoint: Endpoint, session: date) -> MarketBars:
        day = self._days.get(endpoint, session)
        day.set_aside()
        return day

    def _require_known(self, code: str) -> None:
        """Raise UnknownStockError unless the code is listed by the last published session."""
        newest = self.publication.last_published()
        known = code in self._listing.newest()
        if not known and all(self._days.get(endpoint, newest).get(code) is None for endpoint in FUND_BARS):
            raise UnknownStockError(code, f"KRX on {newest}")

    def _fetch(self, endpoint: Endpoint, session: date) -> MarketBars:
        if session < endpoint.first:
            return MarketBars(session, [])
        rows = self.client.rows(endpoint, session)
        with collecting() as held:
            bars = list(parse.parse_daily_bars(rows, session))
        if 2 * len(held.rows) > len(rows):
            raise _wrong_as_a_whole(f"KRX {endpoint.name} of {session}", held.rows, len(rows))
        if not bars and endpoint.may_be_empty:
            logger.warning("KRX %s has nothing for %s, although other markets may", endpoint.name, session)
        elif not bars:
            raise self.publication.nothing_came(f"KRX {endpoint.name}", session)
        return MarketBars(session, bars, held.rows)

    def _indices(self, endpoint: Endpoint, session: date) -> list[IndexBar]:
        bars = list(parse.parse_index_bars(self.client.rows(endpoint, session), session))
        if not bars:
            raise self.publication.nothing_came(f"KRX {endpoint.name}", session)
        return bars


def _wrong_as_a_whole(where: str, wrong: Sequence[Rejection], rows: int) -> PayloadError:
    """Return the error of an answer most of whose rows are wrong: then the few others are not to be believed either."""
    error = PayloadError(f"{where}: {len(wrong)} of {rows} rows are wrong, the first of them: {wrong[0].reason}")
    error.payload, error.origin = wrong[0].payload, wrong[0].origin
    return error


def _require_reach(session: date) -> None:
    if session < KRX_BEGINS:
        raise UnsupportedDatasetError(f"the KRX Open API begins on {KRX_BEGINS} and has nothing for {session}; ask KIS")
