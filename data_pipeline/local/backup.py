"""`data-pipeline backup` and `restore`: the whole warehouse in a file or folder, and back into an empty database."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.local.home import Home
from data_pipeline.local.migration import migrate_warehouse
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import write_json
from data_pipeline.settings import text
from data_pipeline.warehouse.backup import back_up, restore

MOST_JOBS = 64


def make_backup(options: argparse.Namespace, home: Home, environ: Mapping[str, str], console: Console) -> int:
    """Write the backup, say what it holds, and return 0.

    Raises:
        DataPipelineError: Nothing was written; the message says what to do.
    """
    if not 1 <= options.jobs <= MOST_JOBS:
        raise InvalidRequestError(f"--jobs must be from 1 to {MOST_JOBS}, not {options.jobs}")
    path = Path(options.path).resolve()
    with open_warehouse(home, environ, migrated=False) as warehouse:
        done = back_up(warehouse.owner_url, path, environ, jobs=options.jobs)
    _say(console, f"{done.sessions:,} sealed sessions, {done.rows:,} rows of version {done.schema} in {path}")
    if folder := text(environ, "ARCHIVE_FOLDER"):
        _say(console, f"Archived months are not in it: back up {folder} too.")
    if options.json:
        write_json({"sessions": done.sessions, "rows": done.rows, "version": done.schema, "path": path})
    return 0


def restore_backup(options: argparse.Namespace, home: Home, environ: Mapping[str, str], console: Console) -> int:
    """Restore, bring the schema up to date, and return 0, or 1 when not every row came that the backup told of.

    Raises:
        DataPipelineError: Nothing was restored; the message says what to do.
    """
    path = Path(options.path).resolve()
    with open_warehouse(home, environ, migrated=False) as warehouse:
        done = restore(warehouse.owner_url, path, environ)
    migrate_warehouse(home, environ, console)
    _say(
        console, f"{done.sessions:,} sealed sessions, {done.rows:,} rows came back; `data-pipeline verify` proves them."
    )
    for role in done.without_password:
        _say(console, f"{role} has no password yet: ALTER ROLE {role} PASSWORD '...'")
    if done.manifest is None:
        _say(console, f"Nothing beside {path} says what it should hold, or which roles there were.")
    if options.json:
        told = None if done.manifest is None else {"sessions": done.manifest.sessions, "rows": done.manifest.rows}
        roles = list(done.without_password)
        write_json({"sessions": done.sessions, "rows": done.rows, "told": told, "without_password": roles})
    if done.manifest and (done.sessions, done.rows) != (done.manifest.sessions, done.manifest.rows):
        _say(console, f"The backup told of {done.manifest.sessions:,} sessions and {done.manifest.rows:,} rows.")
        return 1
    return 0


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, highlight=False, markup=False)
