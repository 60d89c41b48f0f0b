"""`data-pipeline export`: a part of the warehouse as one Parquet file."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.local import output
from data_pipeline.local.arguments import EXPORTS
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import write_json
from data_pipeline.local.waiting import shown_late

if TYPE_CHECKING:
    from data_pipeline.read.plans import Plan

LONGEST_S = 86_400
_OF = {
    "adjusted": ("daily_bars",), "as_of": ("daily_bars",), "minutes": ("minute_bars",), "on": ("instruments",),
    **dict.fromkeys(("first", "last", "codes", "incomplete"), tuple(name for name in EXPORTS if name != "instruments")),
}  # fmt: skip
"""Which datasets an option goes with."""


def export_parquet(
    options: argparse.Namespace, home: Home, environ: Mapping[str, str], console: Console, *, as_json: bool = False
) -> int:
    """Write the file, say how many rows and bytes it has, and return 0.

    Raises:
        DataPipelineError: Nothing was written; the message says what to do.
    """
    from data_pipeline.read.connection import open_to_read
    from data_pipeline.read.parquet import export

    plan = plan_of(options)
    if not 1 <= options.timeout <= LONGEST_S:
        raise InvalidRequestError(f"--timeout must be from 1 to {LONGEST_S} seconds, not {options.timeout}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the unfinished file is deleted then too
    with (
        open_warehouse(home, environ) as warehouse,
        closing(open_to_read(warehouse.reader_url, options.timeout, environ)) as connection,
        shown_late(_progress()) as progress,
    ):
        bar = progress.add_task(options.dataset, total=None, rows=0, size=0.0)
        done = export(
            plan, Path(options.output), connection, replace=options.force,
            progress=lambda rows, size: progress.update(bar, rows=rows, size=size / 1e6),
        )  # fmt: skip
    console.print(
        f"{done.rows:,} rows, {done.size:,} bytes in {options.output}", soft_wrap=True, highlight=False, markup=False
    )
    if as_json:
        write_json({"rows": done.rows, "bytes": done.size, "file": options.output})
    return 0


def plan_of(options: argparse.Namespace) -> Plan:
    """Return the read that the options describe.

    Raises:
        InvalidRequestError: An option is malformed, is missing, or does not go with the dataset.
    """
    from data_pipeline.read import plans

    for name, datasets in _OF.items():
        if getattr(options, name) and options.dataset not in datasets:
            raise InvalidRequestError(f"--{name.replace('_', '-')} does not go with {options.dataset}")
    if options.dataset == "instruments":
        return plans.plan_instruments(options.on)
    if not options.first or not options.last:
        raise InvalidRequestError(f"{options.dataset} needs --first and --last, for example --first 2024-01-02")
    from data_pipeline.engine.windows import as_codes

    asked = (as_codes(options.codes) or None, options.first, options.last)
    complete = not options.incomplete
    if options.dataset == "daily_bars":
        return plans.plan_daily_bars(*asked, adjusted=options.adjusted, as_of=options.as_of, complete=complete)
    if options.dataset == "minute_bars":
        return plans.plan_minute_bars(*asked, options.minutes or 1, complete=complete)
    return plans.plan_rows(EXPORTS[options.dataset], *asked, complete=complete)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[size]:,.1f} MB"), TimeElapsedColumn(), console=output.console(stderr=True),
        transient=True,
    )  # fmt: skip
