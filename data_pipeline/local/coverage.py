"""`data-pipeline coverage`: what must be in the warehouse, and what is."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table

from data_pipeline.datasets import IN_COVERAGE
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.loading.coverage.cells import Coverage, coverage
from data_pipeline.local.arguments import DAYS
from data_pipeline.local.home import Home
from data_pipeline.local.opened import forget_gone_runs, open_warehouse
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.warehouse.connect import connect


def show_coverage(
    options: argparse.Namespace, home: Home, environ: Mapping[str, str], now: datetime, console: Console
) -> int:
    """Print the table and return the exit code: 0 when nothing is missing, 1 when something is.

    Raises:
        InvalidRequestError: The dataset is unknown, or a day is malformed, or the range is reversed.
    """
    from data_pipeline.engine.windows import as_date

    if options.dataset not in (None, *IN_COVERAGE):
        raise InvalidRequestError(f"--dataset must be {', '.join(IN_COVERAGE)}, not {options.dataset!r}")
    calendar = krx_calendar()
    last = as_date(options.last, "--last") if options.last else calendar.last_final_session(now)
    first = as_date(options.first, "--first") if options.first else last - timedelta(days=DAYS)
    if first > last:
        raise InvalidRequestError(f"the range is reversed: --first {first} is after --last {last}")
    for day, option in ((last, "--last"), (first, "--first")):
        if not calendar.first_day <= day <= calendar.last_day:
            raise InvalidRequestError(
                f"{option} {day} is not on the trading calendar, which runs from {calendar.first_day} to "
                f"{calendar.last_day}: what must exist on other days is not known"
            )
    with open_warehouse(home, environ) as warehouse:
        with suppress(ConfigurationError):  # of a login that can only read, which may ask all the same
            forget_gone_runs(warehouse.loader_url)
        with closing(connect(warehouse.reader_url)) as connection:
            rows = coverage(connection, first, last, options.dataset)
    console.print(_table(rows) if rows else f"Nothing is expected from {first} to {last}: nothing was ever loaded.")
    return 1 if any(row.missing for row in rows) else 0


def _table(rows: list[Coverage]) -> Table:
    caption = f"{sum(row.missing for row in rows):,} missing"
    table = Table("dataset", "session", box=None, header_style="bold", caption=caption)
    for name in ("expected", "loaded", "known empty", "missing", "of which stored", "unproven empty", "archived"):
        table.add_column(name, justify="right")
    for row in rows:
        numbers = [f"{number:,}" for number in (row.expected, row.loaded, row.known_empty)]
        rest = [f"{number:,}" for number in (row.unproven, row.unproven_empty, row.archived)]
        missing = f"[red]{row.missing:,}[/red]" if row.missing else "0"
        table.add_row(row.dataset, f"{row.session}", *numbers, missing, *rest)
    return table
