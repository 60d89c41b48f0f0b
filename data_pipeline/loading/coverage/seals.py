"""Seals: what is stored is compared with what each session held when it was last written; nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import NamedTuple

from psycopg2 import sql
from psycopg2.errors import UndefinedFunction, UndefinedTable
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets import DATASETS
from data_pipeline.exceptions import ConfigurationError

SEALED = tuple(name for name, one in DATASETS.items() if one.table.partitioned)
"""Datasets whose sessions are sealed."""
VERSION = 1
"""Which binary form of a row the schema's functions work out; see docs/explanation/seals.md."""

# A month is there when a seal says so or a partition could hold rows of it; one without bounds could hold any.
_MONTHS = """
    SELECT m.month::date, sum(m.rows)::bigint FROM (
        SELECT date_trunc('month', s.session::timestamp) AS month, s.rows
        FROM market.seal s WHERE s.dataset = %(dataset)s
        UNION ALL
        SELECT generate_series(date_trunc('month', coalesce(b.lower, '1956-03-03')::timestamp),
            coalesce(b.upper, (market.now() + interval '400 days')::date) - interval '1 day', '1 month'), 0
        FROM (
            SELECT substring(said FROM $$FROM \\('([0-9-]{10})'\\)$$)::date AS lower,
                substring(said FROM $$TO \\('([0-9-]{10})'\\)$$)::date AS upper
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid, pg_get_expr(c.relpartbound, c.oid) said
            WHERE i.inhparent = ('market.' || %(dataset)s)::regclass) b
    ) m
    WHERE (%(last)s::date IS NULL OR m.month <= %(last)s::date)
        AND (%(first)s::date IS NULL OR m.month > %(first)s::date - interval '1 month')
    GROUP BY m.month ORDER BY m.month
"""
# One statement sees one moment: a load that is under way is in both sides or in neither.
_MONTH = """
    SELECT coalesce(s.session::date, d.session), s.version, s.rows, s.official, s.digest, d.rows, d.official, d.digest
    FROM (SELECT * FROM market.seal WHERE dataset = {dataset} AND session BETWEEN {first} AND {last}) s
    FULL JOIN market.{digests}({first}, {last}) d ON d.session = s.session
    ORDER BY 1
"""


class Difference(Enum):
    """How the rows of a session differ from its seal."""

    UNSEALED = "rows without a seal"
    GONE = "a seal without rows"
    LOST = "rows lost"
    ADDED = "rows doubled or added"
    CHANGED = "rows changed"
    SOURCE = "rows told by another source"
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
    stored: Held

    def __str__(self) -> str:
        sealed = "no seal" if self.sealed is None else f"{self.sealed.rows:,} sealed"
        return f"{self.dataset} {self.session}: {self.difference.value} ({sealed}, {self.stored.rows:,} stored)"


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
                cursor.execute(_MONTHS, {"dataset": dataset, "first": first, "last": last})
            except (UndefinedTable, UndefinedFunction):
                raise ConfigurationError("this warehouse has no seals yet: data-pipeline migrate makes them") from None
            for begin, rows in cursor.fetchall():
                end = (begin + timedelta(days=31)).replace(day=1) - timedelta(days=1)
                found.append(Month(dataset, max(begin, first or begin), min(end, last or end), rows))
    return found


def verify_month(connection: Connection, month: Month) -> Verified:
    """Return what the rows of a month show beside their seals; the server reads each row once.

    A load that is committed meanwhile is seen whole or not at all.

    Raises:
        psycopg2.Error: The server is away, or cannot read the rows.
    """
    statement = sql.SQL(_MONTH).format(
        dataset=sql.Literal(month.dataset),
        digests=sql.Identifier(f"{month.dataset}_digests"),
        first=sql.Literal(month.first),
        last=sql.Literal(month.last),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall()
    stored = [Held(*(int(value or 0) for value in row[5:])) for row in rows]
    found = []
    for (session, version, *numbers), held in zip((row[:5] for row in rows), stored, strict=True):
        sealed = None if version is None else Held(*map(int, numbers))
        if difference := _difference(version, sealed, held):
            found.append(SealFinding(month.dataset, session, difference, sealed, held))
    return Verified(month, len(rows), sum(held.rows for held in stored), tuple(found))


def verify_seals(connection: Connection, months: Collection[Month]) -> Iterator[Verified]:
    """Yield what each month shows, as soon as it is known, each in a transaction of its own; see ``verify_month``."""
    for month in months:
        verified = verify_month(connection, month)
        connection.rollback()
        yield verified


def _difference(version: int | None, sealed: Held | None, stored: Held) -> Difference | None:
    """Return the first that holds, the heaviest first; None for rows as sealed."""
    if sealed is None:
        return Difference.UNSEALED
    differs = {
        Difference.FORM: version != VERSION,
        Difference.GONE: sealed.rows > 0 == stored.rows,
        Difference.LOST: stored.rows < sealed.rows,
        Difference.ADDED: stored.rows > sealed.rows,
        Difference.CHANGED: stored.digest != sealed.digest,
        Difference.SOURCE: stored.official != sealed.official,
    }
    return next((difference for difference, holds in differs.items() if holds), None)
