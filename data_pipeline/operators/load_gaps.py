"""What one task does that fills gaps: finds them, loads them, logs how far it is, and fails when some stay."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow.sdk import Variable

from data_pipeline.backfill.check import Backfill, plan_gaps, spans_of
from data_pipeline.backfill.in_turn import Rest, load_in_turn
from data_pipeline.engine.datasets import Dataset, Kind
from data_pipeline.engine.many_windows import Pace, Step, load_spans, require_no_failure
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.windows import Span, Window, as_date
from data_pipeline.hooks.source import open_source
from data_pipeline.loading.coverage.cells import Gap
from data_pipeline.loading.prices.reconciliation import after_market_setting
from data_pipeline.market.clock import real_now
from data_pipeline.operators.filling_lists import load_list_gaps
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

    from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator


def load_gaps(
    operator: DataSourceToPostgresOperator,
    connection: Connection,
    source: AbstractDataSource,
    dataset: Dataset,
    windows: Sequence[Window],
    run: Run,
    threads: int,
) -> dict[str, int]:
    """Load the cells of these windows that are not there; return the counts.

    What the exchange does not do because its calls of today are spent goes to the operator's ``fallback_conn_id``.

    Raises:
        IncompleteDataError: Windows failed; the others are loaded.
        TransientError: The source is away; trying again asks only for what is still not there.
    """
    if dataset.kind is Kind.INSTRUMENTS:
        return load_list_gaps(connection, source, windows, run, run.due, operator.cells)
    codes = tuple(dict.fromkeys(code for window in windows for code in window.stock_codes))
    first, last = windows[0].first, windows[-1].last
    ranges = tuple((as_date(start, "ranges"), as_date(end, "ranges")) for start, end in operator.ranges)
    backfill = Backfill(dataset.table.name, codes, first, last, source.name, operator.cells, ranges)
    spans = spans_of(connection, backfill, run.due, operator.window_rows)
    connection.rollback()  # reading opened a transaction that must not stay open while the source is asked
    operator.log.info("%s: %d spans to ask for", backfill.dataset, len(spans))
    total, failures, pace = Counter[str](), list[Step](), Pace(time.monotonic, real_now)
    windows_done = 0
    known = _after_market(source)
    run = replace(run, remember_empty=True, kis_includes_after_market=known)
    with _steps(operator, connection, source, dataset, backfill, spans, run, threads) as steps:
        for step in steps:
            windows_done += 1
            failures += [step] if step.error else []
            total.update(step.counts)
            operator.log.info("%s %s: %s; %s", backfill.dataset, step.window, step.counts or "failed", pace.line(step))
    require_no_failure(failures, windows_done, unservable_is_fine=operator.cells == "missing")
    return dict(total)


@contextmanager
def _steps(
    operator: DataSourceToPostgresOperator,
    connection: Connection,
    source: AbstractDataSource,
    dataset: Dataset,
    backfill: Backfill,
    spans: Sequence[Span],
    run: Run,
    threads: int,
) -> Iterator[Iterator[Step]]:
    if not operator.fallback_conn_id:
        yield load_spans(connection, source, dataset, spans, run, threads, operator.window_rows)
        return
    with open_source(operator.fallback_conn_id) as broker:
        brokers, moment = replace(backfill, source=broker.name), run.due

        def plan_rest(gaps: dict[str, list[Gap]]) -> list[Span]:
            return plan_gaps(brokers, gaps, moment, operator.window_rows)

        rest = Rest(plan_rest)
        yield load_in_turn(connection, source, spans, broker, rest, dataset, run, threads, operator.window_rows)


def _after_market(source: AbstractDataSource) -> bool | None:
    """Return what the Airflow Variable or the environment says; asked only where it matters."""
    if not source.origin.official:
        return None
    name = "KIS_BARS_INCLUDE_AFTER_MARKET"
    return after_market_setting(Variable.get(name, default=None) or os.environ.get(name))
