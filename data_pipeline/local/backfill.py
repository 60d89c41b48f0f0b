"""`data-pipeline backfill`: fill a range of the past from the command line, with the plan and the loads of the DAG."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from data_pipeline.backfill.cost import require_confirmation
from data_pipeline.backfill.gaps import still_lacking
from data_pipeline.backfill.load import load_plan
from data_pipeline.backfill.pace import this_machine
from data_pipeline.backfill.plan import plan_wish
from data_pipeline.backfill.report import said_complete, said_lacking, spelled
from data_pipeline.backfill.sources import open_sources
from data_pipeline.backfill.wish import Backfill, Wish
from data_pipeline.engine.fetching import fetch_threads
from data_pipeline.engine.many_windows import Loader
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.windows import as_codes, as_date
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.loading.prices.reconciliation import after_market_setting
from data_pipeline.local.home import Home
from data_pipeline.local.keyless import source_variables
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import write_json
from data_pipeline.market.clock import Clock, market_clock
from data_pipeline.market.origin import AUTO
from data_pipeline.settings import text
from data_pipeline.sources.factory import DataSourceFactory
from data_pipeline.warehouse.connect import connect

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

    from data_pipeline.engine.progress import Step
    from data_pipeline.market.window import Gap
    from data_pipeline.sources.base import AbstractDataSource


@dataclass(frozen=True)
class Typed:
    """What was typed."""

    wish: Wish
    source: str
    """auto, kis, krx or mock."""
    dry_run: bool
    confirmed: bool
    window_rows: int


class Variables:
    """The sources that variables make, by kind, for :func:`open_sources`."""

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._environ, self._factory = environ, DataSourceFactory(environ, clock)

    def name_of(self, kind: str) -> str:
        """Return the kind; that of ``auto`` is empty: as ``DATA_SOURCE_TYPE`` or the credentials say."""
        return "" if kind == AUTO else kind

    def exchange(self) -> str | None:
        """Return ``krx`` when ``KRX_API_KEY`` is set."""
        return "krx" if text(self._environ, "KRX_API_KEY") else None

    def open(self, name: str) -> AbstractDataSource:
        """Return a new source of a kind."""
        return self._factory.create(name or None)


def wish_of(options: argparse.Namespace) -> Typed:
    """Return what the options ask for.

    Raises:
        InvalidRequestError: A day or a code is malformed, or the dataset has no past or takes no codes.
    """
    if options.window_rows < 1:
        raise InvalidRequestError(f"--window-rows must be 1 or more, not {options.window_rows}")
    first, last = as_date(options.first, "--first"), as_date(options.last, "--last") if options.last else None
    wish = Wish(options.dataset, tuple(as_codes(options.codes)), first, last, options.refetch)
    kind = options.source.strip().lower()
    return Typed(wish, kind, options.dry_run, options.confirm_large, options.window_rows)


def backfill(
    typed: Typed, home: Home, environ: Mapping[str, str], now: datetime, console: Console, *, as_json: bool = False
) -> int:
    """Fill the range and return the exit code: 0 when everything is there, 1 when something is still missing.

    Raises:
        DataPipelineError: It could not be done; each says what to do.
    """
    known = after_market_setting(text(environ, "KIS_BARS_INCLUDE_AFTER_MARKET"))
    run = Run(run_key="data-pipeline backfill", moment=now, kis_includes_after_market=known)
    with (
        source_variables(home, typed.source, sends=not typed.dry_run) as variables,
        open_sources(Variables(variables, market_clock(environ)), typed.wish.dataset, typed.source) as sources,
        open_warehouse(home, environ) as warehouse,
        closing(connect(warehouse.loader_url)) as connection,
    ):
        threads = fetch_threads(environ, sources.in_turn[0].calls_a_second)
        paced = replace(sources, pace=this_machine(threads))
        plan = plan_wish(connection, typed.wish, paced, now, typed.window_rows)
        for line in plan.lines:
            console.print(line, soft_wrap=True)
        told = {"plan": plan.lines, "requests": plan.requests, "dry_run": typed.dry_run}
        if typed.dry_run:
            if as_json:
                write_json(told)
            return 0
        require_confirmation(plan.requests, confirmed=typed.confirmed, where="add --confirm-large")
        load = Loader(connection, run, threads, typed.window_rows)
        failures = _follow(load_plan(plan, sources.in_turn, load), plan.requests, console)
        found = _tell(connection, plan.backfill, failures, console)
        if as_json:
            failed = [{"window": str(step.window), "error": str(step.error)} for step in failures]
            write_json(
                {
                    **told,
                    "failures": failed,
                    "lacking": {code or typed.wish.dataset: f"{spelled(gaps)}" for code, gaps in found.items()},
                }
            )
        return 1 if failures or found else 0


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


def _tell(
    connection: Connection, done: Backfill, failures: list[Step], console: Console
) -> Mapping[str, Sequence[Gap]]:
    """Say what failed and what is still missing, and return the latter by code."""
    for step in failures:
        console.print(f"[red]{escape(str(step.window))}[/red]: {escape(str(step.error))}", soft_wrap=True)
    found = still_lacking(connection, [done])
    for code, gaps in found.items():
        console.print(f"{code or done.dataset} still lacks {spelled(gaps)}", soft_wrap=True)
    if failures or found:
        console.print(f"[red]{said_lacking(done, found)}.[/red] Run it again to go on.", soft_wrap=True)
        return found
    console.print(said_complete(done))
    return found


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(), TimeRemainingColumn(), console=console,
    )  # fmt: skip
