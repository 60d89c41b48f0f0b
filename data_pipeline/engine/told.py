"""Tells what became of the rows of a window to whoever listens to its source."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from data_pipeline.client.meter import ROWS
from data_pipeline.loading.rows.counts import LoadCounts

if TYPE_CHECKING:
    from data_pipeline.sources.base import AbstractDataSource

_OUTCOMES = (*(one.name for one in fields(LoadCounts)), "missing", "quarantined")


def tell_rows(source: AbstractDataSource, dataset: str, counts: dict[str, int], quarantined: int) -> None:
    """Tell the rows of one window that is committed or given up.

    Args:
        source: Whose rows they are.
        dataset: Its name.
        counts: What storing it returned; what is no count of rows is passed over.
        quarantined: Rows that were set aside.
    """
    rows = counts | {"quarantined": quarantined}
    for outcome in _OUTCOMES:
        if number := rows.get(outcome):
            source.meter.tell(ROWS, number, dataset=dataset, outcome=outcome)
