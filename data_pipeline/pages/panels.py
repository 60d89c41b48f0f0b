"""What the morning page asks the warehouse beside the facts of the morning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.morning.asking import asked
from data_pipeline.morning.facts import Difference, StreamLine

_OFFICIAL = """
    SELECT count(*) FILTER (WHERE stage = 'official')::int, count(*)::int,
        max(session) FILTER (WHERE stage = 'official')
    FROM market.seal WHERE dataset = 'daily_bar' AND rows > 0 AND session >= %(first)s
"""
_SOURCES = """
    SELECT s.source, s.dataset, s.rows, market.is_made_up(s.source)
    FROM (SELECT source, dataset, sum(coalesce(rows_inserted, 0) + coalesce(rows_updated, 0))::bigint AS rows
        FROM market.ingest_run WHERE status = 'success' GROUP BY 1, 2) s
    WHERE s.rows > 0 ORDER BY 4 DESC, 1, 3 DESC
"""


@dataclass(frozen=True)
class Official:
    """How many of the stored sessions are the exchange's own."""

    official: int
    sessions: int
    newest: date | None
    """The newest official one."""


@dataclass(frozen=True)
class Kind:
    """Differences of one kind over all sessions."""

    kind: str
    rows: int
    explained: int
    newest: int
    """Those of the newest session that has any difference."""


def by_kind(differences: Iterable[Difference]) -> list[Kind]:
    """Return the differences by kind, most first."""
    found = [*differences]
    newest = max((one.session for one in found), default=None)
    kinds = []
    for kind in {one.kind for one in found}:
        those = [one for one in found if one.kind == kind]
        rows, unexplained = sum(one.rows for one in those), sum(one.unexplained for one in those)
        kinds.append(Kind(kind, rows, rows - unexplained, sum(one.rows for one in those if one.session == newest)))
    return sorted(kinds, key=lambda one: (-one.rows, one.kind))


def left_to_rest(lines: Iterable[StreamLine]) -> list[StreamLine]:
    """Return one line of each process that leaves something to REST; those that only stand by are left out."""
    told = [one for one in lines if not one.silent]
    holding = {one.host for one in told if one.placed}
    by_host = {one.host: one for one in told if one.rest_count and (one.host in holding or not holding)}
    return [*by_host.values()]


def read_official(connection: Connection, first: date) -> Official:
    """Return how many sessions since this one, included, are stored as the exchange published them."""
    return Official(*asked(connection, _OFFICIAL, {"first": first})[0])


def read_sources(connection: Connection) -> list[tuple[Any, ...]]:
    """Return what each source brought of each dataset: source, dataset, rows, whether they are made up."""
    return asked(connection, _SOURCES)
