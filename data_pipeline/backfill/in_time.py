"""Refuses, before anything is sent, a run that would take longer at the source's quota than it may."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from data_pipeline.engine.windows import MINUTES
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.sources.base import AbstractDataSource

log = logging.getLogger(__name__)

PRESENT = {
    "price_snapshot": timedelta(minutes=5),
    "order_book": timedelta(minutes=4),
    "minute_bar": timedelta(minutes=5),
}
"""How long a run in session may take; after that its rows are not of one moment, and the next run is long overdue."""
EVENING = timedelta(hours=3, minutes=20)
"""How long the minutes of a finished session may take: from 20:40 to midnight."""


def require_in_time(
    source: AbstractDataSource,
    dataset: str,
    stock_codes: Sequence[str],
    *,
    minutes: int = MINUTES,
    in_session: bool = True,
) -> None:
    """Return if the quota suffices to ask for all of these in time; it always does for a source without a quota.

    Args:
        source: The source that will be asked; nothing is sent now.
        dataset: price_snapshot, order_book or minute_bar.
        stock_codes: Those of the whole run, not of one task.
        minutes: Minutes of each instrument, for minute_bar.
        in_session: False for a session that has ended.

    Raises:
        ConfigurationError: It does not suffice; the message says what the run would cost and how to reduce that.
    """
    if source.calls_a_second is None:
        return
    requests = requests_of(source, dataset, len(stock_codes), minutes=minutes, in_session=in_session)
    needed, allowed = timedelta(seconds=ceil(requests / source.calls_a_second)), PRESENT[dataset]
    allowed = allowed if in_session else EVENING
    cost = f"{dataset} of {len(stock_codes):,} issues takes {requests:,} requests and {needed}"
    log.info("%s at %g a second", cost, source.calls_a_second)
    if needed > allowed:
        narrower = "shorten WATCH_LIST"
        if dataset == "price_snapshot" or not in_session:
            narrower = "set UNIVERSE to watch_list, with a WATCH_LIST that is short enough"
        raise ConfigurationError(
            f"{cost} at the {source.calls_a_second:g} a second of {source.name}, and this run may take {allowed}: "
            f"{narrower}, trigger it with fewer stock_codes, or use a key with a larger quota"
        )


def requests_of(source: AbstractDataSource, dataset: str, codes: int, *, minutes: int, in_session: bool) -> int:
    """Return how many requests it takes to ask for so many codes; the arguments are those of `require_in_time`."""
    shape = source.shape
    if dataset == "price_snapshot":
        return ceil(codes / shape.quotes_page)
    if dataset == "order_book":
        return codes
    page = shape.running_minutes_page if in_session else shape.minutes_page
    return codes * max(1, ceil(minutes / page))
