"""`data-pipeline backfill`: fill a range of the past from the command line, with the engine that Airflow uses."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from data_pipeline.backfill.check import (
    CELLS,
    Backfill,
    backfill_codes,
    check_backfill,
    require_confirmation,
)
from data_pipeline.backfill.lists import DATASET as LISTS
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.loading.coverage.cells import DATASETS
from data_pipeline.loading.prices.reconciliation import after_market_setting
from data_pipeline.local.backfill_lists import backfill_lists
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.market.clock import market_clock
from data_pipeline.sources.factory import DataSourceFactory
from data_pipeline.warehouse.calendar_table import keep_sessions
from data_pipeline.warehouse.connect import connect

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

    from data_pipeline.engine.many_windows import Step
    from data_pipeline.sources.base import AbstractDataSource


@dataclass(frozen=True)
class Wish:
    """What was typed."""

    dataset: str
    stock_codes: tuple[str, ...]
    first: date
    last: date | None
    source: str
    """auto, kis, krx or mock."""
    dry_run: bool
    refetch: bool
    confirmed: bool
    window_rows: int = 50_000


def wish_of(options: argparse.Namespace) -> Wish:
    """Return what the options ask for.

    Raises:
        InvalidRequestError: A day or a code is malformed, or the dataset has no codes and sessions.
    """
    from data_pipeline.engine.windows import as_codes, as_date

    if options.window_rows < 1:
        raise InvalidRequestError(f"--window-rows must be 1 or more, not {options.window_rows}")
    if options.dataset not in (*DATASETS, LISTS):
        raise InvalidRequestError(f"--dataset must be {', '.join(DATASETS)} or {LISTS}, not {options.dataset!r}")
    return Wish(
        options.dataset,
        tuple(as_codes(options.codes)),
        as_date(options.first, "--first"),
        as_date(options.last, "--last") if options.last else None,
        options.source,
        options.dry_run,
        options.refetch,
        options.confirm_large,
        options.window_rows,
    )


def backfill(wish: Wish, home: Home, environ: Mapping[str, str], now: datetime, console: Console) -> int:
    """Fill the range and return the exit code: 0 when everything is there, 1 when something is still missing.

    Raises:
        DataPipelineError: It could not be done; each says what to do.
    """
    from data_pipeline.engine.fetching import fetch_threads
    from data_pipeline.engine.one_window import Run
    from data_pipeline.local.shares import kind_of_source, one_source, open_exchange, two_sources

    known = after_market_setting(environ.get("KIS_BARS_INCLUDE_AFTER_MARKET"))
    run = Run(run_key="data-pipeline backfill", moment=now, remember_empty=True, kis_includes_after_market=known)
    with ExitStack() as stack:
        sources = DataSourceFactory(clock=market_clock(environ))
        source = stack.enter_context(sources.create(kind_of_source(wish.source, wish.dataset)))
        official = open_exchange(wish.source, wish.dataset, source, stack)
        warehouse = stack.enter_context(open_warehouse(home, environ))
        connection = stack.enter_context(closing(connect(warehouse.loader_url)))
        if wish.dataset == LISTS:
            return backfill_lists(
                connection, source, wish.stock_codes, wish.first, wish.last, now, console,
                dry_run=wish.dry_run, refetch=wish.refetch,
            )  # fmt: skip
        checked = _checked(wish, source, connection, now)
        if official is None:
            shares = one_source(connection, source, checked, now, wish.window_rows)
        else:
            shares = two_sources(connection, source, official, checked, now, wish.window_rows)
        connection.rollback()
        for line in shares.lines:
            console.print(line, soft_wrap=True)
        if wish.dry_run:
            return 0
        require_confirmation(shares.cost, confirmed=wish.confirmed, where="add --confirm-large")
        failures = _follow(shares.load(run, fetch_threads(environ)), shares.cost.requests, console)
        return _tell(connection, checked, failures, console)


def _checked(wish: Wish, source: AbstractDataSource, connection: Connection, now: datetime) -> Backfill:
    first, last = check_backfill(wish.dataset, wish.first, wish.last, source.name, now)
    keep_sessions(connection)
    codes = backfill_codes(connection, wish.stock_codes, first, last)
    connection.commit()
    return Backfill(wish.dataset, tuple(codes), first, last, source.name, "all" if wish.refetch else "unstored")


def _follow(steps: Iterator[Step], total: int, console: Console) -> list[Step]:
    """Show how far the work is, and return the failures."""
    failures: list[Step] = []
    with _progress(console) as progress:
        bar = progress.add_task("requests", total=total, rows=0)
        rows = 0
        for step in steps:
            rows += sum(step.counts.get(name, 0) for name in ("inserted", "updated", "unchanged", "outranked"))
            failures += [step] if step.error else []
            progress.update(bar, completed=step.done, total=step.total, rows=rows)
    return failures


def _tell(connection: Connection, checked: Backfill, failures: list[Step], console: Console) -> int:
    for step in failures:
        console.print(f"[red]{escape(str(step.window))}[/red]: {escape(str(step.error))}", soft_wrap=True)
    rest = replace(checked, cells="unstored")
    lacking = CELLS["unstored"](connection, rest.dataset, rest.stock_codes, rest.first, rest.last)
    for code, gaps in lacking.items():
        days = ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in gaps)
        console.print(f"{code} still lacks {days}", soft_wrap=True)
    if failures or lacking:
        console.print(f"[red]{len(lacking):,} issues still lack sessions.[/red] Run it again to go on.")
        return 1
    console.print("Everything of the range is there.")
    return 0


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(), TimeRemainingColumn(), console=console,
    )  # fmt: skip
