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
from data_pipeline.local.home import Home
from data_pipeline.local.looking import DAYS
from data_pipeline.local.opened import forget_gone_runs, open_warehouse
from data_pipeline.local.output import columns, write_json
from data_pipeline.local.ranges import EMPTY, asked_range
from data_pipeline.local.waiting import waiting
from data_pipeline.warehouse.connect import connect


def show_coverage(
    options: argparse.Namespace,
    home: Home,
    environ: Mapping[str, str],
    now: datetime,
    console: Console,
    *,
    as_json: bool = False,
) -> int:
    """Print the table and return the exit code: 0 when nothing is missing, 1 when something is.

    A warehouse of which nothing is expected has nothing, which counts as missing.

    Raises:
        InvalidRequestError: The dataset is unknown, or a day is malformed or not final, or the range is reversed.
    """
    if options.dataset not in (None, *IN_COVERAGE):
        raise InvalidRequestError(f"--dataset must be {', '.join(IN_COVERAGE)}, not {options.dataset!r}")
    first, last = asked_range(options, now, timedelta(days=DAYS))
    with waiting("asking the warehouse what is missing"), open_warehouse(home, environ) as warehouse:
        with suppress(ConfigurationError):  # of a login that can only read, which may ask all the same
            forget_gone_runs(warehouse.loader_url)
        with closing(connect(warehouse.reader_url)) as connection:
            rows = coverage(connection, first, last, options.dataset)
    console.print(_table(rows) if rows else EMPTY.format(first=first, last=last), soft_wrap=not rows)
    missing = sum(row.missing for row in rows)
    if as_json:
        write_json({"first": first, "last": last, "missing": missing, "rows": rows})
    # Where nothing is expected nothing is there, which is no success for whoever waits for data.
    return 1 if missing or not rows else 0


def _table(rows: list[Coverage]) -> Table:
    caption = f"{sum(row.missing for row in rows):,} missing"
    table = Table(box=None, header_style="bold", caption=caption, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("dataset", "session"):
        table.add_column(name, no_wrap=True)
    counts = ["expected", "loaded", "known empty", "missing", "of which stored", "unproven empty"]
    # Of few warehouses there are archived months, and a terminal of 80 columns has no room for a column of zeros.
    counts += ["archived"] if any(row.archived for row in rows) else []
    for name in counts:
        table.add_column(name, justify="right")
    for row in rows:
        missing = f"[red]{row.missing:,}[/red]" if row.missing else "0"
        numbers = [f"{number:,}" for number in (row.expected, row.loaded, row.known_empty)]
        rest = [f"{number:,}" for number in (row.unproven, row.unproven_empty, row.archived)]
        table.add_row(row.dataset, f"{row.session}", *[*numbers, missing, *rest][: len(counts)])
    return columns(table)
