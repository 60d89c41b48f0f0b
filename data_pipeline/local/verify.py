"""`data-pipeline verify`: what is stored is proved again by seals and proofs, without a request to any source."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from datetime import date
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812
from rich.console import Console
from rich.table import Table

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.loading.coverage.proofs import Contradiction, contradictions, explained
from data_pipeline.loading.coverage.seals import (
    SEALED,
    Month,
    SealFinding,
    Verified,
    months_to_verify,
    seal_again,
    verify_side_by_side,
)
from data_pipeline.local import output
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.waiting import counted, shown_late
from data_pipeline.settings import text
from data_pipeline.warehouse.connect import connect

AT_ONCE = min(4, os.cpu_count() or 1)
"""Months that the server works on at once; each takes one of its cores."""


def verify(options: argparse.Namespace, home: Home, environ: Mapping[str, str], console: Console) -> int:
    """Print what differs from its seal or contradicts its proof; return 0 when nothing does, 1 when something does.

    Raises:
        InvalidRequestError: The dataset has no seals, or a day is malformed, or the range is reversed.
        ConfigurationError: The warehouse is older than its seals.
        psycopg2.Error: The server went away, or ``--seal-again`` is not the login's to do.
    """
    if options.explain:
        return _explain(options.explain, home, environ, console)
    datasets, first, last = _asked(options)
    with open_warehouse(home, environ) as warehouse:
        began = time.monotonic()
        with closing(connect(warehouse.reader_url)) as connection:
            months = months_to_verify(connection, datasets, first, last)
            done = list(_followed(_verified(warehouse.reader_url, months), months))
            done += _archived(connection, datasets, first, last, environ)
            problems = [
                one for month in months for one in contradictions(connection, month.dataset, month.first, month.last)
            ]
        findings = [finding for one in done for finding in one.findings]
        _tell(done, findings, problems, time.monotonic() - began, console, as_json=options.json)
        if options.seal_again and findings:
            with closing(connect(warehouse.owner_url)) as connection:
                seal_again(connection, findings)
            output.console(stderr=True).print(
                f"{len(findings):,} sessions sealed again as they stand.", highlight=False
            )
    return 1 if findings or problems else 0


def _verified(url: str, months: Sequence[Month]) -> Iterator[Verified]:
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(connect(url))) for _ in range(min(AT_ONCE, len(months)))]
        if connections:
            yield from verify_side_by_side(connections, months)


def _archived(
    connection: Connection, datasets: Sequence[str], first: date | None, last: date | None, environ: Mapping[str, str]
) -> list[Verified]:
    """Return what the files of archived months show; without their folder each of their sessions differs."""
    from data_pipeline.read.archive.let_go import verify_files

    folder = text(environ, "ARCHIVE_FOLDER")
    return list(verify_files(connection, datasets, first, last, Path(folder) if folder else None))


def _explain(asked: Sequence[str], home: Home, environ: Mapping[str, str], console: Console) -> int:
    from data_pipeline.engine.windows import as_codes, as_date

    (code,), day = as_codes(asked[0]), as_date(asked[1], "DAY")
    with open_warehouse(home, environ) as warehouse, closing(connect(warehouse.reader_url)) as connection:
        for line in explained(connection, code, day):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


def _asked(options: argparse.Namespace) -> tuple[Sequence[str], date | None, date | None]:
    """Return the datasets and the range, both ends included; None for an end that is open."""
    from data_pipeline.engine.windows import as_date

    if options.dataset not in (None, *SEALED):
        raise InvalidRequestError(f"--dataset must be one of {', '.join(SEALED)}, not {options.dataset!r}")
    first = as_date(options.first, "--first") if options.first else None
    last = as_date(options.last, "--last") if options.last else None
    if first and last and first > last:
        raise InvalidRequestError(f"the range is reversed: --first {first} is after --last {last}")
    return [options.dataset] if options.dataset else SEALED, first, last


def _followed(steps: Iterator[Verified], months: Sequence[Month]) -> Iterator[Verified]:
    """Pass on what is verified, and show how far that is once it takes longer than a moment."""
    with shown_late(counted()) as progress:
        bar = progress.add_task("", total=sum(month.rows for month in months) or None)
        for step in steps:
            month = step.month
            progress.update(bar, advance=month.rows, description=f"{month.dataset} {month.first:%Y-%m}")
            yield step


def _tell(
    done: Sequence[Verified], findings: Sequence[SealFinding], problems: Sequence[Contradiction], seconds: float,
    console: Console, *, as_json: bool,
) -> None:  # fmt: skip
    numbers = {"sessions": sum(one.sessions for one in done), "rows": sum(one.rows for one in done)}
    if as_json:
        written = {**numbers, "seconds": round(seconds, 3), "findings": [_plain(finding) for finding in findings]}
        written["contradictions"] = [{**asdict(one), "session": f"{one.session}"} for one in problems]
        console.print(json.dumps(written), soft_wrap=True, markup=False, highlight=False)
        return
    if findings:
        console.print(_table(findings))
    for one in problems:
        console.print(f"{one}", highlight=False, markup=False, soft_wrap=True)
    said = f"{len(findings):,} differ" if findings else "all as sealed"
    said += f", {len(problems):,} cells contradict their proof" if problems else ""
    line = f"{numbers['sessions']:,} sessions, {numbers['rows']:,} rows in {seconds:,.1f} s: {said}."
    console.print(line, highlight=False)


def _table(findings: Sequence[SealFinding]) -> Table:
    table = Table("dataset", "session", "what differs", box=None, header_style="bold")
    for name in ("rows sealed", "rows stored"):
        table.add_column(name, justify="right")
    for one in findings:
        rows = ["-" if held is None else f"{held.rows:,}" for held in (one.sealed, one.stored)]
        table.add_row(one.dataset, f"{one.session}", f"[red]{one.difference.value}[/red]", *rows)
    return table


def _plain(finding: SealFinding) -> dict[str, object]:
    sums = {
        f"{name}_{figure}": None if held is None else value
        for name, held in (("sealed", finding.sealed), ("stored", finding.stored))
        for figure, value in (("rows", held and held.rows), ("digest", held and f"{held.digest:064x}"))
    }
    words = {"dataset": finding.dataset, "session": f"{finding.session}", "difference": finding.difference.name.lower()}
    return {**words, **sums}
