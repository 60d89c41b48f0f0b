"""Seals: what is stored is compared with what each session held when it was last written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from queue import SimpleQueue
from typing import Any, NamedTuple

from psycopg2 import sql
from psycopg2.errors import DataCorrupted, IndexCorrupted, IoError, UndefinedFunction, UndefinedTable
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets import DATASETS
from data_pipeline.exceptions import ConfigurationError

SEALED = tuple(name for name, one in DATASETS.items() if one.table.sealed)
"""Datasets whose sessions are sealed."""
VERSION = 1
"""Which binary form of a row the schema's functions work out; see docs/explanation/seals.md."""

# A month is there when a seal says so, or a partition could hold rows of it; one without bounds could hold any, and a
# table without partitions those between its first and last row.
_MONTHS = """
    SELECT m.month::date, sum(m.rows)::bigint FROM (
        SELECT date_trunc('month', s.session::timestamp) AS month, s.rows
        FROM market.seal s WHERE s.dataset = %(dataset)s
        UNION ALL
        SELECT generate_series(date_trunc('month', coalesce(b.lower, '1956-03-03')::timestamp),
            coalesce(b.upper, (market.now() + interval '400 days')::date) - interval '1 day', '1 month'), 0
        FROM (
            SELECT substring(said FROM $$FROM \\('([0-9-]{{10}})'\\)$$)::date AS lower,
                substring(said FROM $$TO \\('([0-9-]{{10}})'\\)$$)::date AS upper
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid, pg_get_expr(c.relpartbound, c.oid) said
            WHERE i.inhparent = ('market.' || %(dataset)s)::regclass) b
        UNION ALL
        SELECT generate_series(date_trunc('month', e.oldest::timestamp), e.newest::timestamp, '1 month'), 0
        FROM (SELECT min(r.session) AS oldest, max(r.session) AS newest FROM {table} r WHERE {whole}) e
    ) m
    WHERE (%(last)s::date IS NULL OR m.month <= %(last)s::date)
        AND (%(first)s::date IS NULL OR m.month > %(first)s::date - interval '1 month')
    GROUP BY m.month ORDER BY m.month
"""
# One statement sees one moment: a load that is under way is in both sides or in neither.
_MONTH = """
    SELECT coalesce(s.session::date, d.session), s.version, s.rows, s.official, s.digest, d.rows, d.official, d.digest
    FROM (
        SELECT * FROM market.seal WHERE dataset = {dataset} AND session BETWEEN {first} AND {last}
            AND NOT market.is_archived(dataset, session)) s
    FULL JOIN market.{digests}({first}, {last}) d ON d.session = s.session
    ORDER BY 1
"""
_SEALS = """
    SELECT session, version, rows, official, digest FROM market.seal
    WHERE dataset = %s AND session BETWEEN %s AND %s ORDER BY session
"""


class Difference(Enum):
    """How the rows of a session differ from its seal."""

    UNREADABLE = "rows that the server cannot read"
    """The disk lost a page of the month; which session it was of cannot be told."""
    UNSEALED = "rows without a seal"
    GONE = "a seal without rows"
    LOST = "rows lost"
    ADDED = "rows doubled or added"
    CHANGED = "rows changed"
    SOURCE = "rows told by another source"
    FILE = "archived in a file that cannot be read"
    FORM = "sealed in another form"
    """Of another version than the schema's functions work out, so that the digests cannot be compared."""


class Held(NamedTuple):
    """What the rows of a session add up to, by its seal or by themselves."""

    rows: int = 0
    official: int = 0
    """Rows of them whose source is the exchange's own."""
    digest: int = 0
    """Sum of SHA-256 over each row, modulo 2^256; 0 for no row."""


@dataclass(frozen=True)
class SealFinding:
    """A session that is not as it was sealed."""

    dataset: str
    session: date
    difference: Difference
    sealed: Held | None
    """None without a seal."""
    stored: Held | None
    """None when it cannot be read."""

    def __str__(self) -> str:
        sealed, stored = ("no" if held is None else f"{held.rows:,}" for held in (self.sealed, self.stored))
        return f"{self.dataset} {self.session}: {self.difference.value} ({sealed} rows sealed, {stored} rows stored)"


@dataclass(frozen=True)
class Month:
    """What is compared in one statement: the part of a month that was asked for."""

    dataset: str
    first: date
    last: date
    """Included."""
    rows: int
    """Rows of the whole month by its seals."""


@dataclass(frozen=True)
class Verified:
    """What one month showed."""

    month: Month
    sessions: int
    """Sessions with a seal or rows."""
    rows: int
    """Rows stored."""
    findings: tuple[SealFinding, ...]
    """By session."""


def months_to_verify(
    connection: Connection, datasets: Collection[str] = SEALED, first: date | None = None, last: date | None = None
) -> list[Month]:
    """Return the months of which seals or partitions exist, by dataset in the order given and then by month.

    Args:
        connection: Of any role.
        datasets: Of those in ``SEALED``.
        first: First session, included; None for the oldest there is.
        last: Last session, included; None for the newest there is.

    Raises:
        ConfigurationError: The warehouse is older than its seals.
        psycopg2.Error: The server is away.
    """
    found = []
    with connection.cursor() as cursor:
        for dataset in datasets:
            try:
                statement = sql.SQL(_MONTHS).format(
                    table=sql.Identifier("market", dataset),
                    whole=sql.Literal(not DATASETS[dataset].table.partitioned),
                )
                cursor.execute(statement, {"dataset": dataset, "first": first, "last": last})
            except (UndefinedTable, UndefinedFunction):
                raise ConfigurationError("this warehouse has no seals yet: data-pipeline migrate makes them") from None
            for begin, rows in cursor.fetchall():
                end = (begin + timedelta(days=31)).replace(day=1) - timedelta(days=1)
                found.append(Month(dataset, max(begin, first or begin), min(end, last or end), rows))
    return found


def verify_month(connection: Connection, month: Month) -> Verified:
    """Return what the rows of a month show beside their seals; the server reads each row once.

    A load that is committed meanwhile is seen whole or not at all. Where the server cannot read the month, every sealed
    session of it is named, and the transaction is rolled back.

    Raises:
        psycopg2.Error: The server is away, or cannot read a month that has no seals.
    """
    statement = sql.SQL(_MONTH).format(
        dataset=sql.Literal(month.dataset),
        digests=sql.Identifier(f"{month.dataset}_digests"),
        first=sql.Literal(month.first),
        last=sql.Literal(month.last),
    )
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except (DataCorrupted, IndexCorrupted, IoError):
            connection.rollback()
            cursor.execute(_SEALS, (month.dataset, month.first, month.last))
            found = [
                SealFinding(month.dataset, session, Difference.UNREADABLE, _held(sealed), None)
                for session, _, *sealed in cursor.fetchall()
            ]
            if not found:
                raise
            return Verified(month, len(found), 0, tuple(found))
        rows = [(session, version, _held(held[:3]), _held(held[3:])) for session, version, *held in cursor.fetchall()]
    differing = [
        SealFinding(month.dataset, session, difference, None if version is None else sealed, stored)
        for session, version, sealed, stored in rows
        if (difference := difference_of(version, sealed, stored))
    ]
    return Verified(month, len(rows), sum(stored.rows for *_, stored in rows), tuple(differing))


def _held(numbers: Sequence[Any]) -> Held:
    return Held(*(int(number or 0) for number in numbers))


def verify_seals(connection: Connection, months: Collection[Month]) -> Iterator[Verified]:
    """Yield what each month shows, as soon as it is known, each in a transaction of its own; see ``verify_month``."""
    for month in months:
        verified = verify_month(connection, month)
        connection.rollback()
        yield verified


def verify_side_by_side(connections: Sequence[Connection], months: Collection[Month]) -> Iterator[Verified]:
    """Yield what each month shows, in the order given, as ``verify_seals`` does; each connection has a month at a time.

    Args:
        connections: At least one, of any role; the server works on as many months at once.
        months: As ``months_to_verify`` gives them.

    Raises:
        psycopg2.Error: As ``verify_month`` does, when the months that were begun are over.
    """
    free: SimpleQueue[Connection] = SimpleQueue()
    for connection in connections:
        free.put(connection)

    def verified(month: Month) -> Verified:
        connection = free.get()
        try:
            return next(verify_seals(connection, [month]))
        finally:
            free.put(connection)

    with ThreadPoolExecutor(len(connections), "verify") as pool:
        yield from pool.map(verified, months)


def seal_again(connection: Connection, findings: Collection[SealFinding]) -> None:
    """Seal the sessions that differ as they stand, each in a transaction of its own; loads of the dataset wait for it.

    Args:
        connection: Of the schema's owner.
        findings: Those that were meant, or that have been repaired since.

    Raises:
        psycopg2.Error: The login is not the owner's, the server is away, or it cannot read the rows.
    """
    for finding in findings:
        with connection.cursor() as cursor:
            cursor.execute("SELECT market.seal_again(%s, %s, %s)", (finding.dataset, finding.session, finding.session))
        connection.commit()


def difference_of(version: int | None, sealed: Held, stored: Held) -> Difference | None:
    """Return how rows differ from their seal: the first that holds, the heaviest first; None for rows as sealed.

    Args:
        version: Of the seal; None where there is none.
        sealed: What it says.
        stored: What the rows add up to.
    """
    differs = {
        Difference.UNSEALED: version is None,
        Difference.FORM: version != VERSION,
        Difference.GONE: sealed.rows > 0 == stored.rows,
        Difference.LOST: stored.rows < sealed.rows,
        Difference.ADDED: stored.rows > sealed.rows,
        Difference.CHANGED: stored.digest != sealed.digest,
        Difference.SOURCE: stored.official != sealed.official,
    }
    return next((difference for difference, holds in differs.items() if holds), None)
