"""Loads lists of instruments of past sessions, each in a transaction of its own, and goes on past those that fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from data_pipeline.engine.datasets import DATASETS
from data_pipeline.engine.many_windows import Step, load_spans
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.engine.windows import Span
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class


def load_lists(
    target: Connection | Warehouse, source: AbstractDataSource, sessions: Sequence[date], run: Run
) -> Iterator[Step]:
    """Load the list of each session and yield what became of it; what is known afterwards depends on no order.

    Raises:
        TransientError: The source or the warehouse is away, or the day's calls are spent; what was loaded stays.
        PermanentError: Every further list would fail the same way (credentials, configuration, synthetic rows).
    """
    spans = [Span((), session, session, requests=1) for session in sessions]
    yield from load_spans(target, source, DATASETS["instrument"], spans, run, threads=1, most_rows=1)
