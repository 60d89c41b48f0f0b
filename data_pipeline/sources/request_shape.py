"""How much one request of each source holds, which tells what a piece of work will cost before it is begun."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from data_pipeline.exceptions import UnsupportedDatasetError


@dataclass(frozen=True)
class RequestShape:
    """What one request of a source can hold."""

    daily_page: int = 100
    """Daily bars of one issue in one request."""
    quotes_page: int = 30
    """Issues in one request for the session that quotes show; 1 when there is no such request."""
    minutes_page: int = 120
    """Minute bars of one issue in one request, packed over neighbouring sessions."""
    running_minutes_page: int = 30
    """Minute bars of one issue in one request while the session runs."""
    minutes_reach: timedelta = timedelta(days=365)
    """How far minutes reach back from the newest final session."""
    market_services: tuple[tuple[str, date], ...] = ()
    """The board or kind of fund of each call for one session, in the order in which they are made, and its first day;
    empty when the source is asked issue by issue."""
    list_calls: int = 0
    """Requests at most for the list of issues of one session; 0 when none is sent."""
    calls_a_day: int | None = None
    """Requests that one key may send in a day; None without such a limit."""
    lacks: frozenset[str] = frozenset()
    """Datasets of past sessions that it does not offer."""
    counted: bool = True
    """Whether requests are sent at all; the synthetic market sends none."""

    @property
    def market_calls(self) -> int:
        """Requests at most for one session of the whole market with funds; 0 when it is asked issue by issue."""
        return len(self.market_services)

    @property
    def first_day(self) -> date:
        """The first day of which it has daily bars; ``date.min`` without a limit."""
        return min((first for _, first in self.market_services), default=date.min)

    def calls_of_day(self, session: date, markets: Collection[str]) -> int:
        """Return the requests for one session of issues of these boards and kinds: made until all of them are found.

        An issue that is not where it should be, or whose board is not known, takes all of them.
        """
        asked = [market for market, first in self.market_services if first <= session]
        return max((asked.index(market) + 1 if market in asked else len(asked) for market in markets), default=0)

    def first_minute_session(self, newest: date) -> date:
        """Return the oldest day whose minutes the source still has when ``newest`` is the newest final session."""
        return newest - self.minutes_reach


_KIS = RequestShape(lacks=frozenset({"instrument"}))
_VIRTUAL = RequestShape(
    quotes_page=1, minutes_page=30, minutes_reach=timedelta(0), lacks=frozenset({"trading_session", "instrument"})
)
_KRX_BEGINS = date(2010, 1, 4)
_KRX = RequestShape(
    market_services=(
        ("KOSPI", _KRX_BEGINS),
        ("KOSDAQ", _KRX_BEGINS),
        ("KONEX", date(2013, 7, 1)),
        ("ETF", _KRX_BEGINS),
        ("ETN", date(2014, 11, 17)),
    ),
    list_calls=3,
    calls_a_day=10_000,
    lacks=frozenset({"minute_bar", "trading_session"}),
)
SHAPES = {
    "kis": _KIS,
    "kis-sandbox": _KIS,
    "kis-virtual": _VIRTUAL,
    "krx": _KRX,
    "krx-sandbox": _KRX,
    "mock": RequestShape(counted=False),
}
"""By what rows carry in ``source``.

Page sizes: KIS Developers, 국내주식기간별시세, 관심종목(멀티종목) 시세조회, 주식일별분봉조회. KIS has daily bars
since the listing of an issue, further back than the trading calendar; KRX publishes sessions from 2010-01-04 on.
"""


def shape_of(source: str, dataset: str) -> RequestShape:
    """Return the shape of a source's requests.

    Args:
        source: What its rows carry in ``source``.
        dataset: What is going to be asked.

    Raises:
        UnsupportedDatasetError: The source does not offer the dataset for past sessions; nothing was sent.
    """
    shape = SHAPES[source]
    if dataset in shape.lacks:
        raise UnsupportedDatasetError(f"{source} has no {dataset} of past sessions; name another source")
    return shape
