"""What `heal_gaps` heals: the cells that coverage counts as missing, and why some of them cannot be had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.backfill.wish import Backfill, first_reachable
from data_pipeline.datasets import WITH_CELLS
from data_pipeline.loading.coverage.cells import first_expected
from data_pipeline.market.origin import RequestShape
from data_pipeline.market.window import Gap


def healing(connection: Connection, source: str, last: date) -> Iterator[Backfill]:
    """Yield what coverage expects up to a session: one backfill for each dataset of which anything was ever loaded."""
    for dataset in WITH_CELLS:
        first = first_expected(connection, dataset)
        if first is not None and first <= last:
            yield Backfill(dataset, (), first, last, source, "missing")


def said_out_of_reach(backfill: Backfill, shape: RequestShape, found: Mapping[str, Sequence[Gap]]) -> str | None:
    """Return the sentence that says what its source will never bring; None when that is nothing."""
    if backfill.dataset in shape.lacks:
        return f"{backfill.source} has no {backfill.dataset}: another source is needed for what is missing"
    reach = first_reachable(backfill.dataset, shape, backfill.last)
    old = sum(gaps[0][0] < reach for gaps in found.values())
    said = f"{backfill.dataset} before {reach} is out of the reach of {backfill.source}; {old} instruments lack some"
    return said if old else None
