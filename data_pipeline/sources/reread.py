"""Vendors' rows that were refused, read once more: which vendor's parser is asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from data_pipeline.market.records import DailyBar
from data_pipeline.sources.kis import reread as kis
from data_pipeline.sources.krx import reread as krx


def reread_daily_bar(origin: str, payload: Mapping[str, Any], stock_code: str | None, session: date | None) -> DailyBar:
    """Return the bar of a refused row, read by the parsers of today.

    Args:
        origin: The vendor and its call, as ``KIS inquire-daily-itemchartprice``.
        payload: The row as it came.
        stock_code: Whose row it is; None when unknown.
        session: Of which session it is; None when unknown.

    Raises:
        InvalidRequestError: Rows of this call cannot be read alone; load the window again instead.
        PayloadError: The row is still not what is documented.
    """
    if origin.startswith("KRX "):
        return krx.reread_daily_bar(origin, payload, session)
    return kis.reread_daily_bar(origin, payload, stock_code)
