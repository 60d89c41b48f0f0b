"""The synthetic market of one evening, whose rows a test alters on their way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.mock.source import MockDataSource

EVENING = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)
"""A Tuesday, whose figures are final."""


class Altered(MockDataSource):
    """The synthetic market whose bars and minutes pass through a function."""

    def __init__(self, alter: Callable[[Any], Iterable[Any]] = lambda rows: rows) -> None:
        super().__init__(clock=lambda: EVENING)
        self.alter = alter

    def daily_bars(self, stock_codes, first, last):
        """Yield what the function makes of the true bars."""
        return self.alter(super().daily_bars(stock_codes, first, last))

    def minute_bars(self, stock_codes, first, last):
        """Yield what the function makes of the true minutes."""
        return self.alter(super().minute_bars(stock_codes, first, last))
