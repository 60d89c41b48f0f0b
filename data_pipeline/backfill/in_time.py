"""Refuses, before anything is sent, a run that would take longer at the source's quota than it may."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from data_pipeline.datasets import find_dataset
from data_pipeline.datasets.minute_bar import MINUTES
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.sources.base import AbstractDataSource

log = logging.getLogger(__name__)

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
        dataset: One that is loaded while the market is open.
        stock_codes: Those of the whole run, not of one task.
        minutes: Minutes of each instrument, where that matters.
        in_session: False for a session that has ended.

    Raises:
        ConfigurationError: It does not suffice; the message says what the run would cost and how to reduce that.
    """
    present = find_dataset(dataset).present
    if source.calls_a_second is None or not present:
        return
    requests = present.requests(source.shape, len(stock_codes), minutes, in_session)
    needed = timedelta(seconds=ceil(requests / source.calls_a_second))
    allowed = present.allowed if in_session else EVENING
    cost = f"{dataset} of {len(stock_codes):,} instruments takes {requests:,} requests and {needed}"
    log.info("%s at %g a second", cost, source.calls_a_second)
    if needed > allowed:
        narrower = "shorten WATCH_LIST"
        if present.of_universe or not in_session:
            narrower = "set UNIVERSE to watch_list, with a WATCH_LIST that is short enough"
        raise ConfigurationError(
            f"{cost} at the {source.calls_a_second:g} a second of {source.name}, and this run may take {allowed}: "
            f"{narrower}, trigger it with fewer stock_codes, or use a key with a larger quota"
        )
