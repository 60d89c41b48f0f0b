"""The one operator: fetches a dataset from a source, checks it and loads it into Postgres, window by window."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.exceptions import CodesFailedError, ConfigurationError, InvalidRequestError, UnsupportedDatasetError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from data_pipeline.engine.datasets import Dataset
    from data_pipeline.engine.windows import Window
    from data_pipeline.sources.base import AbstractDataSource


class DataSourceToPostgresOperator(BaseOperator):
    """
    Loads one dataset from a source into the warehouse.

    The work is cut into windows. A window is fetched whole, checked and loaded in one transaction: it is there or it
    is not, and loading it again changes nothing. Each window has a row in ``market.ingest_run``, which stays without an
    end when the window failed. The XCom value holds counts only: ``inserted``, ``updated``, ``unchanged``,
    ``outranked`` (rows of a better source were kept), ``missing`` (bars that the list of issues lets expect, and what
    a row in quarantine keeps from being whole), ``failed`` (stock codes that could not be had), ``requests`` (sent to
    the source) and ``windows``; of a list of issues also ``left`` (issues of the list before that it lacks) and
    ``different`` (values on which the exchange and the brokers disagree).

    Several threads ask the source at once, through the one budget that all processes share, and go on with the next
    windows while one is loaded. A stock code that cannot be had (unknown, or its answer is malformed) is left out: all
    others are loaded, and only then does the task fail with ``CodesFailedError``, which names it.

    Errors are this package's own; ``RETRY_POLICY`` in :mod:`data_pipeline.operators.defaults` tells Airflow which of
    them are worth another try.

    :param dataset: instrument, trading_session, daily_bar, minute_bar, price_snapshot or order_book. (templated)
    :param source_conn_id: The Airflow connection of the source; its type decides which source it is. (templated)
    :param postgres_conn_id: The Airflow connection of the warehouse. (templated)
    :param stock_codes: The issues to ask for, as a list or as text with commas; none for the datasets instrument and
        trading_session. (templated)
    :param first: The first day, included. Empty: the session of the run. (templated)
    :param last: The last day, included. Empty: the same as ``first``. (templated)
    :param window_rows: How many rows one window may hold, which bounds memory and the length of a transaction; as many
        more may be on their way. With ``cells`` both together hold no more, which is then all that a kill asks again.
    :param fetch_threads: Threads that ask the source at once. Empty: the variable ``FETCH_THREADS``, else 8.
    :param failed_codes_allowed: How many stock codes may fail before the task does, after all others were loaded.
    :param running_session: Load a session that still runs, as far as it has come; without it a dataset of whole
        sessions is refused until its figures are final.
    :param cells: Fill gaps of daily_bar or minute_bar: ask only for cells that are ``unstored`` (neither stored nor
        known to be empty), that ``market.coverage`` counts as ``missing``, or for ``all`` of listed issues. They are
        grouped into the fewest requests, windows that fail are passed over and named at the end, and
        sessions of minutes without a trade are noted down in ``market.no_data``. Of the dataset instrument it fills the
        lists of past sessions that are ``unstored``, or ``all``. Empty: every window as it is. (templated)
    :param ranges: With ``cells``: only the sessions of these ranges, each its first and its last day, and what lies
        between them where it comes with the same request anyway. Empty: all.
    :param fallback_conn_id: With ``cells``: the Airflow connection that is asked for what the source did not do, above
        all because the calls that its key has for the day are spent. Empty: the task fails then.
    :param skip_unsupported: Skip the task when the source does not offer the dataset; otherwise it fails.
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
        cells: str = "",
        ranges: Sequence[Sequence[str]] = (),
        fallback_conn_id: str = "",
        skip_unsupported: bool = False,
        **kwargs: Any,
    ) -> None:
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
        self.cells = cells
        self.ranges = ranges
        self.fallback_conn_id = fallback_conn_id
        self.skip_unsupported = skip_unsupported

    def execute(self, context: Context) -> dict[str, int]:
        """Load every window; return the counts of all of them."""
        # Only a worker needs the rooms below and in the methods; DAG files are read every few seconds.
        from data_pipeline.engine.calendar_check import check_calendar
        from data_pipeline.engine.datasets import Kind, find_dataset
        from data_pipeline.engine.fetching import checked_threads, fetch_threads
        from data_pipeline.engine.load_windows import load_windows
        from data_pipeline.hooks.warehouse import WarehouseHook
        from data_pipeline.operators.metrics import gauged
        from data_pipeline.operators.task import run_of

        if self.cells or self.ranges or self.fallback_conn_id:
            raise ConfigurationError("cells, ranges and fallback_conn_id have moved to FillGapsOperator")
        dataset = find_dataset(self.dataset)
        windows = list(self._windows(dataset, context))
        threads = checked_threads(self.fetch_threads) if self.fetch_threads else fetch_threads(os.environ)
        run = run_of(context)
        total: Counter[str] = Counter()
        with (
            closing(WarehouseHook(self.postgres_conn_id).get_conn()) as connection,
            self._source() as source,
            gauged(source),
        ):
            try:
                loaded: Iterator[tuple[Window, dict[str, int]]]
                if dataset.kind is Kind.SESSIONS:
                    loaded = ((window, check_calendar(connection, source, dataset, window, run)) for window in windows)
                else:
                    loaded = load_windows(connection, source, dataset, windows, run, threads, 2 * self.window_rows)
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
        return dict(total)

    def _windows(self, dataset: Dataset, context: Mapping[str, Any]) -> list[Window]:
        from data_pipeline.engine.windows import as_codes, as_date, run_moment, run_session
        from data_pipeline.market.trading_calendar import krx_calendar

        final = dataset.of_whole_sessions and not self.running_session
        first = as_date(self.first, "first") if self.first else run_session(context, final=final)
        last = as_date(self.last, "last") if self.last else first
        windows = list(dataset.windows(as_codes(self.stock_codes), first, last, self.window_rows))
        moment = run_moment(context)
        if final and moment is not None:
            newest = krx_calendar().last_final_session(moment)
            if windows[-1].sessions[-1] > newest:
                raise InvalidRequestError(
                    f"{self.dataset} up to {last}: the figures are final only up to {newest} at the time of the run"
                )
        return windows

    def _source(self) -> AbstractDataSource:
        from data_pipeline.hooks.source import open_source

        return open_source(self.source_conn_id)
