"""`data-pipeline gaps`: which instruments lack what, and why."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

from data_pipeline.engine.windows import as_codes
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.local.home import Home
from data_pipeline.local.looking import DAYS
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import columns, write_json
from data_pipeline.local.ranges import EMPTY, asked_range
from data_pipeline.local.waiting import waiting
from data_pipeline.morning.facts import Lacking
from data_pipeline.morning.lacking import read_lacking
from data_pipeline.warehouse.connect import connect

MOST = 100_000


def show_gaps(
    options: argparse.Namespace, home: Home, environ: Mapping[str, str], now: datetime, console: Console
) -> int:
    """Print the gaps and return 0 when there is none, 1 when there are some or nothing was ever loaded.

    Raises:
        InvalidRequestError: An option is malformed, or the range is reversed or not final.
    """
    if not 1 <= options.rows <= MOST:
        raise InvalidRequestError(f"--rows must be from 1 to {MOST:,}, not {options.rows}")
    codes = as_codes(options.codes) or None
    first, last = asked_range(options, now, timedelta(days=DAYS))
    with (
        waiting("asking the warehouse what is missing"),
        open_warehouse(home, environ) as warehouse,
        closing(connect(warehouse.reader_url)) as connection,
    ):
        found = read_lacking(connection, first, last, dataset=options.dataset, stock_codes=codes, most=options.rows)
        empty = not found.of and not coverage(connection, first, last, options.dataset)
    if options.json:
        more = found.of > len(found.named)
        write_json({"first": first, "last": last, "gaps": found.named, "of": found.of, "more": more, "empty": empty})
    elif found.of:
        console.print(_table(found.named, found.of))
    else:
        said = f"Nothing is missing from {first} to {last}."
        console.print(EMPTY.format(first=first, last=last) if empty else said, soft_wrap=True)
    return 1 if found.of or empty else 0


def _table(found: Sequence[Lacking], of: int) -> Table:
    caption = f"{len(found):,} of {of:,} gaps, the newest; --rows shows more" if of > len(found) else f"{of:,} gaps"
    table = Table(box=None, header_style="bold", caption=caption)
    for name in ("dataset", "code", "sessions", "first", "last", "state", "why"):
        table.add_column(name, justify="right" if name == "sessions" else "left", no_wrap=name in ("first", "last"))
    for one in found:
        row = (one.dataset, one.stock_code, f"{one.sessions:,}", f"{one.first}", f"{one.last}", one.state, one.why)
        table.add_row(*map(Text, row))
    return columns(table)
