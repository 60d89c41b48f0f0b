"""What waits in quarantine, by the check that refused it."""

from __future__ import annotations

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets.findings import CHECKS
from data_pipeline.morning.asking import asked
from data_pipeline.morning.facts import Refused

UNREADABLE = "unreadable"
MOST_IDS = 2000
# What a source sent may stand in a reason: only the name of a check is passed on as one.
_NAMED = "SELECT substring(reason FROM '^([a-z_]+): ') AS word"
_CHECK = f"CASE WHEN word = ANY (%(checks)s) THEN word ELSE '{UNREADABLE}' END"
_REFUSED = f"""
    SELECT dataset, {_CHECK}, count(*), max(loaded_at), sum(times)::bigint,
        (array_agg(reason ORDER BY loaded_at DESC))[1]
    FROM market.rejected_row, LATERAL ({_NAMED}) named WHERE settled_at IS NULL
    GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""  # noqa: S608 - of this file
_IDS = f"""
    SELECT rejected_id FROM market.rejected_row, LATERAL ({_NAMED}) named
    WHERE settled_at IS NULL AND dataset = %(dataset)s AND {_CHECK} = %(check)s ORDER BY rejected_id LIMIT {MOST_IDS}
"""  # noqa: S608 - of this file


def read_refused(connection: Connection) -> tuple[Refused, ...]:
    """Return the rows in quarantine by dataset and check, most rows first.

    Raises:
        ConfigurationError, ConnectionFailedError, TransientError: As
            :func:`~data_pipeline.morning.stored.read_stored`.
    """
    return tuple(Refused(*row) for row in asked(connection, _REFUSED, {"checks": list(CHECKS)}))


def rejected_ids(connection: Connection, dataset: str, check: str) -> list[int]:
    """Return the numbers of at most 2,000 rows in quarantine that a check refused, oldest first."""
    values = {"checks": list(CHECKS), "dataset": dataset, "check": check}
    return [number for (number,) in asked(connection, _IDS, values)]
