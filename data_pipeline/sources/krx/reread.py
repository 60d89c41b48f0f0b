"""Rows of KRX that were refused, read again by today's parsers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from data_pipeline.datasets.dataset import No
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.records import DailyBar
from data_pipeline.sources.krx.endpoints import FUND_BARS, STOCK_BARS
from data_pipeline.sources.krx.parse import daily_bar
from data_pipeline.sources.krx.parse_fields import Row

_DAILY = frozenset(f"KRX {one.name}" for one in (*STOCK_BARS, *FUND_BARS))


def _daily_bar(origin: str, payload: Mapping[str, Any], _: str | None, session: date | None) -> DailyBar:
    """Return the bar of a refused row of a daily service, which names its own code.

    Args:
        origin: The service, as ``KRX sto/stk_bydd_trd``.
        payload: The row as it came.
        session: The session that was asked for; the row must be of it.

    Raises:
        InvalidRequestError: The row is of another service, whose rows are loaded as a whole list or not at all; or the
            session is unknown. Load its window again instead.
        PayloadError: The row is still not what is documented.
    """
    if origin not in _DAILY or session is None:
        raise InvalidRequestError(f"rows of {origin} are not loaded one by one: load the window again")
    return daily_bar(Row(f"{origin} of {session}", payload), session)


REREAD: Mapping[str, Callable[..., Any] | No] = {
    "daily_bar": _daily_bar,
    "minute_bar": No("KRX has none"),
    "price_snapshot": No("KRX has none"),
}
"""How a refused row of each dataset is read alone, or why it cannot be."""
