"""Lets old months go: written into a file that is proved to hold the very rows, then dropped."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets import DATASETS, IN_COVERAGE, find_dataset
from data_pipeline.datasets.dataset import Archive
from data_pipeline.exceptions import ConfigurationError, LoadError
from data_pipeline.loading.coverage.seals import Difference, Held, Month, SealFinding, Verified, difference_of
from data_pipeline.loading.rows.copy_columns import MODULUS
from data_pipeline.read.archive.files import file_of, last_day, sums_of, write_month
from data_pipeline.read.archive.rows import archived_months
from data_pipeline.read.archive.stored import StoredColumn, columns_of
from data_pipeline.read.connection import reading
from data_pipeline.warehouse.errors import said_plainly

ARCHIVABLE = {name: one.archive for name, one in DATASETS.items() if isinstance(one.archive, Archive)}
"""The datasets whose old months may be let go, and how."""
_STORED = """
    SELECT p.month, coalesce((SELECT sum(s.rows) FROM market.seal s WHERE s.dataset = %(dataset)s
            AND s.session >= p.month AND s.session < p.month + interval '1 month'), 0)::bigint, p.size
    FROM (
        SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM $$FROM \\('([0-9-]{10})'\\)$$)::date AS month,
            pg_total_relation_size(c.oid) AS size
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass('market.' || quote_ident(%(dataset)s))
    ) p WHERE p.month < %(before)s ORDER BY p.month
"""
_LACKING = """
    SELECT count(*) FROM market.coverage_cells(%(first)s, %(last)s)
    WHERE dataset = %(dataset)s AND state IN ('missing', 'unproven')
"""
_SEALS = """
    SELECT session::date, version, rows, official, digest FROM market.seal
    WHERE dataset = %s AND session BETWEEN %s AND %s ORDER BY session
"""


@dataclass(frozen=True)
class OldMonth:
    """A month of a dataset that is still stored."""

    dataset: str
    month: date
    """Its first day."""
    rows: int
    """By its seals."""
    size: int
    """Bytes on disk, indexes included."""
    lacking: int
    """Cells of which coverage says that they are missing or unproven; once it is archived nobody asks for them."""

    @property
    def last(self) -> date:
        """Its last day."""
        return last_day(self.month)


class Kept(NamedTuple):
    """A file that holds a month."""

    file: str
    """Its path within the archive folder."""
    rows: int
    digest: int
    """Sum of the digests of its sessions, modulo 2^256."""


def months_before(connection: Connection, dataset: str, before: date) -> list[OldMonth]:
    """Return the stored months of a dataset that begin before a day, oldest first.

    Args:
        connection: Of any role.
        dataset: One of ``ARCHIVABLE``.
        before: The first day of the oldest month that is kept.
    """
    found = []
    with said_plainly(dataset), connection.cursor() as cursor:
        cursor.execute(_STORED, {"dataset": dataset, "before": before})
        for month, rows, size in cursor.fetchall():
            lacking = 0
            if dataset in IN_COVERAGE:
                cursor.execute(_LACKING, {"dataset": dataset, "first": month, "last": last_day(month)})
                lacking = (cursor.fetchone() or (0,))[0]
            found.append(OldMonth(dataset, month, rows, size, lacking))
    connection.rollback()
    return found


def keep_in_file(connection: Connection, dataset: str, month: date, folder: Path) -> Kept:
    """Make sure that a file of the folder holds the very rows of a month, by its seals, and return what it holds.

    A file that is there already and holds them stays; any other of the same name is written anew.

    Raises:
        LoadError: What was written is not as it was sealed; the month has to be looked at with `verify`.
        ConfigurationError: The file cannot be written or read.
        ConnectionFailedError, TransientError: The server went away; trying again can help.
    """
    path = folder / file_of(dataset, month)
    columns, seals = _sealed(connection, dataset, month, last_day(month))
    if path.exists() and (found := _fitting(columns, dataset, path, seals)):
        return found
    with reading(connection, dataset) as cursor:
        write_month(cursor, find_dataset(dataset), month, path)
    # A load that was committed meanwhile is in both or in neither when the seals are those of after the writing.
    columns, seals = _sealed(connection, dataset, month, last_day(month))
    if found := _fitting(columns, dataset, path, seals):
        return found
    raise LoadError(f"{dataset} of {month:%Y-%m}: the rows written to {path} are not as they were sealed")


def oldest_kept(today: date, months: int) -> date:
    """Return the first day of the oldest month that is kept, so many months before the present one."""
    number = today.year * 12 + today.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def drop_month(connection: Connection, dataset: str, month: date, kept: Kept | None, *, as_loader: bool = False) -> int:
    """Drop a month in one transaction and return how many rows it had; 0 when that was done before.

    Its rows are compared with their seals once more, while loads of the month wait and readers go on; the moment in
    which nobody may read is short, and waited for 5 seconds at most.

    Args:
        connection: Of the schema's owner, or of a login that may execute ``market.drop_month``.
        dataset: One of ``ARCHIVABLE``.
        month: Its first day.
        kept: The file that holds the rows; None to let them go for good.
        as_loader: Whether to do it with the loader's right to what the live stream fills (``market.retire_month``).

    Raises:
        LoadError: Rows, seals or file differ; nothing is dropped.
        ConfigurationError: The login may not do this.
        TransientError: Readers did not let it in; trying again can help.
    """
    file = kept or (None, None, None)
    with said_plainly(f"{dataset} of {month:%Y-%m}"), connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.is_archived(%s, %s)", (dataset, month))
        if not as_loader and not (cursor.fetchone() or (False,))[0]:
            cursor.execute("SELECT market.prove_month(%s, %s)", (dataset, month))
        drop = "market.retire_month" if as_loader else "market.drop_month"
        cursor.execute(f"SELECT {drop}(%s, %s, %s, %s, %s)", (dataset, month, *file))
        return int((cursor.fetchone() or (0,))[0])


def verify_files(
    connection: Connection, datasets: Collection[str], first: date | None, last: date | None, folder: Path | None
) -> Iterator[Verified]:
    """Yield what the files of archived months show beside the seals, as ``verify_month`` does for stored ones.

    Args:
        connection: Of any role.
        datasets: Those without an archive have nothing to show.
        first: First session, included; None for the oldest there is.
        last: Last session, included; None for the newest there is.
        folder: The archive's; None when nobody named it, so that no file can be read.
    """
    for dataset in (name for name in datasets if name in ARCHIVABLE):
        with said_plainly("verify"), connection.cursor() as cursor:
            months = archived_months(cursor, dataset, first or date(1956, 3, 3), last or date(9999, 12, 31))
        for one in (one for one in months if one.file):
            begin, end = max(one.month, first or one.month), min(last_day(one.month), last or date.max)
            columns, seals = _sealed(connection, dataset, begin, end)
            try:
                sums = _sums(columns, dataset, folder / str(one.file)) if folder else None
            except ConfigurationError:
                sums = None
            yield _verified(Month(dataset, begin, end, one.rows), seals, sums)


Seals = dict[date, tuple[int, Held]]
"""The version and the sums of each sealed session."""


def _verified(month: Month, seals: Seals, sums: dict[date, Held] | None) -> Verified:
    findings = []
    stored = {day: held for day, held in (sums or {}).items() if month.first <= day <= month.last}
    for day in sorted(seals.keys() | stored.keys()):
        version, sealed = seals.get(day, (None, Held()))
        differs = Difference.FILE if sums is None else difference_of(version, sealed, stored.get(day, Held()))
        if differs:
            findings.append(SealFinding(month.dataset, day, differs, sealed if version else None, stored.get(day)))
    return Verified(month, len(seals), sum(held.rows for held in stored.values()), tuple(findings))


def _fitting(columns: list[StoredColumn], dataset: str, path: Path, seals: Seals) -> Kept | None:
    """Return what a file holds; None unless that is exactly what was sealed."""
    try:
        sums = _sums(columns, dataset, path)
    except ConfigurationError:
        return None
    if sums.keys() - seals.keys() or any(
        difference_of(version, sealed, sums.get(day, Held())) for day, (version, sealed) in seals.items()
    ):
        return None
    name = f"{path.parent.name}/{path.name}"
    return Kept(name, sum(held.rows for held in sums.values()), sum(held.digest for held in sums.values()) % MODULUS)


def _sums(columns: list[StoredColumn], dataset: str, path: Path) -> dict[date, Held]:
    return {day: Held(*found) for day, found in sums_of(columns, find_dataset(dataset).table, path).items()}


def _sealed(connection: Connection, dataset: str, first: date, last: date) -> tuple[list[StoredColumn], Seals]:
    """Return the columns of a dataset and the seals of a range, in a transaction that is over when this returns."""
    with said_plainly(dataset), connection.cursor() as cursor:
        columns = columns_of(cursor, dataset)
        cursor.execute(_SEALS, (dataset, first, last))
        seals = {day: (version, Held(*map(int, held))) for day, version, *held in cursor.fetchall()}
    connection.rollback()
    return columns, seals
