"""Old months of what the live stream fills go by themselves: into proved files, or for good without a folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.exceptions import LoadError
from data_pipeline.read.archive.let_go import (
    ARCHIVABLE,
    OldMonth,
    drop_month,
    keep_in_file,
    months_before,
    oldest_kept,
)
from data_pipeline.settings import text, value
from data_pipeline.warehouse.errors import said_plainly

log = logging.getLogger(__name__)

_STREAMED = """
    SELECT EXISTS (SELECT FROM market.ingest_run
        WHERE dataset = %s AND task_id = 'stream' AND first <= %s AND last >= %s)
"""


class Retired(NamedTuple):
    """What became of old months."""

    months: int
    """How many went."""
    rows: int
    stayed: int
    """How many stay although they are old: the log says why."""


def retire(connection: Connection, today: date, environ: Mapping[str, str]) -> Retired:
    """Let the months go that are older than the settings keep, each in a transaction of its own.

    With ``ARCHIVE_FOLDER`` each goes into a file first, which is proved to hold the very rows. Without it a month goes
    for good if the live stream wrote into it, and stays otherwise: what was only asked for is little, and nobody can
    ask for it again. What coverage lacks of a month is no reason to stay: no vendor tells the trades of a past day.

    Args:
        connection: Of the loader, without a transaction open and without a limit of time.
        today: A day in Seoul; months are counted back from its own.
        environ: Where settings are looked up.

    Raises:
        LoadError: A month is not as it was sealed; it stays, and all others were seen to.
        ConfigurationError: A setting or the folder is wrong.
        TransientError: The server went away, or readers did not let it in; trying again can help, and goes on.
    """
    named = text(environ, "ARCHIVE_FOLDER")
    folder = Path(named).resolve() if named else None
    gone, rows, stayed, wrong = 0, 0, 0, []
    for dataset, how in ARCHIVABLE.items():
        months = value(environ, how.keep) if how.by_itself else None
        for old in months_before(connection, dataset, oldest_kept(today, months)) if months is not None else ():
            try:
                if _goes(connection, old, folder):
                    rows += _let_go(connection, old, folder)
                    gone += 1
                    continue
            except LoadError as error:
                wrong.append(error)
                log.warning("%s of %s stays: %s", dataset, f"{old.month:%Y-%m}", error)
            stayed += 1
    if wrong:
        raise wrong[0]
    return Retired(gone, rows, stayed)


def _goes(connection: Connection, old: OldMonth, folder: Path | None) -> bool:
    if folder is not None:
        return True
    with said_plainly(old.dataset), connection, connection.cursor() as cursor:
        cursor.execute(_STREAMED, (old.dataset, old.last, old.month))
        streamed = bool((cursor.fetchone() or (False,))[0])
    if not streamed:
        log.warning(
            "%s of %s stays: the live stream wrote nothing into it, and ARCHIVE_FOLDER names no folder for its file",
            old.dataset, f"{old.month:%Y-%m}",
        )  # fmt: skip
    return streamed


def _let_go(connection: Connection, old: OldMonth, folder: Path | None) -> int:
    kept = keep_in_file(connection, old.dataset, old.month, folder) if folder else None
    rows = drop_month(connection, old.dataset, old.month, kept, as_loader=True)
    where = f"is in {kept.file}" if kept else "is gone for good"
    log.info("%s of %s, %d rows, %s", old.dataset, f"{old.month:%Y-%m}", rows, where)
    return rows
