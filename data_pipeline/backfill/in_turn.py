"""Loads the exchange's share of a backfill, and hands what it could not do to the broker. Imports no Airflow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from data_pipeline.backfill.division import joined
from data_pipeline.engine.datasets import Dataset
from data_pipeline.engine.many_windows import WINDOW_ROWS, Step, load_spans
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.windows import Span
from data_pipeline.exceptions import DailyQuotaError
from data_pipeline.loading.coverage.cells import Gap
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)


def may_share(source: AbstractDataSource, official: AbstractDataSource) -> bool:
    """Return whether the exchange may take a share: beside KIS, and never true rows beside made-up ones."""
    own, other = source.origin, official.origin
    return own.vendor == "kis" and other.official and own.made_up == other.made_up


@dataclass
class Undone:
    """The cells of a list of one-session spans that were not loaded."""

    spans: Sequence[Span]
    _left: dict[date, set[str]] = field(default_factory=dict)
    """What stays of the sessions that were begun."""
    _failed: dict[date, set[str]] = field(default_factory=dict)

    def note(self, step: Step) -> None:
        """Take down what became of one window, or of a code of it; the failures of a window come before its end."""
        session, codes = step.window.first, step.window.stock_codes
        if step.error is not None:
            self._failed.setdefault(session, set()).update(codes)
            return
        wanted = next(span.stock_codes for span in self.spans if span.first == session)
        self._left[session] = (set(wanted) - set(codes)) | self._failed.get(session, set())

    def gaps(self) -> dict[str, list[Gap]]:
        """Return them: by code, oldest first."""
        calendar = krx_calendar()
        cells = [
            (code, span.first) for span in self.spans for code in self._left.get(span.first, set(span.stock_codes))
        ]
        return joined(sorted(cells), calendar.sessions(calendar.first_day, calendar.last_day))


@dataclass(frozen=True)
class Rest:
    """What the broker does after the exchange."""

    plan: Callable[[dict[str, list[Gap]]], Sequence[Span]]
    """Makes its spans, its own share included, when it is told what the exchange did not do."""
    requests: int = 0
    """Of its own share."""


def load_in_turn(
    connection: Connection,
    official: AbstractDataSource,
    spans: Sequence[Span],
    broker: AbstractDataSource,
    rest: Rest,
    dataset: Dataset,
    run: Run,
    threads: int,
    most_rows: int = WINDOW_ROWS,
) -> Iterator[Step]:
    """Load the exchange's spans and then the broker's, and yield what became of each window.

    What the exchange has failed at, and all that was left when its calls of today were spent, goes to the broker.

    ``spans`` are one session each.

    Raises:
        TransientError, PermanentError: As :func:`load_spans`; never that the exchange's calls are spent.
    """
    undone, done = Undone(spans), 0
    planned = sum(span.requests for span in spans) + rest.requests
    try:
        for step in load_spans(connection, official, dataset, spans, run, threads, most_rows):
            undone.note(step)
            if step.error is None:
                done = step.done
                yield replace(step, total=planned)
            else:
                log.warning("%s: %s; %s is asked instead", step.window, step.error, broker.name)
    except DailyQuotaError as error:
        log.warning("%s; %s is asked for the rest", error, broker.name)
    brokers = rest.plan(undone.gaps())
    total = done + sum(span.requests for span in brokers)
    for step in load_spans(connection, broker, dataset, brokers, run, threads, most_rows):
        yield replace(step, done=done + step.done, total=total)
