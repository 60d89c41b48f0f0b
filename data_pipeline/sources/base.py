"""What the pipeline asks of any source of market data, in the pipeline's words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from typing_extensions import Self

from data_pipeline.client.meter import Meter
from data_pipeline.exceptions import UnsupportedDatasetError
from data_pipeline.market.index_records import IndexBar, IndexSnapshot
from data_pipeline.market.investor_records import InvestorFlow, MarketFlow
from data_pipeline.market.origin import Offer, Origin, RequestShape, origin_of
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
from data_pipeline.market.stream_records import Trade, TradesTold
from data_pipeline.market.venue import Venue

if TYPE_CHECKING:
    from data_pipeline.coordination.identity import SharedBudget
    from data_pipeline.sources.reads import Reads


class AbstractDataSource(ABC):
    """A source of Korean market data, used as a context manager.

    Errors are the same for every source. A malformed stock code is an :class:`InvalidRequestError` (a ``ValueError``)
    before any call. An unknown one is an :class:`UnknownStockError`. A dataset the source does not have is an
    :class:`UnsupportedDatasetError` before any call. An answer that contradicts its document is a
    :class:`PayloadError`. All of these are permanent; a :class:`TransientError` may pass when tried again. No method
    returns an empty result, a zero or a made-up value in place of an error. A source may be used from several threads.
    """

    name: str
    """What stored rows carry in ``source``; see :mod:`data_pipeline.market.origin`."""

    reads: Reads
    """The cache of the four ``get_*`` calls and of no other; off unless ``KIS_CACHE_TTL_*`` turn it on."""

    calls_a_second: float | None = None
    """The quota, over all app keys; None for a source without one."""

    @cached_property
    def meter(self) -> Meter:
        """Tells what is sent and loaded to whoever listens; see :mod:`data_pipeline.client.meter`."""
        return Meter(source=self.name)

    @property
    def origin(self) -> Origin:
        """What its name means: whose rows they are, how they rank and when they come."""
        return origin_of(self.name)

    @property
    def shape(self) -> RequestShape:
        """What one request holds."""
        return self.origin.shape

    @property
    def requests_sent(self) -> int:
        """Requests sent so far that count against a quota, retries included; 0 for a source without one."""
        return 0

    def shared_budget(self) -> SharedBudget | None:
        """Return who counts its calls together with those of other processes; None for a source without a quota."""
        return None

    def gauges(self) -> dict[str, float]:
        """Return what the shared state says now, by the name of the metric; empty for a source that shares none."""
        return {}

    @abstractmethod
    def get_current_price(self, stock_code: str) -> CurrentPrice:
        """Return the last price of one instrument and its day so far."""

    @abstractmethod
    def get_order_book(self, stock_code: str) -> OrderBook:
        """Return the ten-level order book (호가) of one instrument; outside trading hours its sides may be empty."""

    @abstractmethod
    def get_chart_data(self, stock_code: str, period: PriceType, count: int) -> list[ChartData]:
        """Return the last ``count`` bars in raw prices, newest first; fewer only when the instrument is younger.

        Raises:
            InvalidRequestError: ``count`` is not positive.
        """

    @abstractmethod
    def get_stock_info(self, stock_code: str) -> StockInfo:
        """Return what an instrument is: its name, market, sector, shares and par value."""

    @abstractmethod
    def instruments(self, session: date) -> Iterator[Instrument]:
        """Yield every instrument listed in the three markets, in order of stock code.

        Raises:
            InvalidRequestError: The source only knows the present list, and ``session`` is not the present session.
        """

    @abstractmethod
    def daily_bars(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[DailyBar]:
        """Yield raw bars of the sessions from ``first`` to ``last``, both included, for each code in the order given.

        Sessions within one code come in no promised order. A code that was not listed on a session yields no bar for
        it; a code that the source does not know at all raises.
        """

    @abstractmethod
    def minute_bars(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[MinuteBar]:
        """Yield one-minute bars of the sessions from ``first`` to ``last``, both included.

        Minutes without a trade are absent.
        """

    @abstractmethod
    def price_snapshots(self, stock_codes: Sequence[str]) -> Iterator[CurrentPrice]:
        """Yield the present price of each code, in the order given, with as few calls as the source allows."""

    @abstractmethod
    def order_books(self, stock_codes: Sequence[str]) -> Iterator[OrderBook]:
        """Yield the present order book of each code, in the order given."""

    @abstractmethod
    def market_days(self, first: date) -> Iterator[MarketDay]:
        """Yield consecutive calendar days from ``first`` with whether the market opens, as far as one call reaches."""

    def offer(self) -> Offer:
        """Return what it can still bring today in whole market days; nothing is sent.

        Raises:
            UnsupportedDatasetError: It is asked code by code: ``shape.market_calls`` is 0.
        """
        raise UnsupportedDatasetError(f"{self.name} is asked code by code and has no whole market days")

    def market_bars(self, session: date) -> Iterator[DailyBar]:  # noqa: ARG002 - most sources have none
        """Yield the bar of every instrument of one session, funds included.

        Raises:
            UnsupportedDatasetError: It is asked code by code: ``shape.market_calls`` is 0.
        """
        raise UnsupportedDatasetError(f"{self.name} is asked code by code and has no whole market days")

    def index_bars(self, first: date, last: date) -> Iterator[IndexBar]:  # noqa: ARG002 - not every source has them
        """Yield the bars of all indices that it has, of the final sessions from ``first`` to ``last``, both included.

        Those of :data:`~data_pipeline.market.index_records.MAIN_INDICES` are among them. The order is not promised.

        Raises:
            InvalidRequestError: The range is reversed, or a session in it is not final yet.
            UnsupportedDatasetError: The source has no indices, or not so far back.
        """
        raise UnsupportedDatasetError(f"{self.name} has no indices; ask KIS or KRX")

    def index_snapshots(self) -> Iterator[IndexSnapshot]:
        """Yield each of :data:`~data_pipeline.market.index_records.MAIN_INDICES` at this moment.

        Raises:
            UnsupportedDatasetError: The source does not tell of the present, or has no indices.
        """
        raise UnsupportedDatasetError(f"{self.name} has no indices of the present; ask KIS's real server")

    def investor_flows(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[InvestorFlow]:  # noqa: ARG002
        """Yield the investor flows of the final sessions from ``first`` to ``last``, both included, code by code.

        Raises:
            InvalidRequestError: The range is reversed, or a session in it is not final yet.
            UnsupportedDatasetError: The source has none, or not so far back.
        """
        raise UnsupportedDatasetError(f"{self.name} has no investor flows; ask KIS")

    def market_flows(self, session: date) -> Iterator[MarketFlow]:  # noqa: ARG002 - not every source has them
        """Yield what investors bought net on the whole of KOSPI and of KOSDAQ, of one final session.

        Raises:
            InvalidRequestError: The session is not final yet.
            UnsupportedDatasetError: The source does not tell.
        """
        raise UnsupportedDatasetError(f"{self.name} has no investor flows of whole markets; ask KIS's real server")

    def trades(self, stock_codes: Sequence[str], first: date, last: date) -> Iterator[Trade]:  # noqa: ARG002
        """Yield the trades (체결) of the sessions from ``first`` to ``last``, both included, code by code, at KRX.

        Within a code they come by their running volume. What an answer cannot show is missing: their counters tell.

        Raises:
            UnsupportedDatasetError: The source tells of no single trades, or not of that day.
        """
        raise UnsupportedDatasetError(f"{self.name} has no single trades; ask KIS on their own day")

    def trades_between(
        self,
        stock_code: str,  # noqa: ARG002 - most sources have none, as all of them
        venue: Venue,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
        until: datetime,  # noqa: ARG002
        above: int = 0,  # noqa: ARG002
    ) -> TradesTold:
        """Return the trades of one code at one venue in the running session, by their running volume.

        Args:
            stock_code: Whose.
            venue: Where.
            since: The first second, included.
            until: The last second, included, of the same day.
            above: The running volume above which trades are wanted; none of that or less is looked for.

        Raises:
            UnsupportedDatasetError: The source tells of no single trades, or not of that day.
        """
        raise UnsupportedDatasetError(f"{self.name} has no single trades; ask KIS on their own day")

    def unit_size(self, dataset: str, first: date, last: date) -> int | None:  # noqa: ARG002 - most sources do not care
        """Return how many stock codes are best asked for together; work is divided into units of that many.

        1: every code costs requests of its own. None: any number of codes costs the same, so they are never divided.
        """
        return 1

    def close(self) -> None:  # noqa: B027 - most sources hold nothing to give back
        """Give connections back; the source is not used afterwards. Closing twice is safe."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
