"""Which sessions of a dataset are proven, and what each holds: read from seals and coverage; nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.warehouse.errors import said_plainly

_SEALED = """
    SELECT s.session::date, s.rows, s.stage, s.digest, r.source FROM market.seal s
    LEFT JOIN market.ingest_run r ON r.run_id = s.run_id
    WHERE s.dataset = %(dataset)s AND s.session BETWEEN %(first)s AND %(last)s AND s.rows > 0 ORDER BY s.session
"""


@dataclass(frozen=True)
class ProvenSession:
    """A session every cell of which is settled by a proof, and what its seal says."""

    session: date
    rows: int
    stage: str
    """``official`` when the exchange itself told every row, else ``provisional``."""
    digest: str
    """Sixteen hex digits of the seal's digest: another version of the session has others."""
    source: str
    """Who told the rows that were written last; empty when nobody knows."""


def proven_sessions(
    connection: Connection, dataset: str, first: date, last: date, known: Mapping[date, str]
) -> list[ProvenSession]:
    """Return the proven sessions of a range that are new or have another digest than is known of them, oldest first.

    A session with a missing, doubted or archived cell is none, and neither is one of which nothing is expected.

    Args:
        connection: Of any role.
        dataset: One that has cells and is sealed.
        first: First day, included.
        last: Last day, included.
        known: Digests by session; what is as known is passed over, at the cost of reading its seal.

    Raises:
        TransientError: The server is away; trying again can help.
    """
    with said_plainly("seal"), connection.cursor() as cursor:
        cursor.execute(_SEALED, {"dataset": dataset, "first": first, "last": last})
        sealed = [
            ProvenSession(session, rows, stage, f"{int(digest):064x}"[-16:], source or "")
            for session, rows, stage, digest, source in cursor.fetchall()
        ]
    changed = [one for one in sealed if known.get(one.session) != one.digest]
    found = []
    # Coverage reads whole months, so it is asked for those only in which something changed.
    for _, month in groupby(changed, lambda one: (one.session.year, one.session.month)):
        some = list(month)
        whole = {
            one.session
            for one in coverage(connection, some[0].session, some[-1].session, dataset)
            if not (one.lacks or one.archived)
        }
        found += [one for one in some if one.session in whole]
    return found
