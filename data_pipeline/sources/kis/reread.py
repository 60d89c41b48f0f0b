"""Rows of KIS that were refused, read again by today's parsers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from data_pipeline.datasets.dataset import No
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.records import DailyBar
from data_pipeline.sources.kis.parse_chart import ChartRow, daily_bar
from data_pipeline.sources.kis.parse_fields import Row


def _daily_bar(origin: str, payload: Mapping[str, Any], stock_code: str | None, _: date | None) -> DailyBar:
    """Return the bar of a refused row of inquire-daily-itemchartprice, which names its own day.

    Raises:
        InvalidRequestError: The row is of another call, whose rows do not name their session, or its code is unknown;
            load its window again instead.
        PayloadError: The row is still not what is documented.
    """
    if not origin.endswith("inquire-daily-itemchartprice") or stock_code is None:
        raise InvalidRequestError(f"rows of {origin} do not tell their session: load the window again")
    row = Row(f"{origin} of {stock_code}", payload)
    return daily_bar(stock_code, ChartRow(stock_code, row.day("stck_bsop_date"), row))


REREAD: Mapping[str, Callable[..., Any] | No] = {
    "daily_bar": _daily_bar,
    "minute_bar": No("its value is the day's running total, which only the minute before it resolves"),
    "price_snapshot": No("it does not say when it was observed"),
}
"""How a refused row of each dataset is read alone, or why it cannot be."""
