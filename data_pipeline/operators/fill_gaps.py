"""The operator that fills gaps: it loads what the warehouse lacks of one part of a plan, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Variable

from data_pipeline.operators.lineage import LoadLineage
from data_pipeline.operators.links import LOAD_LINKS
from data_pipeline.operators.permanent import fails_at_once

if TYPE_CHECKING:
    from airflow.sdk import Context

    from data_pipeline.backfill.wish import Backfill
    from data_pipeline.engine.one_window import Run
    from data_pipeline.sources.base import AbstractDataSource


class FillGapsOperator(LoadLineage, BaseOperator):
    """
    Loads what the warehouse lacks of one dataset, a range and some stock codes, with the fewest requests.

    It looks up what is not stored when it begins, so a task that was killed, cleared or tried again asks for nothing
    that has been stored meanwhile. Each window is loaded in one transaction. A window that fails does not stop the
    others: it is named at the end, when the task fails. Sessions of minutes on which nothing was traded are remembered
    in ``market.no_data``. The XCom value holds counts only, as that of
    :class:`~data_pipeline.operators.data_source_to_postgres.DataSourceToPostgresOperator`.

    :param dataset: The name of a dataset that has a past. (templated)
    :param source_conn_id: The Airflow connection of the source; its type decides which source it is. (templated)
    :param postgres_conn_id: The Airflow connection of the warehouse. (templated)
    :param stock_codes: The instruments to ask for, as a list or as text with commas; none for a dataset of
        the whole market. (templated)
    :param first: The first day, included. Empty: the session of the run. (templated)
    :param last: The last day, included. Empty: the same as ``first``. (templated)
    :param cells: Which cells to ask for: those that are ``unstored`` (neither stored nor known to be empty), those that
        ``market.coverage`` counts as ``missing``, or ``all`` of listed instruments. With ``missing``, what the source
        will never have is no failure. (templated)
    :param ranges: Only the sessions of these ranges, each its first and its last day, and what lies between them where
        it comes with the same request anyway. Empty: all.
    :param fallback_conn_id: The Airflow connection that is asked for what the source did not do, above all because the
        calls that its key has for the day are spent. Empty: the task fails then.
    :param window_rows: How many rows may be asked for and not be stored yet, which bounds memory and is all that a kill
        asks for again; one transaction holds half of them.
    :param fetch_threads: Threads that ask the source at once. Empty: the variable ``FETCH_THREADS``, else 8, or one for
        each 15 calls a second of the source's app keys.
    """

    template_fields: Sequence[str] = (
        "dataset",
        "source_conn_id",
        "postgres_conn_id",
        "stock_codes",
        "first",
        "last",
        "cells",
    )
    operator_extra_links = LOAD_LINKS
    ui_color = "#dcefe4"

    def __init__(  # noqa: PLR0913 - one argument for each parameter of the task
        self,
        *,
        dataset: str,
        source_conn_id: str,
        postgres_conn_id: str = "market_db",
        stock_codes: Sequence[str] | str | None = None,
        first: str | date | None = None,
        last: str | date | None = None,
        cells: str = "unstored",
        ranges: Sequence[Sequence[str]] = (),
        fallback_conn_id: str = "",
        window_rows: int = 50_000,
        fetch_threads: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.source_conn_id = source_conn_id
        self.postgres_conn_id = postgres_conn_id
        self.stock_codes = stock_codes
        self.first = first
        self.last = last
        self.cells = cells
        self.ranges = ranges
        self.fallback_conn_id = fallback_conn_id
        self.window_rows = window_rows
        self.fetch_threads = fetch_threads

    @fails_at_once
    def execute(self, context: Context) -> dict[str, int]:
        """Load what is lacking; return the counts."""
        # Only a worker needs the rooms below and in the methods; DAG files are read every few seconds.
        from data_pipeline.backfill.load import fill
        from data_pipeline.backfill.plan import plan_task
        from data_pipeline.engine.fetching import fetch_threads
        from data_pipeline.engine.many_windows import Loader
        from data_pipeline.hooks.warehouse import WarehouseHook
        from data_pipeline.operators.assets import tell_load
        from data_pipeline.operators.task import run_of

        with (
            closing(WarehouseHook(self.postgres_conn_id).get_conn()) as connection,
            self._sources() as in_turn,
        ):
            threads = fetch_threads(os.environ, in_turn[0].calls_a_second, self.fetch_threads)
            run = replace(run_of(context), kis_includes_after_market=_after_market(in_turn[0]))
            task = self._task(context, in_turn[0], run)
            plan = plan_task(connection, task, in_turn, run.due, self.window_rows)
            counts = fill(plan, in_turn, Loader(connection, run, threads, self.window_rows))
        names = "+".join(source.name for source in in_turn)
        tell_load(self, context, task.dataset, names, [task.first, task.last], counts)
        return counts

    @contextmanager
    def _sources(self) -> Iterator[Sequence[AbstractDataSource]]:
        from data_pipeline.hooks.source import open_source
        from data_pipeline.operators.metrics import gauged

        with open_source(self.source_conn_id) as source, gauged(source):
            if not self.fallback_conn_id:
                yield [source]
                return
            with open_source(self.fallback_conn_id) as fallback:
                yield [source, fallback]

    def _task(self, context: Mapping[str, Any], source: AbstractDataSource, run: Run) -> Backfill:
        from data_pipeline.backfill.wish import backfill_of, require_range
        from data_pipeline.engine.windows import run_session

        first = self.first or run_session(context)
        task = backfill_of(
            source.name, dataset=self.dataset, stock_codes=self.stock_codes, first=first, last=self.last or first,
            cells=self.cells, ranges=self.ranges,
        )  # fmt: skip
        require_range(task.dataset, task.first, task.last, source.name, run.due)
        return task


def _after_market(source: AbstractDataSource) -> bool | None:
    """Return what the Airflow Variable or the environment says; asked only where it matters."""
    from data_pipeline.loading.prices.reconciliation import after_market_setting
    from data_pipeline.settings import text

    if not source.origin.official:
        return None
    name = "KIS_BARS_INCLUDE_AFTER_MARKET"
    return after_market_setting(Variable.get(name, default=None) or text(os.environ, name))
