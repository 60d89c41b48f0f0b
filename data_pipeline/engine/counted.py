"""Who counts the calls of a load, and whether somebody else counts calls of the same key."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from data_pipeline.loading.rows.ingest_run import CountedBy, other_stores

if TYPE_CHECKING:
    from data_pipeline.engine.warehouse import Warehouse
    from data_pipeline.sources.base import AbstractDataSource

logger = logging.getLogger(__name__)

_SECOND = (
    "Calls with one app key are counted in two places: here on %s (store %s), and within a day on %s (store %s). Each "
    "allows the whole quota, so the server rejects calls and tokens. Name one place for all in COORDINATION_URL; if "
    "the place was moved or emptied, this is said once and is over"
)


def counted_by(source: AbstractDataSource, warehouse: Warehouse) -> CountedBy | None:
    """Return who counts the calls of a source, None for one without a quota; a second store is said once, as a warning.

    Raises:
        CoordinationError: The shared state cannot be used; trying again can help.
    """
    budget = source.shared_budget()
    if budget is None:
        return None
    counted = CountedBy(budget.keys, budget.store_id(), budget.host)
    for store, host in warehouse.do(other_stores, counted):
        if budget.tell_once(store):
            logger.warning(_SECOND, counted.host, counted.store, host, store)
    return counted
