"""The operator that loads a dataset: fetched from a source, checked and written to Postgres, window by window."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.exceptions import CodesFailedError, ConfigurationError, UnsupportedDatasetError
from data_pipeline.operators.lineage import LoadLineage
from data_pipeline.operators.links import LOAD_LINKS
from data_pipeline.operators.permanent import fails_at_once

if TYPE_CHECKING:
    from airflow.sdk import Context

    from data_pipeline.market.window import Window

_MOVED = frozenset({"cells", "ranges", "fallback_conn_id"})


class DataSourceToPostgresOperator(LoadLineage, BaseOperator):
    """
    Loads one dataset from a source into the warehouse.

    The work is cut into windows. A window is fetched whole, checked and loaded in one transaction: all of it is there
    or nothing, and loading it again changes nothing. Each window has a row in ``market.ingest_run``. The XCom value
    holds counts only: ``inserted``, ``updated``, ``unchanged``, ``outranked`` (rows of a better source were kept),
    ``missing`` (bars that must exist by the list of instruments, and what a row in quarantine keeps from being whole),
    ``failed`` (stock codes that could not be fetched), ``requests`` (sent to the source) and ``windows``. A list of
    instruments adds ``left`` (instruments of the list before that it lacks) and ``different`` (values on which the
    exchange and the brokers disagree).

    Several threads ask the source at once, within the one budget that all processes share, and go on with the next
    windows while one is loaded. A stock code that cannot be fetched (unknown, or its answer is malformed) is left out:
    all others are loaded before the task fails with ``CodesFailedError``, which names it.

    Errors are this package's own; ``RETRY_POLICY`` in :mod:`data_pipeline.operators.defaults` tells Airflow which of
    them are worth another try. A scheduled task about the present is skipped when its moment has passed. Gaps are
    filled by :class:`~data_pipeline.operators.fill_gaps.FillGapsOperator`.

    :param dataset: The name of a dataset, as ``daily_bar``; ``docs/reference/datasets.md`` has all. (templated)
    :param source_conn_id: The Airflow connection of the source; its type decides which source it is. (templated)
    :param postgres_conn_id: The Airflow connection of the warehouse. (templated)
    :param stock_codes: The instruments to ask for, as a list or as text with commas; none for a dataset of the whole
        market. (templated)
    :param first: The first day, included. Empty: the session of the run. (templated)
    :param last: The last day, included. Empty: the same as ``first``. (templated)
    :param window_rows: How many rows one window may hold, which bounds memory and the length of a transaction; as many
        more may have been asked for ahead.
    :param fetch_threads: Threads that ask the source at once. Empty: the variable ``FETCH_THREADS``, else 8, or one for
        each 15 calls a second of the source's app keys.
    :param failed_codes_allowed: How many stock codes may fail before the task does, after all others were loaded.
    :param running_session: Load a session that is still running, as far as it has come. Without it a dataset of whole
        sessions is refused until its figures are final.
    :param skip_unsupported: Skip the task when the source does not offer the dataset; otherwise it fails.
    :param without_key: What follows when ``source_conn_id`` is the exchange's usual connection and holds no key: the
        task is skipped and says so. Empty: it fails.
    :raises ConfigurationError: An argument has moved to ``FillGapsOperator``.
    """

    template_fields: Sequence[str] = (
        "dataset",
        "source_conn_id",
        "postgres_conn_id",
        "stock_codes",
        "first",
        "last",
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
        window_rows: int = 50_000,
        fetch_threads: int | None = None,
        failed_codes_allowed: int = 0,
        running_session: bool = False,
        skip_unsupported: bool = False,
        without_key: str = "",
        **kwargs: Any,
    ) -> None:
        if moved := ", ".join(sorted(_MOVED & kwargs.keys())):
            raise ConfigurationError(f"{moved}: filling gaps has moved to FillGapsOperator; use that instead")
        super().__init__(**kwargs)
        self.dataset = dataset
        self.source_conn_id = source_conn_id
        self.postgres_conn_id = postgres_conn_id
        self.stock_codes = stock_codes
        self.first = first
        self.last = last
        self.window_rows = window_rows
        self.fetch_threads = fetch_threads
        self.failed_codes_allowed = failed_codes_allowed
        self.running_session = running_session
        self.skip_unsupported = skip_unsupported
        self.without_key = without_key

    @fails_at_once
    def execute(self, context: Context) -> dict[str, int]:
        """Load every window; return the counts of all of them."""
        # Only a worker needs these rooms; DAG files are read every few seconds.
        from data_pipeline.datasets import Due, find_dataset
        from data_pipeline.engine.calendar_check import check_calendar
        from data_pipeline.engine.fetching import fetch_threads
        from data_pipeline.engine.load_windows import load_windows
        from data_pipeline.engine.windows import windows_of_run
        from data_pipeline.hooks.source import open_source
        from data_pipeline.hooks.warehouse import WarehouseHook
        from data_pipeline.operators.assets import tell_load
        from data_pipeline.operators.metrics import gauged
        from data_pipeline.operators.task import run_of, skip_late_load, skip_without_key

        if self.without_key:
            skip_without_key(self.source_conn_id, self.without_key)
        dataset = find_dataset(self.dataset)
        skip_late_load(context, dataset)
        windows = windows_of_run(
            dataset,
            context,
            self.stock_codes,
            self.first,
            self.last,
            self.window_rows,
            running_session=self.running_session,
        )
        run, total = run_of(context), Counter[str]()
        loaded: Iterator[tuple[Window, dict[str, int]]]
        with (
            closing(WarehouseHook(self.postgres_conn_id).get_conn()) as connection,
            open_source(self.source_conn_id) as source,
            gauged(source),
        ):
            threads = fetch_threads(os.environ, source.calls_a_second, self.fetch_threads)
            if dataset.due is Due.CALENDAR:
                loaded = ((window, check_calendar(connection, source, dataset, window, run)) for window in windows)
            else:
                loaded = load_windows(connection, source, dataset, windows, run, threads, 2 * self.window_rows)
            try:
                for number, (window, counts) in enumerate(loaded, 1):
                    self.log.info("%s %s (%d of %d): %s", self.dataset, window, number, len(windows), counts)
                    total.update(counts)
            except CodesFailedError as error:
                if len(error.stock_codes) > self.failed_codes_allowed:
                    raise
                self.log.warning("%s", error)
                total["failed"] = len(error.stock_codes)
            except UnsupportedDatasetError as error:
                if self.skip_unsupported:
                    raise AirflowSkipException(str(error)) from None
                raise
        days = [day for one in windows for day in (one.first, one.last)]
        tell_load(self, context, self.dataset, source.name, days, total)
        return dict(total)
