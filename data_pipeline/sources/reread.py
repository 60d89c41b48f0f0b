"""Vendors' rows that were refused, read once more: which vendor's parser is asked, and what it can read alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from data_pipeline.datasets.dataset import No
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.sources.kis import reread as kis
from data_pipeline.sources.krx import reread as krx

REREAD: Mapping[str, Mapping[str, Callable[..., Any] | No]] = {"KIS": kis.REREAD, "KRX": krx.REREAD}
"""By vendor and by dataset that grants a second chance: its reader, or why a row of it cannot be read alone."""


def reread(dataset: str, origin: str, payload: Mapping[str, Any], stock_code: str | None, session: date | None) -> Any:
    """Return the record of a refused row, read by the parsers of today.

    Args:
        dataset: Of which the row is, by name.
        origin: The vendor and its call, as ``KIS inquire-daily-itemchartprice``.
        payload: The row as it came.
        stock_code: Whose row it is; None when unknown.
        session: Of which session it is; None when unknown.

    Raises:
        InvalidRequestError: Rows of this call or dataset cannot be read alone; load the window again instead.
        PayloadError: The row is still not what is documented.
    """
    read = REREAD.get(origin.split(" ", 1)[0], {}).get(dataset, No("nobody reads them"))
    if isinstance(read, No):
        raise InvalidRequestError(f"rows of {origin} cannot be read alone ({read.why}): load the window again")
    return read(origin, payload, stock_code, session)
