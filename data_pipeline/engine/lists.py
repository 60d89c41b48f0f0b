"""Loads lists of issues of past sessions, each in a transaction of its own, and goes on past the ones that fail."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from data_pipeline.engine.datasets import DATASETS
from data_pipeline.engine.fetching import CONCERNS_ALL
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.many_windows import Step
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.windows import Window
from data_pipeline.exceptions import PermanentError
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)


def load_lists(
    connection: Connection, source: AbstractDataSource, sessions: Sequence[date], run: Run
) -> Iterator[Step]:
    """Load the list of each session and yield what became of it; the order does not matter for what is known then.

    Raises:
        TransientError: The source or the warehouse is away, or the day's calls are spent; what was loaded stays.
        PermanentError: Every further list would fail the same way (credentials, configuration, made-up rows).
    """
    for done, session in enumerate(sessions, 1):
        window = Window((), session, session)
        try:
            counts = load_window(connection, source, DATASETS["instrument"], window, run, threads=1)
        except PermanentError as error:
            if isinstance(error, CONCERNS_ALL):
                raise
            log.warning("the list of %s failed: %s: %s", session, type(error).__name__, error)
            yield Step(window, error=error, done=done, total=len(sessions))
        else:
            yield Step(window, counts, done=done, total=len(sessions))
