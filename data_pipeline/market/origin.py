"""What the name of a source means: the one place that knows whose rows they are, how they rank and when they come."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta

from data_pipeline.exceptions import InvalidRequestError, UnsupportedDatasetError
from data_pipeline.market.boards import ETNS_BEGAN, KONEX_OPENED
from data_pipeline.market.dataset_names import WITH_PAST

EXCHANGE, BROKER = "exchange", "broker"
"""The two voices that tell of an instrument, as ``market.instrument_list`` names them."""
KRX_BEGINS = date(2010, 1, 4)
"""The first session that the KRX Open API has. Source: its service descriptions."""


@dataclass(frozen=True)
class RequestShape:
    """What one request of a source holds, which tells what a piece of work costs before it is begun."""

    daily_page: int = 100
    """Daily bars of one instrument in one request."""
    quotes_page: int = 30
    """Instruments in one request for the session that quotes show; 1 when there is no such request."""
    minutes_page: int = 120
    """Minute bars of one instrument in one request, packed over neighbouring sessions."""
    running_minutes_page: int = 30
    """Minute bars of one instrument in one request while the session runs."""
    index_page: int = 50
    """Daily bars of one index in one request; the oldest is spent on the change of the next."""
    flows_page: int = 30
    """Sessions of investor flows of one instrument in one request."""
    reach: Mapping[str, timedelta] = field(default_factory=lambda: {"minute_bar": timedelta(days=365)})
    """How far a dataset reaches back from the newest final session; one that is not named reaches back to the first."""
    market_services: tuple[tuple[str, date], ...] = ()
    """The board or kind of fund of each call for one session, in the order in which they are made, and its first day;
    empty when the source is asked code by code."""
    list_calls: int = 0
    """Requests at most for the list of instruments of one session; 0 when none is sent."""
    calls_a_day: int | None = None
    """Requests that one key may send in a day; None without such a limit."""
    lacks: frozenset[str] = frozenset()
    """Datasets that it does not offer for past sessions; with ``instrument`` in it, its lists do not reach back."""
    counted: bool = True
    """Whether requests are sent at all; the synthetic market sends none."""

    @property
    def market_calls(self) -> int:
        """Requests at most for one session of the whole market with funds; 0 when it is asked code by code."""
        return len(self.market_services)

    @property
    def first_day(self) -> date:
        """The first day of which it has daily bars; ``date.min`` without a limit."""
        return min((first for _, first in self.market_services), default=date.min)

    def calls_of_day(self, session: date, markets: Collection[str]) -> int:
        """Return the requests for one session of these boards and kinds of fund: made until all of them are found.

        A board that is not known takes all of them.
        """
        asked = [market for market, first in self.market_services if first <= session]
        return max((asked.index(market) + 1 if market in asked else len(asked) for market in markets), default=0)


@dataclass(frozen=True)
class Offer:
    """What a source of whole market days can still bring today."""

    source: str
    """Its name."""
    last: date
    """The newest session that it has published."""
    calls_left: int
    """Calls that its key has left today."""


@dataclass(frozen=True)
class Origin:
    """What is known of a source by its name, before anything is asked."""

    name: str
    """What its rows carry in ``source``."""
    vendor: str
    """Kind of source, as ``DATA_SOURCE_TYPE`` and the type of the Airflow connection name it: kis, krx or mock."""
    made_up: bool
    """Whether its rows are synthetic; a warehouse holds real rows or synthetic ones, never both."""
    rank: int
    """For the same key the row of the higher rank stays; compared among real sources, and among synthetic ones."""
    voice: str
    """Whose word its lists are: the exchange's or the brokers'."""
    shape: RequestShape
    published_from: time | None = None
    """From when on a session's figures are there on the next session, in Seoul; None: as soon as they are final."""

    @property
    def official(self) -> bool:
        """Whether its figures are the exchange's own; those of the brokers are provisional."""
        return self.voice == EXCHANGE


_KIS = RequestShape(lacks=frozenset({"instrument"}))
_VIRTUAL = RequestShape(
    quotes_page=1,
    minutes_page=30,
    reach={"minute_bar": timedelta(0), "investor_flow": timedelta(days=40)},
    lacks=frozenset({"trading_session", "instrument"}),
)
_KRX = RequestShape(
    market_services=(
        ("KOSPI", KRX_BEGINS),
        ("KOSDAQ", KRX_BEGINS),
        ("KONEX", KONEX_OPENED),
        ("ETF", KRX_BEGINS),
        ("ETN", ETNS_BEGAN),
    ),
    list_calls=3,
    calls_a_day=10_000,
    lacks=frozenset({"minute_bar", "trading_session", "investor_flow"}),
)
_REPLAY = RequestShape(lacks=frozenset(WITH_PAST), counted=False)
_NEXT_MORNING = time(8)
AUTO = "auto"
"""The choice of a source is left open."""
SANDBOX = "kis-sandbox"
"""Rows of an emulator that speaks KIS: what is loaded where no key is set."""
ORIGINS = {
    one.name: one
    for one in (
        Origin("kis", "kis", made_up=False, rank=2, voice=BROKER, shape=_KIS),
        Origin("kis-virtual", "kis", made_up=False, rank=1, voice=BROKER, shape=_VIRTUAL),
        Origin(SANDBOX, "kis", made_up=True, rank=2, voice=BROKER, shape=_KIS),
        Origin("krx", "krx", made_up=False, rank=3, voice=EXCHANGE, shape=_KRX, published_from=_NEXT_MORNING),
        Origin("krx-sandbox", "krx", made_up=True, rank=3, voice=EXCHANGE, shape=_KRX, published_from=_NEXT_MORNING),
        Origin("mock", "mock", made_up=True, rank=1, voice=BROKER, shape=RequestShape(counted=False)),
        Origin("replay", "kis", made_up=True, rank=0, voice=BROKER, shape=_REPLAY),
    )
}
"""Every source, by name; the migrations hold the same in ``market.source``, ``is_made_up`` and ``source_rank``.

Page sizes: KIS Developers, 국내주식기간별시세, 관심종목(멀티종목) 시세조회, 주식일별분봉조회. KIS has daily bars
since the listing of an instrument, further back than the trading calendar. KRX's first days and its hour of
publication: service descriptions of the KRX Open API.
"""


def origin_of(source: str) -> Origin:
    """Return what a source's name means.

    Raises:
        InvalidRequestError: There is no such source.
    """
    try:
        return ORIGINS[source]
    except KeyError:
        raise InvalidRequestError(f"source must be one of {', '.join(ORIGINS)}, not {source!r}") from None


def shape_of(source: str, dataset: str) -> RequestShape:
    """Return what a request of a source holds, if it offers the dataset for past sessions.

    Args:
        source: Its name.
        dataset: What is going to be asked for.

    Raises:
        InvalidRequestError: There is no such source.
        UnsupportedDatasetError: The source does not offer the dataset for past sessions; nothing was sent.
    """
    shape = origin_of(source).shape
    if dataset in shape.lacks:
        raise UnsupportedDatasetError(f"{source} has no {dataset} of past sessions; name another source")
    return shape
