"""`data-pipeline verify`: what is stored is proved again by its seals, without a request to any source."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from threading import Timer

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.loading.coverage.seals import (
    SEALED,
    Month,
    SealFinding,
    Verified,
    months_to_verify,
    verify_seals,
)
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.warehouse.connect import connect

SILENT_S = 2.0
"""Seconds after which the progress is shown."""


def verify(options: argparse.Namespace, home: Home, environ: Mapping[str, str], console: Console) -> int:
    """Print what differs from its seal and return the exit code: 0 when nothing does, 1 when something does.

    Raises:
        InvalidRequestError: The dataset has no seals, or a day is malformed, or the range is reversed.
        ConfigurationError: The warehouse is older than its seals.
    """
    from data_pipeline.engine.windows import as_date

    if options.dataset not in (None, *SEALED):
        raise InvalidRequestError(f"--dataset must be one of {', '.join(SEALED)}, not {options.dataset!r}")
    first = as_date(options.first, "--first") if options.first else None
    last = as_date(options.last, "--last") if options.last else None
    if first and last and first > last:
        raise InvalidRequestError(f"the range is reversed: --first {first} is after --last {last}")
    datasets = [options.dataset] if options.dataset else SEALED
    with open_warehouse(home, environ) as warehouse, closing(connect(warehouse.reader_url)) as connection:
        began = time.monotonic()
        months = months_to_verify(connection, datasets, first, last)
        done = list(_followed(verify_seals(connection, months), months, Console(stderr=True)))
        seconds = time.monotonic() - began
    findings = [finding for one in done for finding in one.findings]
    numbers = {"sessions": sum(one.sessions for one in done), "rows": sum(one.rows for one in done)}
    if options.json:
        written = {**numbers, "seconds": round(seconds, 3), "findings": [_plain(finding) for finding in findings]}
        console.print(json.dumps(written), soft_wrap=True, markup=False, highlight=False)
    else:
        _tell(numbers, findings, seconds, console)
    return 1 if findings else 0


def _followed(steps: Iterator[Verified], months: list[Month], console: Console) -> Iterator[Verified]:
    """Pass on what is verified, and show how far that is once it takes longer than a moment."""
    with _late(_progress(console)) as progress:
        bar = progress.add_task("", total=sum(month.rows for month in months) or None)
        for step in steps:
            month = step.month
            progress.update(bar, advance=month.rows, description=f"{month.dataset} {month.first:%Y-%m}")
            yield step


@contextmanager
def _late(progress: Progress) -> Iterator[Progress]:
    timer = Timer(SILENT_S, progress.start)
    timer.start()
    try:
        yield progress
    finally:
        timer.cancel()
        timer.join()
        progress.stop()


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), console=console, transient=True,
    )  # fmt: skip


def _tell(numbers: Mapping[str, int], findings: list[SealFinding], seconds: float, console: Console) -> None:
    if findings:
        table = Table("dataset", "session", "what differs", box=None, header_style="bold")
        for name in ("rows sealed", "rows stored"):
            table.add_column(name, justify="right")
        for one in findings:
            sealed = "-" if one.sealed is None else f"{one.sealed.rows:,}"
            table.add_row(
                one.dataset, f"{one.session}", f"[red]{one.difference.value}[/red]", sealed, f"{one.stored.rows:,}"
            )
        console.print(table)
    said = f"{len(findings):,} differ" if findings else "all as sealed"
    console.print(
        f"{numbers['sessions']:,} sessions, {numbers['rows']:,} rows in {seconds:,.1f} s: {said}.", highlight=False
    )


def _plain(finding: SealFinding) -> dict[str, object]:
    sealed = finding.sealed
    return {
        "dataset": finding.dataset,
        "session": finding.session.isoformat(),
        "difference": finding.difference.name.lower(),
        "sealed_rows": sealed and sealed.rows,
        "stored_rows": finding.stored.rows,
        "sealed_digest": sealed and f"{sealed.digest:064x}",
        "stored_digest": f"{finding.stored.digest:064x}",
    }
