"""What one task does that fills gaps: finds them, loads them, logs how far it is, and fails when some stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from data_pipeline.loading.backfill import Backfill, spans_of
from data_pipeline.operators.datasets import Dataset
from data_pipeline.operators.load_spans import Pace, Step, load_spans, require_no_failure
from data_pipeline.operators.window_load import Run
from data_pipeline.operators.windows import Window
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.trading_calendar import SEOUL

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

    Raises:
        IncompleteDataError: Windows failed; the others are loaded.
        TransientError: The source is away; trying again asks only for what is still not there.
    """
    codes = tuple(dict.fromkeys(code for window in windows for code in window.stock_codes))
    first, last = windows[0].first, windows[-1].last
    backfill = Backfill(dataset.table.name, codes, first, last, source.name, operator.cells)
    spans = spans_of(connection, backfill, run.moment or datetime.now(SEOUL), operator.window_rows)
    connection.rollback()  # reading opened a transaction that must not stay open while the source is asked
    operator.log.info("%s: %d spans to ask for", backfill.dataset, len(spans))
    total, failures, pace = Counter[str](), list[Step](), Pace()
    windows_done = 0
    run = replace(run, remember_empty=True)
    for step in load_spans(connection, source, dataset, spans, run, threads, operator.window_rows):
        windows_done += 1
        failures += [step] if step.error else []
        total.update(step.counts)
        operator.log.info("%s %s: %s; %s", backfill.dataset, step.window, step.counts or "failed", pace.line(step))
    require_no_failure(failures, windows_done, unservable_is_fine=operator.cells == "missing")
    return dict(total)
