"""How much one request of each source holds, which tells what a piece of work will cost before it is begun."""

from __future__ import annotations

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
    minutes_reach: timedelta = timedelta(days=365)
    """How far minutes reach back from the newest final session."""
    first_day: date = date.min
    """The first day of which it has daily bars."""
    market_calls: int = 0
    """Requests at most for one session of the whole market with funds; 0 when the source is asked issue by issue."""
    lacks: frozenset[str] = frozenset()
    """Datasets of past sessions that it does not offer."""
    counted: bool = True
    """Whether requests are sent at all; the synthetic market sends none."""

    def first_minute_session(self, newest: date) -> date:
        """Return the oldest day whose minutes the source still has when ``newest`` is the newest final session."""
        return newest - self.minutes_reach


_KIS = RequestShape()
_VIRTUAL = RequestShape(
    quotes_page=1, minutes_page=30, minutes_reach=timedelta(0), lacks=frozenset({"trading_session"})
)
_KRX = RequestShape(first_day=date(2010, 1, 4), market_calls=5, lacks=frozenset({"minute_bar", "trading_session"}))
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
