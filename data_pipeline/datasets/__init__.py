"""Every dataset, each declared once: its rows, how it is asked for, checked, counted, filled, read and written down.

Whatever needs a list of datasets takes it from here.
"""

from __future__ import annotations

from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.datasets.dataset import Dataset, Due
from data_pipeline.datasets.index_bar import INDEX_BAR
from data_pipeline.datasets.index_snapshot import INDEX_SNAPSHOT
from data_pipeline.datasets.instrument import INSTRUMENT
from data_pipeline.datasets.investor_flow import INVESTOR_FLOW
from data_pipeline.datasets.minute_bar import MINUTE_BAR
from data_pipeline.datasets.order_book import ORDER_BOOK
from data_pipeline.datasets.price_snapshot import PRICE_SNAPSHOT
from data_pipeline.datasets.trade import TRADE
from data_pipeline.datasets.trading_session import TRADING_SESSION
from data_pipeline.exceptions import ConfigurationError

__all__ = ["DATASETS", "IN_COVERAGE", "WITH_CELLS", "WITH_PAST", "Dataset", "Due", "find_dataset"]

DATASETS: dict[str, Dataset] = {
    one.name: one
    for one in (
        DAILY_BAR,
        MINUTE_BAR,
        INDEX_BAR,
        INVESTOR_FLOW,
        TRADING_SESSION,
        INSTRUMENT,
        PRICE_SNAPSHOT,
        ORDER_BOOK,
        INDEX_SNAPSHOT,
        TRADE,
    )
}
"""Every dataset that can be loaded, by name."""
WITH_CELLS = tuple(one.name for one in DATASETS.values() if one.has_cells)
"""Of which it is known beforehand what must exist: by the calendar and the lists, or as whole sessions."""
WITH_PAST = tuple(one.name for one in DATASETS.values() if one.past)
"""Whose past can be filled."""
IN_COVERAGE = (*WITH_CELLS, *(one.name for one in DATASETS.values() if one.due is Due.STREAMED))
"""What coverage counts: cells that must exist, and days of codes that were watched."""


def find_dataset(name: str) -> Dataset:
    """Return the dataset of this name.

    Raises:
        ConfigurationError: There is none; the message lists those there are.
    """
    try:
        return DATASETS[name]
    except KeyError:
        raise ConfigurationError(f"dataset must be one of {', '.join(DATASETS)}, not {name!r}") from None
