"""Daily bars of indices (지수 일봉)."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from operator import attrgetter

from data_pipeline.datasets.beside import INDICES_BEFORE
from data_pipeline.datasets.dataset import Dataset, Due, MarketSize, No
from data_pipeline.datasets.findings import Context, Earlier, Finding
from data_pipeline.datasets.frame import SESSION, SOURCE, Column, Frame, Type, text
from data_pipeline.datasets.index_checks import check_levels, check_main_indices
from data_pipeline.datasets.row_checks import check_session
from data_pipeline.datasets.table import CANDLE_COLUMNS, Table
from data_pipeline.market.index_records import MAIN_INDICES, IndexBar, main_labels
from data_pipeline.market.origin import RequestShape
from data_pipeline.market.sector_indices import SECTOR_INDICES

INDICES = 131
"""Indices that the exchange publishes a session, about."""
_COLUMNS = ("family", "name", "session", *CANDLE_COLUMNS[:4], "change", *CANDLE_COLUMNS[4:], "market_cap")
_SERVICES = 3
_POINTS = [
    Column(name, Type.REAL, "points", f"b.{name}::float8", nullable=True)
    for name in ("open", "high", "low", "close", "change")
]


def _requests(shape: RequestShape, sessions: int) -> int:
    """Return three calls a session of the exchange, or of a broker a chart of each index, one row of which is spent.

    Of a broker these are the most: sectors are asked for since ``SECTORS_SINCE`` only.
    """
    if shape.market_calls:
        return _SERVICES * sessions
    return (len(MAIN_INDICES) + len(SECTOR_INDICES)) * ceil(sessions / _at_once(shape))


def _at_once(shape: RequestShape) -> int:
    return 1 if shape.market_calls else shape.index_page - 1


def check_index_bar(bar: IndexBar, earlier: Earlier, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with an index bar: its session, its move, its base, or that it repeats the one before."""
    yield from check_session(bar, bar.session, context)
    yield from check_levels(bar, earlier)


INDEX_BAR = Dataset(
    title="index bars (지수 일봉)",
    about="open, high, low, close, volume and value of one index on one session, in points",
    table=Table(
        "index_bar",
        IndexBar,
        _COLUMNS,
        ("family", "name", "session"),
        attrgetter(*_COLUMNS),
        day="session",
        sealed=True,
    ),
    due=Due.WHOLE_MARKET,
    ask=lambda source, window: source.index_bars(window.first, window.last),
    market_day=lambda source, window: source.index_bars(window.first, window.last),
    size=MarketSize(INDICES, main_labels, _requests, _at_once),
    beside=INDICES_BEFORE,
    check=check_index_bar,
    check_window=check_main_indices,
    sieve=No("its rows are few"),
    follows=No("nothing is made of index bars"),
    second_chance=No("a session is asked for again as a whole, in a few requests"),
    past=True,
    present=No("the bar of a running session still grows"),
    frame=Frame(
        "index_bars",
        "index_bar",
        [
            text("family", "whose index it is (계열구분): KRX, KOSPI or KOSDAQ"),
            text("name", "Korean name (지수명), unique within its family"),
            SESSION,
            *_POINTS,
            Column("volume", Type.WHOLE, "shares", nullable=True),
            *(Column(name, Type.WHOLE, "won", nullable=True) for name in ("trading_value", "market_cap")),
            SOURCE,
        ],
        "b.family, b.name, b.session",
    ),
    archive=No("it has no months of its own, and 25 years are some hundred MB"),
    loaded_by=("index_bars", "index_bars_official"),
)
