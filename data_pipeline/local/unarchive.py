"""`data-pipeline unarchive`: archived months go back into Postgres, out of their files."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812
from rich.console import Console

from data_pipeline.exceptions import InvalidRequestError, LoadError
from data_pipeline.local import output
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.market.seoul import SEOUL
from data_pipeline.settings import value
from data_pipeline.warehouse.connect import connect

BACK, STORED, STAYS = "stored again", "is stored already", "stays archived"


@dataclass(frozen=True)
class Outcome:
    """What became of a month."""

    dataset: str
    month: str
    rows: int
    """How many came back."""
    outcome: str


def unarchive(
    options: argparse.Namespace, home: Home, environ: Mapping[str, str], now: datetime, console: Console
) -> int:
    """Bring the months back that the options name, print what became of each, and return the exit code.

    Raises:
        InvalidRequestError: A month is malformed, is nowhere, or was let go without a file.
        ConfigurationError: No folder is named, a file is not there, or the login may not do this.
        DataPipelineError: As for what brings a month back; what was done until then stays done.
    """
    from data_pipeline.read.archive.rows import archive_folder

    months = [_month(one) for one in options.month]
    folder = Path(options.folder) if options.folder else archive_folder(environ, "the files of archived months")
    with open_warehouse(home, environ) as warehouse:
        name = "data-pipeline unarchive"
        with closing(connect(warehouse.owner_url, application_name=name, statement_timeout=None)) as connection:
            done = []
            for month in months:
                done.append(_one(connection, options.dataset, month, folder))
                _beside(f"{options.dataset} {month:%Y-%m}: {done[-1].outcome}")
    _warn(options.dataset, months, environ, now)
    _tell(done, console, as_json=options.json)
    return 1 if any(one.outcome.startswith(STAYS) for one in done) else 0


def _month(said: str) -> date:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", said):
        raise InvalidRequestError(f"name a month as 2024-03, not {said!r}")
    return date.fromisoformat(f"{said}-01")


def _one(connection: Connection, dataset: str, month: date, folder: Path) -> Outcome:
    from data_pipeline.read.archive.bring_back import bring_back

    try:
        rows = bring_back(connection, dataset, month, folder.resolve())
    except LoadError as error:
        return Outcome(dataset, f"{month:%Y-%m}", 0, f"{STAYS}: {error}")
    return Outcome(dataset, f"{month:%Y-%m}", rows or 0, STORED if rows is None else BACK)


def _warn(dataset: str, months: Sequence[date], environ: Mapping[str, str], now: datetime) -> None:
    """Say of what is older than the settings keep that it goes again."""
    from data_pipeline.read.archive.let_go import ARCHIVABLE, oldest_kept

    how = ARCHIVABLE[dataset]
    kept = value(environ, how.keep)
    if kept is None or min(months) >= oldest_kept(now.astimezone(SEOUL).date(), kept):
        return
    who = "the DAG `stream_day` and `archive`" if how.by_itself else "`archive`"
    _beside(f"{how.keep} is {kept}: {who} will let older months go again, unless you set it higher.")


def _beside(line: str) -> None:
    output.console(stderr=True).print(line, highlight=False)


def _tell(done: Sequence[Outcome], console: Console, *, as_json: bool) -> None:
    if as_json:
        written = {"months": [asdict(one) for one in done]}
        console.print(json.dumps(written), soft_wrap=True, markup=False, highlight=False)
        return
    came = [one for one in done if one.outcome == BACK]
    console.print(f"{len(came):,} months, {sum(one.rows for one in came):,} rows are stored again.", highlight=False)
