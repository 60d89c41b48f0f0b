"""`data-pipeline archive`: old months go into Parquet files and out of Postgres, or it is said which would."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from data_pipeline.datasets import DATASETS
from data_pipeline.datasets.dataset import Archive
from data_pipeline.exceptions import InvalidRequestError, LoadError
from data_pipeline.local import output
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.market.seoul import SEOUL
from data_pipeline.settings import text, value
from data_pipeline.warehouse.connect import connect

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from data_pipeline.read.archive.let_go import OldMonth

GOES, STAYS = "would go", "stays"
MOST = 1200


@dataclass(frozen=True)
class Outcome:
    """What became of a month."""

    dataset: str
    month: str
    rows: int
    bytes: int
    lacking: int
    outcome: str
    file: str = ""

    @property
    def stays(self) -> bool:
        """Whether it was to go and did not."""
        return self.outcome.startswith(STAYS)


def archive(
    options: argparse.Namespace, home: Home, environ: Mapping[str, str], now: datetime, console: Console
) -> int:
    """Let the months go that the options and settings name, print what became of each, and return the exit code.

    Raises:
        InvalidRequestError: The options contradict each other.
        ConfigurationError: A setting is malformed, the folder refuses, or the login may not do this.
        DataPipelineError: As for what lets a month go; what was done until then stays done.
    """
    _require_meant(options)
    kept = _kept(options, environ)
    with open_warehouse(home, environ) as warehouse:
        url = warehouse.owner_url if options.drop else warehouse.reader_url
        with closing(connect(url, application_name="data-pipeline archive", statement_timeout=None)) as connection:
            done = []
            for one in _let_go(connection, kept, now.astimezone(SEOUL).date(), options):
                done.append(one)
                output.console(stderr=True).print(f"{one.dataset} {one.month}: {one.outcome}", highlight=False)
    _tell(done, kept, console, options)
    named = text(environ, "ARCHIVE_FOLDER")
    if options.to and options.drop and done and (not named or Path(named).resolve() != Path(options.to).resolve()):
        output.console(stderr=True).print(f"Set ARCHIVE_FOLDER={options.to}, so that reading finds these files.")
    return 1 if any(one.stays for one in done) else 0


def _require_meant(options: argparse.Namespace) -> None:
    if options.drop and not options.to and not options.without_file:
        raise InvalidRequestError(
            "--drop needs --to DIR, which keeps the rows in files, or --without-file, which keeps them nowhere"
        )
    if options.without_file and not options.drop:
        raise InvalidRequestError("--without-file goes with --drop")
    if options.keep is not None and not 1 <= options.keep <= MOST:
        raise InvalidRequestError(f"--keep must be from 1 to {MOST} months, not {options.keep}")


def _kept(options: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, int]:
    """Return how many months are kept of each dataset that has a limit."""
    found = {}
    for name, one in DATASETS.items():
        if not isinstance(one.archive, Archive) or options.dataset not in (None, name):
            continue
        months = options.keep if options.keep is not None else value(environ, one.archive.keep)
        if months is not None:
            found[name] = months
        elif options.dataset:
            raise InvalidRequestError(f"all months of {name} are kept: set {one.archive.keep}, or add --keep MONTHS")
    return found


def _let_go(
    connection: Connection, kept: Mapping[str, int], today: date, options: argparse.Namespace
) -> Iterator[Outcome]:
    from data_pipeline.read.archive.let_go import months_before, oldest_kept

    for dataset, months in kept.items():
        for old in months_before(connection, dataset, oldest_kept(today, months)):
            yield _one(connection, old, options)


def _one(connection: Connection, old: OldMonth, options: argparse.Namespace) -> Outcome:
    from data_pipeline.read.archive.let_go import drop_month, keep_in_file

    said, file = (old.dataset, f"{old.month:%Y-%m}", old.rows, old.size, old.lacking), ""
    if old.lacking and not options.incomplete:
        why = f"{STAYS}: {old.lacking:,} cells are missing or unproven; fill them, or add --incomplete"
        return Outcome(*said, why)
    if not (options.to or options.drop):
        return Outcome(*said, GOES)
    try:
        kept = keep_in_file(connection, old.dataset, old.month, Path(options.to).resolve()) if options.to else None
        file = kept.file if kept else ""
        if not options.drop:
            return Outcome(*said, "in a file, still stored", file)
        drop_month(connection, old.dataset, old.month, kept)
    except LoadError as error:
        return Outcome(*said, f"{STAYS}: {error}", file)
    return Outcome(*said, "dropped, in a file" if kept else "dropped", file)


def _tell(done: Sequence[Outcome], kept: Mapping[str, int], console: Console, options: argparse.Namespace) -> None:
    if options.json:
        written = {
            "dry_run": not (options.to or options.drop),
            "keep": dict(kept),
            "months": [asdict(one) for one in done],
        }
        console.print(json.dumps(written), soft_wrap=True, markup=False, highlight=False)
        return
    if not done:
        console.print("No month is older than what is kept.")
        return
    table = Table("dataset", "month", box=None, header_style="bold")
    for name in ("rows", "bytes", "lacking"):
        table.add_column(name, justify="right")
    table.add_column("outcome")
    for one in done:
        table.add_row(one.dataset, one.month, f"{one.rows:,}", f"{one.bytes:,}", f"{one.lacking:,}", one.outcome)
    console.print(table)
    going = [one for one in done if not one.stays]
    rows, size = sum(one.rows for one in going), sum(one.bytes for one in going)
    line = f"{len(going):,} months, {rows:,} rows, {size:,} bytes"
    dry = "" if options.to or options.drop else " would go. Nothing was changed: --to DIR and --drop let them go"
    console.print(f"{line}{dry}.", highlight=False)
