"""Market data in the pipeline's words, from the Korea Investment & Securities Open API."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import chain, islice

from requests.adapters import BaseAdapter

from data_pipeline.coordination.identity import SharedBudget
from data_pipeline.coordination.kept_file import KeptFiles
from data_pipeline.coordination.opening import open_files, open_store
from data_pipeline.coordination.store import Store, hashed
from data_pipeline.exceptions import UnsupportedDatasetError
from data_pipeline.market.arguments import checked_code, checked_codes, checked_count, checked_range
from data_pipeline.market.clock import Clock, require_real_clock
from data_pipeline.market.index_records import IndexBar, IndexSnapshot
from data_pipeline.market.investor_records import InvestorFlow, MarketFlow
from data_pipeline.market.origin import RequestShape, origin_of
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
from data_pipeline.market.rejections import keep_good
from data_pipeline.market.stream_records import Trade, TradesTold
from data_pipeline.market.trading_calendar import TradingCalendar, krx_calendar
from data_pipeline.market.venue import Venue
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.kis import parse
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.codes import kis_code, symbol
from data_pipeline.sources.kis.endpoints import HOLIDAYS, ORDER_BOOK, PRICE, STOCK_INFO, Endpoint
from data_pipeline.sources.kis.english_names import display_name
from data_pipeline.sources.kis.history import History
from data_pipeline.sources.kis.indices import index_bars, index_snapshots
from data_pipeline.sources.kis.interactive import aggregated
from data_pipeline.sources.kis.investors import Investors
from data_pipeline.sources.kis.market_flows import market_flows
from data_pipeline.sources.kis.minutes import Minutes
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.quotes import SLOTS, ask_quotes, batches
from data_pipeline.sources.kis.server_clock import ServerClock
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.stock_master import StockMaster
from data_pipeline.sources.kis.trades import Trades
from data_pipeline.sources.reads import Reads, address_name

logger = logging.getLogger(__name__)


class KISDataSource(AbstractDataSource):
    """A source over the KIS Open API, real or virtual; may be used from several threads at once.

    The server's own clock (the ``Date`` header) decides which session a quote belongs to. ``stock_name`` is the English
    name of large issuers and the abbreviated Korean name of all others: KIS quotes carry no name, so it comes from the
    stock master, downloaded once a day and host without using the quota. The virtual server lacks several calls:
    there, prices are asked code by code, and past minutes and holidays raise :class:`UnsupportedDatasetError`.

    Args:
        settings: Where and with which key.
        store: The state that processes share; None opens the one of ``COORDINATION_URL``.
        adapter: The transport; None uses the network.
        clock: The market's clock, used until the server's is known.
        sleep: Waits that many seconds.
        wall: Real time in seconds since 1970 (UTC), by which tokens expire.
        files: Keeps the stock master for the processes of this host; None keeps it beside the state of
            ``COORDINATION_URL``, or nowhere when a store is handed in.

    Raises:
        ConfigurationError: The settings lead to KIS's own server and ``MARKET_CLOCK`` fixes the clock.
    """

    def __init__(
        self,
        settings: KisSettings,
        store: Store | None = None,
        adapter: BaseAdapter | None = None,
        *,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        wall: Callable[[], float] = time.time,
        files: KeptFiles | None = None,
    ) -> None:
        if not settings.is_sandbox:
            require_real_clock(clock, settings.base_url)
        self.name = settings.source_name
        wait = settings.queue_timeout
        self._store = store or open_store(settings.coordination_url, patience=wait, wait=wait)
        self.client = KisClient(settings, self._store, adapter, clock, sleep, wall)
        self.meter = self.client.meter
        self.calls_a_second = (settings.rate_limit or 0.0) * (1 + len(settings.more_keys)) or None
        self._virtual = bool(settings.use_virtual)
        self._calendar: TradingCalendar = krx_calendar()
        files = files if store else files or open_files("stock-master", settings.coordination_url)
        self._master = StockMaster(self.client.download_master, self._calendar, files, hashed(settings.master_url))
        self._clock = ServerClock(clock)
        self._history = History(self._call, self._clock, self._calendar)
        self._minutes = Minutes(self._call, self._clock, self._calendar, virtual=self._virtual)
        self._investors = Investors(self._call, self._clock, self._calendar, virtual=self._virtual)
        self._trades = Trades(self._call, self._calendar, virtual=self._virtual)
        self._warned = False
        self.reads = Reads(
            settings.cache_ttl, f"{self.name}:{address_name(settings.base_url)}", settings.cache_url or ""
        )

    def __repr__(self) -> str:
        return f"KISDataSource({self.name})"

    @property
    def shape(self) -> RequestShape:
        """How much one request holds; an emulator of the virtual server has the virtual server's requests."""
        return origin_of("kis-virtual").shape if self._virtual else super().shape

    @property
    def requests_sent(self) -> int:
        """Calls of this source that took a slot of the quota, retries included; master files cost none."""
        return self.client.requests_sent

    def shared_budget(self) -> SharedBudget:
        """Return the budgets of all app keys."""
        return SharedBudget(self._store, self.client.key_names)

    def gauges(self) -> dict[str, float]:
        """Return the breaker (0 closed, 1 half open, 2 open; failures in a row) and the budgets of all keys.

        Rate, wait and sends are of the ordinary calls: KIS counts ledger calls apart, so they add nothing to those.
        """
        breaker = self.client.breaker.snapshot()
        budgets = [limiter.snapshot() for limiter in self.client.limiters]
        return {
            "breaker.state": float(breaker.level),
            "breaker.failures": float(breaker.failures),
            "budget.rate": sum(one.rate for one in budgets),
            "budget.wait_seconds": min(one.ahead for one in budgets),
            "budget.sends": float(sum(one.sends for one in budgets)),
        }

    def get_current_price(self, stock_code: str) -> CurrentPrice:
        """Return an instrument's last price and its day so far; see :class:`AbstractDataSource` for the errors."""
        code = checked_code(stock_code)
        return self.reads.price(code, lambda: self._price(code))

    def get_order_book(self, stock_code: str) -> OrderBook:
        """Return an instrument's ten-level book; KIS publishes no number of orders, so every ``count`` is None."""
        code = checked_code(stock_code)
        return self.reads.book(code, lambda: self._book(code))

    def get_chart_data(self, stock_code: str, period: PriceType, count: int) -> list[ChartData]:
        """Return the last ``count`` bars in raw prices, newest first, the bar of the running session included.

        Minute bars begin with the last complete minute, in a running session with the last one whose shares KIS has
        moved into its row (at the next trade); bars of 5 and 30 minutes are made from one-minute bars. They
        reach back about a year on the real server and to the open of the quoted session on the virtual one.

        Raises:
            InvalidRequestError: ``count`` is not positive.
            UnsupportedDatasetError: So many minute bars reach further back than the server's minutes do.
        """
        code = checked_code(stock_code)
        checked_count(period, count)
        return self.reads.chart(code, period, count, lambda: self._chart(code, period, count))

    def get_stock_info(self, stock_code: str) -> StockInfo:
        """Return what an instrument is; the virtual server has no such call, so there the stock master answers.

        The master has ``listed_shares`` in thousands; the real server has the exact number.
        """
        code = checked_code(stock_code)
        return self.reads.info(code, lambda: self._info(code))

    def instruments(self, session: date) -> Iterator[Instrument]:
        """Yield every instrument of the stock master files, which describe the present session only.

        Raises:
            InvalidRequestError: ``session`` is not the quoted session, nor, once that is final, the next one.
        """
        checked_range(session, session)
        return iter(self._master.instruments(session))

    def daily_bars(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[DailyBar]:
        """Yield raw daily bars, newest first within a code.

        A range costs one call for every hundred sessions of a code. The one session that quotes show, once it is
        final, costs one call for thirty codes and one more to prove that the quotes are of that session.

        Raises:
            InvalidRequestError: The range holds a session that is not final yet by the server's clock.
        """
        codes = checked_codes(stock_codes)
        checked_range(first, last)
        if first == last and not self._virtual:
            return self._history.bars_of_session(codes, first)
        return chain.from_iterable(self._history.daily_bars(code, first, last) for code in codes)

    def minute_bars(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[MinuteBar]:
        """Yield complete one-minute bars, oldest first within a code; see :meth:`get_chart_data` for how far back.

        On the real server 120 bars cost one call, counted across days, so twenty sessions of 381 bars cost 64; the
        session that has not closed yet, and everything on the virtual server, costs one call for 30.

        Raises:
            InvalidRequestError: A session has not begun by the server's clock.
            UnsupportedDatasetError: A session lies further back than the server's minutes do.
        """
        codes = checked_codes(stock_codes)
        checked_range(first, last)
        sessions = self._calendar.sessions(first, last)
        if not sessions:
            return iter(())
        return (bar for code in codes for bar in reversed([*self._minutes.bars(code, sessions[0], sessions[-1])]))

    def price_snapshots(self, stock_codes: Sequence[str]) -> Iterator[CurrentPrice]:
        """Yield the present price of each code: thirty in one call on the real server, one on the virtual one.

        ``market_cap`` is None where thirty come in one call.
        """
        codes = checked_codes(stock_codes)
        if self._virtual:
            self._say_what_it_costs()
            return keep_good(self._price, codes, str)
        return (price for batch in batches(codes) for price in self._quoted_prices(batch))

    def order_books(self, stock_codes: Sequence[str]) -> Iterator[OrderBook]:
        """Yield the present order book of each code, one call each."""
        return keep_good(self._book, checked_codes(stock_codes), str)

    def market_days(self, first: date) -> Iterator[MarketDay]:
        """Yield 24 calendar days from ``first``. KIS asks for at most one such call a day.

        Raises:
            UnsupportedDatasetError: The virtual server does not have it.
        """
        checked_range(first, first)
        params = {"BASS_DT": f"{first:%Y%m%d}", "CTX_AREA_NK": "", "CTX_AREA_FK": ""}
        return iter(parse.parse_market_days(first, self._call(HOLIDAYS, params, f"{first}")))

    def index_bars(self, first: date, last: date) -> Iterator[IndexBar]:
        """Yield the bars of main indices and sectors, newest first within an index; a call for 49 sessions of an index.

        Raises:
            InvalidRequestError: The range is reversed, or a session is not final yet by the server's clock.
        """
        checked_range(first, last)
        return index_bars(self._call, self._calendar, first, last)

    def index_snapshots(self) -> Iterator[IndexSnapshot]:
        """Yield the main indices at this moment, one call each.

        Raises:
            UnsupportedDatasetError: It is the virtual server, which does not have it; nothing was sent.
        """
        if self._virtual:
            raise UnsupportedDatasetError("KIS's virtual server has no indices of the present; use the real server")
        return index_snapshots(self._call)

    def investor_flows(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[InvestorFlow]:
        """Yield the flows of each code, newest first, values to a million won; a call holds thirty sessions of a code.

        The virtual server tells individuals, foreigners and institutions in total only, of the newest thirty sessions.

        Raises:
            InvalidRequestError: The range is reversed, or holds a session that is not final yet by the server's clock.
            UnsupportedDatasetError: It begins earlier than the virtual server reaches.
        """
        codes = checked_codes(stock_codes)
        checked_range(first, last)
        return (flow for code in codes for flow in self._investors.flows(code, first, last))

    def market_flows(self, session: date) -> Iterator[MarketFlow]:
        """Yield what investors bought net on KOSPI and KOSDAQ, won to a million, a call each.

        Raises:
            InvalidRequestError: The session is not final yet by the server's clock.
            UnsupportedDatasetError: It is the virtual server, which does not have it; nothing was sent.
        """
        if self._virtual:
            raise UnsupportedDatasetError("KIS's virtual server has no flows of whole markets; use the real server")
        return market_flows(self._call, self._calendar, session)

    def trades(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[Trade]:
        """Yield the trades of the quoted session at KRX, thirty a call; of seconds with more the newest thirty.

        Raises:
            UnsupportedDatasetError: The range holds a session that is not the quoted one.
        """
        codes = checked_codes(stock_codes)
        checked_range(first, last)
        return (one for code in codes for day in self._calendar.sessions(first, last)
                for one in self._trades.of_session(code, day))  # fmt: skip

    def trades_between(
        self, stock_code: str, venue: Venue, since: datetime, until: datetime, above: int = 0
    ) -> TradesTold:
        """Return trades of today at a venue, thirty a call and a hundred calls at most, the newest first.

        Raises:
            UnsupportedDatasetError: The day is not the quoted one, or it is the virtual server and not KRX.
        """
        return self._trades.between(checked_code(stock_code), venue, since, until, above)

    def unit_size(self, dataset: str, first: date, last: date) -> int | None:
        """Return 30 where one call holds the quotes of thirty codes; everything else is asked for code by code."""
        quotes = dataset == "price_snapshot" or (
            dataset == "daily_bar" and first == last and not self._history.is_past(last)
        )
        return SLOTS if quotes and not self._virtual else 1

    def close(self) -> None:
        """Close every connection; closing twice is safe."""
        self.client.close()
        self.reads.close()

    def _say_what_it_costs(self) -> None:
        if not self._warned:
            self._warned = True
            logger.info("The virtual server of KIS has no multi-price: every price costs a call, not every thirtieth")

    def _call(self, endpoint: Endpoint, params: Mapping[str, str], subject: str) -> Answer:
        answer = self.client.call(endpoint, params, subject)
        self._clock.hear(answer.at)
        return answer

    def _chart(self, code: str, period: PriceType, count: int) -> list[ChartData]:
        if period.minutes is None:
            return list(self._history.chart(code, period, count))
        parts = self._minutes.back(code, lambda: self._listed(code).listed_on)
        bars = chain.from_iterable(aggregated(code, minutes, period.minutes or 1) for minutes in parts)
        return list(islice(bars, count))

    def _price(self, code: str) -> CurrentPrice:
        answer = self._call(PRICE, symbol(code), code)
        price = parse.parse_price(code, answer)
        return replace(price, stock_name=self._master.name(code, answer.at))

    def _book(self, code: str) -> OrderBook:
        answer = self._call(ORDER_BOOK, symbol(code), code)
        book = parse.parse_order_book(code, answer)
        return replace(book, stock_name=self._master.name(code, answer.at))

    def _info(self, code: str) -> StockInfo:
        if self._virtual:
            one = self._listed(code)
            name = display_name(code, one.name)
            return StockInfo(code, name, one.market, listed_shares=one.listed_shares, face_value=one.face_value)
        params = {"PRDT_TYPE_CD": "300", "PDNO": kis_code(code)}
        return parse.parse_stock_info(code, self._call(STOCK_INFO, params, code))

    def _listed(self, code: str) -> Instrument:
        return self._master.instrument(code, self._clock.now())

    def _quoted_prices(self, batch: Sequence[str]) -> Iterator[CurrentPrice]:
        at, rows = ask_quotes(self._call, batch)
        return keep_good(lambda code: parse.parse_quote_price(code, at, rows[code]), batch, str)
