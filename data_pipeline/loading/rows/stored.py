"""What a load looks up before it writes: is anything stored already, and are the coming months' partitions there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets.rows import Rows
from data_pipeline.datasets.table import Table
from data_pipeline.loading.rows.copy_text import CHUNK
from data_pipeline.warehouse.errors import said_plainly

_COMING = timedelta(days=31)
_STORED = """
    SET LOCAL enable_seqscan = off;
    SELECT EXISTS (
        SELECT FROM {} WHERE stock_code = ANY(%(codes)s) AND {} BETWEEN %(first)s AND %(last)s
            AND session BETWEEN %(first_day)s AND %(last_day)s)
"""
_AHEAD = """
    SELECT coalesce(sum(market.ensure_partitions(relname, %(first)s, %(last)s)), 0) FROM pg_class
    WHERE relnamespace = 'market'::regnamespace AND relkind = 'p'
        AND %(first)s >= (market.now() AT TIME ZONE 'Asia/Seoul')::date - 7
"""


def none_stored(connection: Connection, table: Table, records: Sequence[Any]) -> bool:
    """Return whether nothing is stored for these codes between the first and the last time of these records.

    One look at the key's index, which a load of fewer than 1,000 records is not worth: for those, and for tables
    without partitions, the answer is False without looking.

    Args:
        connection: The one they will be loaded on; needs a transaction.
        table: Where they are going.
        records: All records of the load, in any order.
    """
    if not table.partitioned or len(records) < CHUNK:
        return False
    codes, times, days = _keys(table, records)
    values = {
        "codes": sorted(codes),
        "first": min(times),
        "last": max(times),
        "first_day": min(days),
        "last_day": max(days),
    }
    statement = sql.SQL(_STORED).format(sql.Identifier("market", table.name), sql.Identifier(table.key[1]))
    with said_plainly(table.name), connection.cursor() as cursor:
        cursor.execute(statement, values)
        (stored,) = cursor.fetchone() or (True,)
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")
        return not stored


def _keys(table: Table, records: Sequence[Any]) -> tuple[set[str], Collection[Any], Collection[date]]:
    """Return codes, times and days of the records, where many are the same each at least once."""
    if table.columnar and isinstance(records, Rows):
        days = {*records.column(table.day)}
        return {*records.column("stock_code")}, days, days
    rows: list[Any] = [*map(table.values, records)]
    day = table.columns.index(table.day)
    return {row[0] for row in rows}, [row[1] for row in rows], [row[day] for row in rows]


def ensure_coming_months(connection: Connection, session: date) -> int:
    """Make the partitions of this month and the next one, so that no load waits for them; return how many were missing.

    Never commits. Nothing is made for a session that is more than a week old.
    """
    with said_plainly("partitions"), connection.cursor() as cursor:
        cursor.execute(_AHEAD, {"first": session, "last": session + _COMING})
        return int((cursor.fetchone() or (0,))[0])
